"""Kernels from Python functions that numba compiles: what they take, refuse, and raise."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from doubling import Doubling

from flowlike import Flow
from flowlike.errors import KernelError
from flowlike.native import Kernel

Array = np.ndarray[Any, Any]


def scaled(array: Array, out: Array, by: float, shift: int) -> int:
    for i in range(len(array)):
        if array[i] == 77:
            raise LookupError("seventy-seven")
        if array[i] == 78:
            return 3
        out[i] = array[i] * by + shift
    return 0


def doubled(array: Array, out: Array) -> None:
    for i in range(len(array)):
        out[i] = 2 * array[i]


def make(function: Any, **options: Any) -> Kernel:
    pytest.importorskip("numba", reason="needs numba: pip install 'flowlike[llvm]'")
    return Kernel.from_numba(function, **{"name": "made", "input": "i8", "output": "i8", **options})


@pytest.fixture(scope="module")
def scale() -> Kernel:
    return make(
        scaled,
        input="i4",
        output="f8",
        params={"by": "double", "shift": "int8_t"},
        errors={3: OSError(5, "the sensor is gone")},
        elementwise=True,
    )


@pytest.fixture(scope="module")
def double() -> Kernel:
    return make(doubled, name="double", elementwise=True)


class TestCalls(Doubling):
    def test_it_is_a_kernel_like_any_other(self, scale: Kernel) -> None:
        array = np.array([1, -2, 2**31 - 1], np.int32)
        bound = scale.bind(by=0.5, shift=-3)
        assert bound(array).tolist() == [-2.5, -4.0, (2**31 - 1) / 2 - 3]
        out = np.empty(3)
        assert bound(array, out=out) is out
        assert bound([]).dtype == np.float64
        assert repr(bound) == "Kernel('made', int32 -> float64, by=0.5, shift=-3)"
        array.flags.writeable = False
        assert bound(array).tolist() == out.tolist()

    @pytest.mark.parametrize(
        ("array", "error", "says"),
        [
            ([1, 2], TypeError, "takes a numpy array of int32"),
            (np.zeros(2), TypeError, "must be of dtype int32"),
            (np.zeros(2, np.dtype("i4").newbyteorder()), TypeError, "byte order"),
            (np.zeros(4, np.int32)[::2], ValueError, "contiguous"),
            (np.zeros((2, 2), np.int32), ValueError, "one dimension"),
        ],
    )
    def test_what_it_refuses(
        self, scale: Kernel, array: object, error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            scale(array, by=1.0, shift=0)

    def test_parameters(self, scale: Kernel) -> None:
        array = np.zeros(2, np.int32)
        with pytest.raises(TypeError, match="missing 'shift'"):
            scale(array, by=1.0)
        with pytest.raises(OverflowError, match="shift must fit the C type 'int8_t'"):
            scale(array, by=1.0, shift=128)
        with pytest.raises(TypeError, match="no parameter 'speed'"):
            scale.bind(speed=1)

    def test_signed_parameters_arrive(self) -> None:
        def filled(array: Array, out: Array, a: int, b: int, c: int, d: int) -> None:
            out[0], out[1], out[2], out[3] = a, b, c, d

        bits = dict(zip("abcd", (8, 16, 32, 64), strict=True))
        fill = make(filled, params={param: f"int{bits[param]}_t" for param in bits})
        least = {param: -(2 ** (bits[param] - 1)) for param in bits}
        assert fill(np.zeros(4, np.int64), **least).tolist() == list(least.values())

    def test_unsigned_parameters_arrive(self) -> None:
        def filled(array: Array, out: Array, a: int, b: int, c: int, d: int, e: int) -> None:
            out[0], out[1], out[2], out[3], out[4] = a, b, c, d, e

        bits = dict(zip("abcde", (8, 16, 32, 64, 64), strict=True))
        params = {param: f"uint{bits[param]}_t" for param in "abcd"} | {"e": "size_t"}
        greatest = {param: 2 ** bits[param] - 1 for param in bits}
        fill = make(filled, output="u8", params=params)
        assert fill(np.zeros(5, np.int64), **greatest).tolist() == list(greatest.values())

    def test_real_parameters_arrive(self) -> None:
        def filled(array: Array, out: Array, a: float, b: float) -> None:
            out[0], out[1] = a, b

        fill = make(filled, output="f8", params={"a": "float", "b": "double"})
        assert fill(np.zeros(2, np.int64), a=0.1, b=0.1).tolist() == [np.float32(0.1), 0.1]

    def test_rows(self) -> None:
        def swapped(array: Array, out: Array) -> None:
            for i in range(len(array)):
                out[i]["a"] = array[i]["b"]
                out[i]["b"] = array[i]["a"]

        pair = np.dtype([("a", "i4"), ("b", "i4")])
        swap = make(swapped, input=pair, output=pair)
        assert swap(np.array([(1, 2), (3, 4)], pair)).tolist() == [(2, 1), (4, 3)]

    def test_many_threads_at_once(self, scale: Kernel) -> None:
        def called(number: int) -> float:
            array = np.full(10_000, number, np.int32)
            return float(scale(array, by=2.0, shift=1).sum())

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(called, range(64)))
        assert found == [10_000.0 * (2 * number + 1) for number in range(64)]


class TestFailures:
    def test_a_status(self, scale: Kernel) -> None:
        with pytest.raises(OSError, match="the sensor is gone"):
            scale(np.array([1, 78], np.int32), by=1.0, shift=0)

    def test_an_exception_of_the_function(self, scale: Kernel) -> None:
        with pytest.raises(LookupError, match="seventy-seven"):
            scale(np.array([1, 77], np.int32), by=1.0, shift=0)

    def test_in_a_flow_it_says_where(self, scale: Kernel) -> None:
        flow = Flow.from_iterable(np.arange(100, dtype=np.int32), stages=2)
        with pytest.raises(LookupError, match="seventy-seven") as failure:
            flow.map_batch(scale.bind(by=1.0, shift=0)).to_array()
        assert "map_batch(made)" in "".join(failure.value.__notes__)

    def test_a_division_by_zero(self) -> None:
        def divided(array: Array, out: Array) -> None:
            for i in range(len(array)):
                out[i] = 10 // array[i]

        with pytest.raises(ZeroDivisionError):
            make(divided)(np.array([5, 0]))

    def test_an_exception_after_the_input_is_gone(self) -> None:
        def checked(array: Array, out: Array) -> None:
            for i in range(len(array)):
                if array[i] == 7:
                    raise ValueError("seven")
                out[i] = -1

        check, array = make(checked, elementwise=True), np.array([1, 7])
        with pytest.raises(KernelError, match=r"written over its input.*without out="):
            check(array, out=array)

    def test_an_exception_that_does_not_come_again(self) -> None:
        once = np.ones(1, np.int64)

        def forgetful(array: Array, out: Array, where: int) -> None:
            if array[0] == 1:
                array[0] = 0
                raise ValueError

        with pytest.raises(KernelError, match="depend on its arguments alone"):
            make(forgetful, params={"where": "int"})(once, where=0)

    def test_statuses_of_every_size(self) -> None:
        def failing(array: Array, out: Array, status: int) -> int:
            return status

        fail, array = make(failing, params={"status": "int64_t"}), np.zeros(1, np.int64)
        # In an int 2**32 would be 0, a success.
        for beyond in (2**31, 2**32, -(2**31), -(2**31) + 1, -(2**40)):
            with pytest.raises(KernelError, match="beyond the int of C"):
                fail(array, status=beyond)
        for unknown in (-7, 2**31 - 1, -(2**31) + 2):
            with pytest.raises(KernelError, match=f"'made' returned the unknown status {unknown}"):
                fail(array, status=unknown)


def one(array: Array) -> None: ...


def unnamed(array: Array, out: Array, by: int) -> None: ...


def half(array: Array, out: Array) -> float:
    return 0.5


def fetching(array: Array, out: Array) -> None:
    import json  # noqa: PLC0415

    json.loads("1")


class TestRefusals:
    @pytest.mark.parametrize(
        ("function", "options", "error", "says"),
        [
            (one, {}, TypeError, "(array, out), the last ones as params has them, not (array)"),
            (
                unnamed,
                {},
                TypeError,
                "(array, out), the last ones as params has them, not (array, out, by)",
            ),
            (
                unnamed,
                {"params": {"of": "int"}},
                TypeError,
                "must have the parameters (array, out, of)",
            ),
            (len, {}, TypeError, "must be a Python function or one decorated by numba.njit"),
            ("doubled", {}, TypeError, "must be a Python function"),
            (half, {}, TypeError, "return nothing, or a status as an int, not a numba float64"),
            (fetching, {}, KernelError, "numba cannot compile the kernel 'made':\n"),
            (unnamed, {"params": {"by": "char *"}}, TypeError, "not 'char *'"),
            (unnamed, {"params": {"by": "long double"}}, TypeError, "not 'long double'"),
            (unnamed, {"params": {"by": "nonsense"}}, TypeError, "not 'nonsense'"),
            (unnamed, {"params": {"by": 5}}, TypeError, "not 5"),
            (doubled, {"input": "O"}, TypeError, "without objects"),
            (doubled, {"input": ">i8"}, TypeError, "numba knows no elements '>i8'"),
            (doubled, {"name": ""}, TypeError, "name must be a non-empty str"),
            (doubled, {"errors": {0: ValueError}}, ValueError, "status 0 means success"),
        ],
    )
    def test_when_it_is_made(
        self, function: Any, options: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error) as refused:
            make(function, **options)
        assert says in str(refused.value)

    def test_threads_of_its_own(self) -> None:
        numba = pytest.importorskip("numba", reason="needs numba: pip install 'flowlike[llvm]'")
        with pytest.raises(ValueError, match="without parallel=True"):
            make(numba.njit(parallel=True)(doubled))

    def test_its_function_stays_in_this_process(self, double: Kernel) -> None:
        with pytest.raises(TypeError, match="cannot be sent to another process"):
            pickle.dumps(double)

    def test_without_numba(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "numba", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'flowlike\[llvm\]'"):
            Kernel.from_numba(doubled, name="double", input="i8", output="i8")


@pytest.mark.parametrize("decorated", [False, True])
def test_options_of_njit_stay(decorated: bool) -> None:
    numba = pytest.importorskip("numba", reason="needs numba: pip install 'flowlike[llvm]'")

    def leaving(array: Array, out: Array) -> None:
        out[0] = array[len(array)]

    mark: Callable[..., Any] = numba.njit(boundscheck=True) if decorated else numba.njit
    if decorated:
        with pytest.raises(IndexError):
            make(mark(leaving))(np.zeros(1, np.int64))
    else:
        assert make(mark(doubled))(np.ones(1, np.int64)).tolist() == [2]
