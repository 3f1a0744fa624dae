"""Kernels from a user's own C: what they take, what they refuse, and how they fail."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import cffi
import numpy as np
import pytest
from own_kernel.compiling import compiled

from flowlike.errors import KernelError
from flowlike.native import Kernel

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("kernels")
    return compiled(HERE / "kernels.c", HERE / "kernels.cdef", folder)


@pytest.fixture
def doubled(module: ModuleType) -> Kernel:
    return Kernel.from_cffi(module.ffi, module.lib.doubled, name="doubled", input="i4", output="i8")


@pytest.fixture
def scaled(module: ModuleType) -> Kernel:
    return Kernel.from_cffi(
        module.ffi,
        module.lib.scaled,
        name="scaled",
        input=float,
        output=float,
        params={"by": "double", "shift": "int8_t", "limit": "uint16_t"},
        elementwise=True,
    )


@pytest.fixture
def summed(module: ModuleType) -> Kernel:
    return Kernel.from_cffi(module.ffi, module.lib.summed, name="summed", input="i8", output="i8")


def failing(module: ModuleType, errors: dict[int, Any]) -> Kernel:
    return Kernel.from_cffi(
        module.ffi,
        module.lib.failing,
        name="failing",
        input="i8",
        output="i8",
        params={"status": "int"},
        errors=errors,
    )


def test_a_new_array_of_the_output_dtype(doubled: Kernel) -> None:
    result = doubled(np.array([1, -2, 2**31 - 1], np.int32))
    assert result.dtype == np.int64
    assert result.tolist() == [2, -4, 2**32 - 2]


def test_it_says_what_it_is(scaled: Kernel, doubled: Kernel) -> None:
    assert (scaled.name, scaled.input, scaled.output) == ("scaled", np.float64, np.float64)
    assert scaled.elementwise
    assert not doubled.elementwise
    assert dict(scaled.params) == {"by": "double", "shift": "int8_t", "limit": "uint16_t"}
    assert dict(scaled.bind(shift=2).bound) == {"shift": 2}
    assert repr(scaled.bind(shift=2)) == "Kernel('scaled', float64 -> float64, shift=2)"


def test_an_empty_list_and_an_empty_array(doubled: Kernel, scaled: Kernel) -> None:
    for empty in ([], np.empty(0, np.int32)):
        result = doubled(empty)
        assert result.dtype == np.int64
        assert result.shape == (0,)
    assert scaled([], by=1.0, shift=0, limit=9).dtype == np.float64


def test_a_read_only_input_is_read(doubled: Kernel) -> None:
    array = np.arange(3, dtype=np.int32)
    array.flags.writeable = False
    assert doubled(array).tolist() == [0, 2, 4]


def test_subclasses_and_dtypes_that_are_equal(doubled: Kernel) -> None:
    class Readings(np.ndarray):  # type: ignore[type-arg]
        pass

    assert doubled(np.arange(3, dtype=np.int32).view(Readings)).tolist() == [0, 2, 4]
    unpickled = pickle.loads(pickle.dumps(np.arange(3, dtype=np.int32)))
    assert doubled(unpickled).tolist() == [0, 2, 4]


def test_void_pointers_take_rows_of_any_dtype(module: ModuleType) -> None:
    pair = np.dtype([("a", "i4"), ("b", "i4")])
    swapped = Kernel.from_cffi(
        module.ffi, module.lib.swapped, name="swapped", input=pair, output=pair
    )
    assert swapped(np.array([(1, 2), (3, 4)], pair)).tolist() == [(2, 1), (4, 3)]


class TestParameters:
    def test_bound_before_given_in_the_call_or_both(self, scaled: Kernel) -> None:
        xs = np.array([1.0, 2.0, 100.0])
        exact = [3.0, 5.0, 50.0]
        assert scaled(xs, by=2.0, shift=1, limit=50).tolist() == exact
        assert scaled.bind(by=2.0, shift=1, limit=50)(xs).tolist() == exact
        assert scaled.bind(limit=50).bind(by=2)(xs, shift=1).tolist() == exact
        assert scaled.bind(by=7.0, shift=1, limit=50)(xs, by=2.0).tolist() == exact

    def test_binding_leaves_the_original_alone(self, scaled: Kernel) -> None:
        first = scaled.bind(by=1.0)
        first.bind(by=2.0)
        assert dict(first.bound) == {"by": 1.0}
        assert dict(scaled.bound) == {}

    def test_missing(self, scaled: Kernel) -> None:
        with pytest.raises(TypeError, match="missing 'by', 'limit'"):
            scaled.bind(shift=1)(np.zeros(1))
        with pytest.raises(TypeError, match="missing 'limit'"):
            scaled.bind(shift=1)(np.zeros(1), by=1.0)

    def test_unknown(self, scaled: Kernel, doubled: Kernel) -> None:
        with pytest.raises(TypeError, match="no parameter 'times'; it has 'by', 'shift', 'limit'"):
            scaled(np.zeros(1), times=3)
        with pytest.raises(TypeError, match="no parameter 'times'; it has none"):
            doubled.bind(times=3)

    @pytest.mark.parametrize("bad", [{"shift": 128}, {"shift": -129}, {"limit": -1}])
    def test_beyond_the_c_type(self, scaled: Kernel, bad: dict[str, int]) -> None:
        with pytest.raises(OverflowError, match="must fit the C type"):
            scaled.bind(**bad)

    @pytest.mark.parametrize("bad", [{"shift": 1.0}, {"by": "2"}, {"by": None}, {"limit": "9"}])
    def test_of_a_wrong_type(self, scaled: Kernel, bad: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="must be a"):
            scaled(np.zeros(1), **{"by": 1.0, "shift": 0, "limit": 1, **bad})


class TestRefusals:
    @pytest.mark.parametrize("events", [[1, 2], (1, 2), range(3), b"1234", None, 5, "12"])
    def test_no_array(self, doubled: Kernel, events: object) -> None:
        with pytest.raises(TypeError, match="takes a numpy array of int32"):
            doubled(events)

    @pytest.mark.parametrize("dtype", ["i8", "u4", "f4", "f8", "?", "O", "S4"])
    def test_another_dtype(self, doubled: Kernel, dtype: str) -> None:
        with pytest.raises(TypeError, match=r"must be of dtype int32.*astype\('<i4'\)"):
            doubled(np.zeros(2, dtype))

    def test_nan_for_integers(self, doubled: Kernel) -> None:
        with pytest.raises(TypeError, match="not float64"):
            doubled(np.array([math.nan]))

    def test_another_byte_order(self, doubled: Kernel) -> None:
        with pytest.raises(TypeError, match="byte order"):
            doubled(np.zeros(2, np.dtype("i4").newbyteorder()))

    def test_gaps_and_dimensions(self, doubled: Kernel) -> None:
        for gaps in (np.arange(6, dtype="i4")[::2], np.arange(6, dtype="i4")[::-1]):
            with pytest.raises(ValueError, match=r"contiguous; numpy\.ascontiguousarray"):
                doubled(gaps)
        for shape in ((), (2, 3)):
            with pytest.raises(ValueError, match="one dimension"):
                doubled(np.zeros(shape, "i4"))


class TestOut:
    def test_it_is_filled_and_returned(self, doubled: Kernel) -> None:
        out = np.empty(3, np.int64)
        assert doubled(np.arange(3, dtype=np.int32), out=out) is out
        assert out.tolist() == [0, 2, 4]

    def test_a_part_of_an_array(self, doubled: Kernel) -> None:
        whole = np.zeros(10, np.int64)
        doubled(np.arange(3, dtype=np.int32), out=whole[4:7])
        assert whole.tolist() == [0, 0, 0, 0, 0, 2, 4, 0, 0, 0]

    def test_of_an_empty_array(self, doubled: Kernel) -> None:
        assert doubled([], out=np.empty(0, np.int64)).shape == (0,)

    @pytest.mark.parametrize(
        ("out", "error", "says"),
        [
            ([0, 0, 0], TypeError, "out must be a numpy array"),
            (np.zeros(3, np.int32), TypeError, "out must be of dtype int64"),
            (np.zeros(3, np.dtype(np.int64).newbyteorder()), TypeError, "byte order"),
            (np.zeros(2, np.int64), ValueError, "as many elements as the array, 3, not 2"),
            (np.zeros(4, np.int64), ValueError, "as many elements"),
            (np.zeros(6, np.int64)[::2], ValueError, "contiguous"),
            (np.zeros((3, 1), np.int64), ValueError, "one dimension"),
            (np.frombuffer(bytes(24), np.int64), ValueError, "read-only"),
        ],
        ids=["list", "dtype", "order", "short", "long", "gaps", "dimensions", "read-only"],
    )
    def test_refused(self, doubled: Kernel, out: object, error: type[Exception], says: str) -> None:
        with pytest.raises(error, match=says):
            doubled(np.arange(3, dtype=np.int32), out=out)

    def test_in_place_only_element_by_element(self, scaled: Kernel, summed: Kernel) -> None:
        reals = np.array([1.0, 2.0])
        assert scaled(reals, out=reals, by=2.0, shift=0, limit=9).tolist() == [2.0, 4.0]
        whole = np.arange(5)
        with pytest.raises(ValueError, match="overlaps"):
            summed(whole, out=whole)
        with pytest.raises(ValueError, match="overlaps"):
            summed(whole[:4], out=whole[1:])
        real = np.zeros(5)
        with pytest.raises(ValueError, match="overlaps"):
            scaled(real[:4], out=real[1:], by=1.0, shift=0, limit=9)
        assert summed(whole[:2], out=whole[2:4]).tolist() == [0, 1]


class TestStatuses:
    def test_success(self, module: ModuleType) -> None:
        assert failing(module, {})(np.arange(3), status=0).tolist() == [0, 1, 2]

    def test_an_unknown_one(self, module: ModuleType) -> None:
        with pytest.raises(KernelError, match="'failing' returned the unknown status -7"):
            failing(module, {1: ValueError})(np.arange(3), status=-7)

    def test_a_class(self, module: ModuleType) -> None:
        with pytest.raises(LookupError, match="'failing' returned status 3"):
            failing(module, {3: LookupError})(np.arange(3), status=3)

    def test_an_instance_is_raised_as_a_copy(self, module: ModuleType) -> None:
        template = OSError(5, "the sensor is gone")
        kernel = failing(module, {3: template})
        caught = []
        for _ in range(2):
            with pytest.raises(OSError, match="the sensor is gone") as failure:
                kernel(np.arange(3), status=3)
            failure.value.add_note("where")
            caught.append(failure.value)
        assert caught[0] is not caught[1]
        assert caught[1].__notes__ == ["where"]
        assert template.__traceback__ is None

    def test_statuses_and_errors_that_make_no_sense(self, module: ModuleType) -> None:
        class Picky(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(one)

        with pytest.raises(ValueError, match="status 0 means success"):
            failing(module, {0: ValueError})
        with pytest.raises(TypeError, match="exception class or instance"):
            failing(module, {1: "broken"})
        with pytest.raises(TypeError, match="give the class"):
            failing(module, {1: Picky(1, 2)})


class TestFromCffi:
    @pytest.mark.parametrize("name", ["nothing", "short_length", "no_arrays"])
    def test_functions_of_another_shape(self, module: ModuleType, name: str) -> None:
        with pytest.raises(TypeError, match=r"int f\(const T \*in, U \*out, size_t n"):
            Kernel.from_cffi(
                module.ffi, getattr(module.lib, name), name="k", input="i8", output="i8"
            )

    @pytest.mark.parametrize("function", [len, None, 5, "doubled"])
    def test_no_cffi_function(self, module: ModuleType, function: object) -> None:
        with pytest.raises(TypeError, match="function must be a cffi function"):
            Kernel.from_cffi(module.ffi, function, name="k", input="i8", output="i8")

    @pytest.mark.parametrize(
        ("input", "output", "says"),
        [
            ("i8", "i8", "input int64 does not fit"),
            ("f4", "i8", "input float32 does not fit"),
            ("i4", "i4", "output int32 does not fit"),
            ("O", "i8", "without objects"),
            ("M8[s]", "i8", "without objects or dates"),
            ("S0", "i8", "of fixed size"),
        ],
    )
    def test_dtypes_that_do_not_fit(
        self, module: ModuleType, input: str, output: str, says: str
    ) -> None:
        with pytest.raises(TypeError, match=says):
            Kernel.from_cffi(module.ffi, module.lib.doubled, name="k", input=input, output=output)

    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"by": "double"},
            {"by": "double", "shift": "int", "limit": "uint16_t"},
            {"by": "double", "shift": "int8_t", "limit": "nonsense"},
            {"by": "double", "shift": "int8_t", "limit": None},
        ],
        ids=str,
    )
    def test_params_that_are_not_the_function_s(
        self, module: ModuleType, params: dict[str, str]
    ) -> None:
        with pytest.raises(TypeError, match="must be the C types"):
            Kernel.from_cffi(
                module.ffi, module.lib.scaled, name="k", input="f8", output="f8", params=params
            )

    def test_a_library_that_cffi_loaded_without_a_compiler(self, module: ModuleType) -> None:
        ffi = cffi.FFI()
        ffi.cdef((HERE / "kernels.cdef").read_text())
        library = ffi.dlopen(module.__file__)
        doubled = Kernel.from_cffi(ffi, library.doubled, name="k", input="i4", output="i8")
        assert doubled(np.arange(3, dtype=np.int32)).tolist() == [0, 2, 4]
        params = {"by": "double", "shift": "int8_t", "limit": "uint16_t"}
        scaled = Kernel.from_cffi(
            ffi, library.scaled, name="k", input="f8", output="f8", params=params
        )
        assert scaled(np.ones(2), by=2.0, shift=1, limit=9).tolist() == [3.0, 3.0]
        with pytest.raises(OverflowError):
            scaled.bind(shift=128)
        with pytest.raises(TypeError, match="must be the C types"):
            Kernel.from_cffi(
                ffi,
                library.scaled,
                name="k",
                input="f8",
                output="f8",
                params={**params, "limit": "nonsense"},
            )
        with pytest.raises(TypeError, match="must be a cffi function"):
            Kernel.from_cffi(ffi, len, name="k", input="f8", output="f8")

    def test_a_name_it_must_have(self, module: ModuleType) -> None:
        for name in ("", 5, None):
            with pytest.raises(TypeError, match="name must be a non-empty str"):
                Kernel.from_cffi(module.ffi, module.lib.doubled, name=name, input="i4", output="i8")

    def test_it_is_the_only_way(self) -> None:
        with pytest.raises(TypeError, match="from_cffi"):
            Kernel()

    def test_its_function_stays_in_this_process(self, doubled: Kernel) -> None:
        with pytest.raises(TypeError, match="cannot be sent to another process"):
            pickle.dumps(doubled)
