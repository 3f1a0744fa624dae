"""Which OpenCL device is taken, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from flowlike.errors import KernelError
from flowlike.native import Kernel
from flowlike.native import opencl_device as room
from flowlike.native.opencl_device import OpenCLDevice

SOURCE = "__kernel void f(__global const long *in, __global long *out, ulong n) {}"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyopencl", reason="needs pyopencl: pip install 'flowlike[opencl]'")
    monkeypatch.delenv("FLOWLIKE_OPENCL_DEVICE", raising=False)
    monkeypatch.delenv("PYOPENCL_CTX", raising=False)


class Device:
    def __init__(self, name: str, platform: str, *, gpu: bool) -> None:
        types = room.opencl().device_type
        self.name, self.platform = name, SimpleNamespace(name=platform)
        self.type = types.GPU if gpu else types.CPU


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    """A CPU and two GPUs on two platforms, of which one has no device any more."""
    cl = room.opencl()
    cpu = Device("Ryzen", "PoCL", gpu=False)
    small, large = Device("Arc 380", "Intel", gpu=True), Device("Arc 770 ", "Intel", gpu=True)

    def gone() -> None:
        raise cl.RuntimeError("clGetDeviceIDs", cl.status_code.DEVICE_NOT_FOUND, "")

    platforms = [
        SimpleNamespace(name="PoCL", get_devices=lambda: [cpu]),
        SimpleNamespace(name="old", get_devices=gone),
        SimpleNamespace(name="Intel", get_devices=lambda: [small, large]),
    ]
    monkeypatch.setattr(cl, "get_platforms", lambda: platforms)
    monkeypatch.setattr(OpenCLDevice, "__init__", _remember)
    monkeypatch.setattr(room, "_devices", {})
    return [cpu, small, large]


def _remember(self: OpenCLDevice, device: object) -> None:
    self.device = device


def test_a_gpu_if_nobody_says(devices: list[Device]) -> None:
    assert OpenCLDevice.chosen(None).device is devices[1]


@pytest.mark.parametrize(
    ("name", "index"), [("pocl", 0), ("Ryzen", 0), ("ARC", 1), ("770", 2), ("intel: arc 770", 2)]
)
def test_by_name(
    devices: list[Device], name: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OpenCLDevice.chosen(name).device is devices[index]
    monkeypatch.setenv("FLOWLIKE_OPENCL_DEVICE", name)
    assert OpenCLDevice.chosen(None).device is devices[index]
    assert OpenCLDevice.chosen("380").device is devices[1]


@pytest.mark.parametrize(("answers", "index"), [("0", 0), ("2:1", 2), ("intel:770", 2)])
def test_by_the_variable_of_pyopencl(
    devices: list[Device], answers: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYOPENCL_CTX", answers)
    assert OpenCLDevice.chosen(None).device is devices[index]
    monkeypatch.setenv("FLOWLIKE_OPENCL_DEVICE", "380")
    assert OpenCLDevice.chosen(None).device is devices[1]


def test_a_device_is_made_once(devices: list[Device]) -> None:
    assert OpenCLDevice.chosen("arc") is OpenCLDevice.chosen(None)


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        (None, "device='Voodoo' is no OpenCL device here; there are 'Intel: Arc 380', "),
        ("FLOWLIKE_OPENCL_DEVICE", "FLOWLIKE_OPENCL_DEVICE='Voodoo' is no OpenCL device here"),
        ("PYOPENCL_CTX", "PYOPENCL_CTX='Voodoo' is no OpenCL device here"),
    ],
)
def test_a_device_that_is_not_there(
    devices: list[Device],
    variable: str | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, "Voodoo")
    with pytest.raises(ValueError, match="is no OpenCL device here") as refused:
        OpenCLDevice.chosen("Voodoo" if variable is None else None)
    assert says in str(refused.value)
    assert "'Intel: Arc 770', 'PoCL: Ryzen'" in str(refused.value)


def test_a_name_must_be_a_str() -> None:
    with pytest.raises(TypeError, match="device must be a part of a name as a str, not 0"):
        Kernel.from_opencl(SOURCE, name="f", input="i8", output="i8", device=0)  # type: ignore[arg-type]


def test_no_device_on_any_platform(devices: list[Device], monkeypatch: pytest.MonkeyPatch) -> None:
    cl = room.opencl()
    monkeypatch.setattr(cl, "get_platforms", lambda: [SimpleNamespace(name="P", get_devices=list)])
    with pytest.raises(KernelError, match=r"no OpenCL device here \(platforms: P\)"):
        OpenCLDevice.chosen(None)


@pytest.mark.skipif(sys.platform != "linux", reason="only there drivers can be hidden")
def test_no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCL_ICD_VENDORS", "/nothing")
    monkeypatch.setenv("OCL_ICD_FILENAMES", "")
    program = (
        "from flowlike.native import Kernel\n"
        f"Kernel.from_opencl({SOURCE!r}, name='f', input='i8', output='i8')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 1
    assert "KernelError: there is no OpenCL device here (platforms: none): install" in done.stderr
    assert "pip install pocl-binary-distribution" in done.stderr


def test_without_pyopencl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'flowlike\[opencl\]'"):
        Kernel.from_opencl(SOURCE, name="f", input="i8", output="i8")
