"""The OpenCL device a kernel runs on, and why there is none."""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import Any

from flowlike.errors import KernelError

__all__ = ["OpenCLDevice", "opencl"]

_devices: dict[Any, OpenCLDevice] = {}
_lock = threading.Lock()


class OpenCLDevice:
    """A device with the one context that all kernels on it share.

    Attributes:
        context: the context.
        device: what pyopencl knows of it.
        name: of the device, with its platform.
        shares_memory: it works in the memory of the CPU, so that nothing needs to be copied.
    """

    def __init__(self, device: Any) -> None:
        self.device = device
        self.name = _name(device)
        self.context = opencl().Context([device])
        self.shares_memory = bool(device.host_unified_memory)

    @classmethod
    def chosen(cls, name: str | None) -> OpenCLDevice:
        """The device of that name, or the one the environment names, or the best.

        Raises:
            KernelError: there is no OpenCL platform, or none with a device.
            ModuleNotFoundError: pyopencl is not installed.
            TypeError: the name is no str.
            ValueError: there is no such device; the message says which there are.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"device must be a part of a name as a str, not {name!r}")
        found = _chosen(_found(), name)
        with _lock:
            if found not in _devices:
                _devices[found] = cls(found)
            return _devices[found]


def opencl() -> Any:
    """The module pyopencl.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return import_module("pyopencl")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Kernel.from_opencl needs pyopencl: pip install 'flowlike[opencl]'"
        ) from error


def _found() -> list[Any]:
    """All devices, the GPUs first.

    Raises:
        KernelError: there are none.
    """
    cl = opencl()
    try:
        platforms = cl.get_platforms()
    except cl.Error:
        platforms = []  # the loader's way to say that there are none
    devices = []
    for platform in platforms:
        try:
            devices += platform.get_devices()
        except cl.Error:
            continue  # a driver without its device
    if not devices:
        shown = ", ".join(platform.name for platform in platforms) or "none"
        raise KernelError(
            f"there is no OpenCL device here (platforms: {shown}): install the driver of the "
            f"GPU, or PoCL for the CPU, as 'pip install pocl-binary-distribution' or the package "
            f"pocl-opencl-icd of Debian"
        )
    return sorted(devices, key=lambda device: not device.type & cl.device_type.GPU)


def _chosen(devices: list[Any], name: str | None) -> Any:
    cl = opencl()
    asked, source = name, "device="
    if asked is None:
        asked, source = os.environ.get("FLOWLIKE_OPENCL_DEVICE"), "FLOWLIKE_OPENCL_DEVICE="
    if asked:
        for device in devices:
            if asked.casefold() in _name(device).casefold():
                return device
    elif answers := os.environ.get("PYOPENCL_CTX"):
        asked, source = answers, "PYOPENCL_CTX="
        try:
            return cl.choose_devices(interactive=False)[0]
        except (cl.Error, RuntimeError):
            pass  # it names no device, as the error below says
    else:
        return devices[0]
    raise ValueError(
        f"{source}{asked!r} is no OpenCL device here; there are "
        f"{', '.join(repr(_name(device)) for device in devices)}"
    )


def _name(device: Any) -> str:
    return f"{device.platform.name.strip()}: {device.name.strip()}"
