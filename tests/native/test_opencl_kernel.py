"""Kernels in OpenCL C: ordinary kernels, whether the device shares the memory or is far away."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from doubling import Doubling

from flowlike import Flow
from flowlike.errors import KernelError
from flowlike.native import Kernel
from flowlike.native import opencl as opencl_room
from flowlike.native.opencl_device import OpenCLDevice

SCALED = """
__kernel void scaled(__global const int *in, __global long *out, ulong n, long by, char shift,
                     __global int *status)
{
    size_t i = get_global_id(0);
    if (in[i] == 78)
        *status = 3;
    out[i] = in[i] * by + shift;
}
"""

REVERSED = """
__kernel void reversed(__global const long *in, __global long *out, ulong n)
{
    size_t i = get_global_id(0);
    out[n - 1 - i] = in[i];
}
"""

DOUBLED = """
__kernel void doubled(__global const long *in, __global long *out, ulong n)
{
    size_t i = get_global_id(0);
    out[i] = 2 * in[i];
}
"""


@pytest.fixture(scope="module", autouse=True)
def device() -> OpenCLDevice:
    pytest.importorskip("pyopencl", reason="needs pyopencl: pip install 'flowlike[opencl]'")
    try:
        return OpenCLDevice.chosen(None)
    except KernelError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["shared memory", "pieces"])
def memory(
    request: pytest.FixtureRequest, device: OpenCLDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device as it is, or as one with memory of its own that gets a thousand at a time."""
    if request.param == "pieces":
        monkeypatch.setattr(device, "shares_memory", False)
        monkeypatch.setattr(opencl_room, "_PIECE", 8000)
    elif not device.shares_memory:
        pytest.skip("this device has memory of its own")


def failure(code: int) -> object:
    """What pyopencl's exceptions are made of."""
    record = opencl_room.opencl()._cl._ErrorRecord
    return record(msg="lost", code=code, routine="clFinish")


def make(source: str, **options: Any) -> Kernel:
    return Kernel.from_opencl(source, **{"name": "made", "input": "i8", "output": "i8", **options})


@pytest.fixture
def scale(memory: None) -> Kernel:
    return make(
        SCALED,
        name="scale",
        input="i4",
        params={"by": "int64_t", "shift": "int8_t"},
        errors={3: OSError(5, "the sensor is gone")},
        elementwise=True,
    )


@pytest.fixture
def double(memory: None) -> Kernel:
    return make(DOUBLED, name="double", elementwise=True)


class TestCalls(Doubling):
    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 999, 1000, 1001, 2000, 2001, 3456, 7000])
    def test_every_element_once(self, scale: Kernel, size: int) -> None:
        array = np.arange(size, dtype=np.int32) - 10_000
        expected = array.astype(np.int64) * 3 - 5
        for _ in range(2):  # the memory of the first call is used again
            assert np.array_equal(scale(array, by=3, shift=-5), expected)

    def test_no_work_item_runs_beyond_the_end(self, double: Kernel) -> None:
        whole = np.full(1400, -1)
        double(np.arange(1300), out=whole[50:1350])
        assert np.array_equal(whole[50:1350], np.arange(0, 2600, 2))
        assert set(whole[:50]) == set(whole[1350:]) == {-1}

    def test_a_read_only_input(self, double: Kernel) -> None:
        array = np.frombuffer(np.arange(5).tobytes(), np.int64)
        assert double(array).tolist() == [0, 2, 4, 6, 8]

    def test_the_whole_array_where_elements_depend_on_others(self, memory: None) -> None:
        reverse = make(REVERSED)
        for size in (1, 700, 5000):
            assert np.array_equal(reverse(np.arange(size)), np.arange(size)[::-1])

    def test_it_is_a_kernel_like_any_other(self, scale: Kernel) -> None:
        bound = scale.bind(by=2**40, shift=-128)
        assert bound(np.array([-1], np.int32)).tolist() == [-(2**40) - 128]
        assert repr(bound) == f"Kernel('scale', int32 -> int64, by={2**40}, shift=-128)"
        with pytest.raises(TypeError, match="must be of dtype int32"):
            bound(np.zeros(3))
        with pytest.raises(ValueError, match="contiguous"):
            bound(np.zeros(4, np.int32)[::2])
        with pytest.raises(OverflowError, match="shift must fit the C type 'int8_t'"):
            bound(np.zeros(2, np.int32), shift=128)
        with pytest.raises(TypeError, match="missing 'by'"):
            scale(np.zeros(2, np.int32), shift=1)
        with pytest.raises(TypeError, match="cannot be sent to another process"):
            pickle.dumps(scale)

    def test_many_threads_at_once(self, scale: Kernel) -> None:
        def called(number: int) -> bool:
            array = np.full(2500, number, np.int32)
            return bool((scale(array, by=number, shift=1) == number * number + 1).all())

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(called, range(100, 140)))

    def test_the_loop_of_a_flow_never_waits_for_the_device(
        self, double: Kernel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: set[threading.Thread] = set()
        compute = opencl_room.OpenCLFunction.__call__

        def recorded(self: Any, *arguments: Any) -> int:
            threads.add(threading.current_thread())
            return compute(self, *arguments)

        monkeypatch.setattr(opencl_room.OpenCLFunction, "__call__", recorded)
        flow = Flow.from_iterable(np.arange(5000), stages=2, max_demand=50).map_batch(double)
        assert flow.to_array().sum() == 5000 * 4999
        assert threads
        assert threading.current_thread() not in threads

    def test_the_gil_is_free_meanwhile(self, memory: None) -> None:
        slow = make(
            "__kernel void slow(__global const long *in, __global long *out, ulong n) {"
            "    long x = in[get_global_id(0)];"
            "    for (int k = 0; k < 20000; k++) x = x * x % 1000003 + k;"
            "    out[get_global_id(0)] = x; }"
        )
        array = np.arange(5000)
        slow(array)
        began, counted, seen = threading.Event(), [0], []

        def call() -> None:
            before = counted[0]
            began.set()
            slow(array)
            seen.append(counted[0] - before)

        thread = threading.Thread(target=call)
        thread.start()
        began.wait()
        while thread.is_alive():
            counted[0] += 1
        thread.join()
        assert seen[0] > 1000


class TestFailures:
    @pytest.mark.parametrize("at", [0, 999, 1000, 2999, 3000, 4999])
    def test_a_status(self, scale: Kernel, at: int) -> None:
        array = np.zeros(5000, np.int32)
        array[at] = 78
        for _ in range(2):
            with pytest.raises(OSError, match="the sensor is gone"):
                scale(array, by=1, shift=0)
        array[at] = 0
        assert not scale(array, by=1, shift=0).any()

    def test_in_a_flow_it_says_where(self, scale: Kernel) -> None:
        flow = Flow.from_iterable(np.arange(5000, dtype=np.int32), stages=2)
        with pytest.raises(OSError, match="the sensor is gone") as failure:
            flow.map_batch(scale.bind(by=1, shift=0)).to_array()
        assert "map_batch(scale)" in "".join(failure.value.__notes__)

    def test_out_of_memory(self, device: OpenCLDevice, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device, "shares_memory", False)
        reverse = make(REVERSED)
        cl, asked = opencl_room.opencl(), []
        taken = cl.Buffer

        def short(context: Any, flags: int, size: int, **options: Any) -> Any:
            asked.append(size)
            if size >= 8 * 5000:
                raise cl.MemoryError(failure(cl.status_code.OUT_OF_RESOURCES))
            return taken(context, flags, size, **options)

        with monkeypatch.context() as patched:
            patched.setattr(cl, "Buffer", short)
            with pytest.raises(MemoryError, match="has no memory for 5000 elements at once; small"):
                reverse(np.arange(5000))
        assert asked == [8 * 5000]
        assert reverse(np.arange(3)).tolist() == [2, 1, 0]

    def test_a_failing_device(self, double: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
        cl = opencl_room.opencl()

        def lost(*_: Any, **__: Any) -> None:
            raise cl.LogicError(failure(cl.status_code.INVALID_COMMAND_QUEUE))

        with monkeypatch.context() as patched:
            patched.setattr(cl, "enqueue_nd_range_kernel", lost)
            with pytest.raises(KernelError, match="'double' failed on the OpenCL device"):
                double(np.arange(5000))
        assert double(np.arange(3)).tolist() == [0, 2, 4]


class TestRefusals:
    @pytest.mark.parametrize(
        ("source", "options", "error", "says"),
        [
            (5, {}, TypeError, "source must be OpenCL C as a str, not 5"),
            ("int f(int x) { return x; }", {}, ValueError, "it has none"),
            (DOUBLED + REVERSED, {}, ValueError, "or one called 'made'; it has"),
            (DOUBLED.replace("doubled(", "doubled(("), {}, KernelError, "cannot compile"),
            (DOUBLED, {"params": {"by": "int"}}, TypeError, "are ulong, int and perhaps"),
            (SCALED, {"input": "i4"}, TypeError, "must be __kernel void f("),
            (
                SCALED,
                {"input": "i4", "params": {"by": "int64_t", "shift": "uint8_t"}},
                TypeError,
                "ulong, long, uchar and perhaps a last __global int *status, not (int*, long*, ulo",
            ),
            (DOUBLED.replace("ulong n", "uint n"), {}, TypeError, "not (long*, long*, uint)"),
            (DOUBLED, {"input": "i4"}, TypeError, "input int32 of kernel 'made' does not fit"),
            (DOUBLED, {"output": "f8"}, TypeError, "output float64 of kernel 'made' does not fit"),
            (DOUBLED, {"params": {"by": "char *"}}, TypeError, "not 'char *'"),
            (DOUBLED, {"errors": {1: ValueError}}, ValueError, "can never occur"),
            (
                DOUBLED.replace("void", "__attribute__((reqd_work_group_size(8, 1, 1))) void"),
                {},
                TypeError,
                "without reqd_work_group_size",
            ),
        ],
    )
    def test_when_it_is_made(
        self, source: Any, options: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error) as refused:
            make(source, **options)
        assert says in str(refused.value)

    def test_the_build_log_is_in_the_message(self) -> None:
        with pytest.raises(KernelError, match="undeclared"):
            make(DOUBLED.replace("in[i];", "missing[i];"))

    def test_the_one_of_its_name_is_chosen(self) -> None:
        both = DOUBLED + REVERSED
        assert make(both, name="reversed")(np.arange(3)).tolist() == [2, 1, 0]
        assert make(both, name="doubled")(np.arange(3)).tolist() == [0, 2, 4]


@pytest.fixture(autouse=True)
def quiet_compiler(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """PoCL prints how many errors it found."""
    yield
    capfd.readouterr()
