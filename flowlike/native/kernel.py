"""Kernels: native functions on contiguous arrays, called without the GIL."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from flowlike.errors import KernelError
from flowlike.memory import empty
from flowlike.native._kernels import ffi as own_ffi
from flowlike.native.signature import (
    Failure,
    arguments_of,
    buffer_type,
    check_of,
    checked_errors,
    element_type,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Kernel"]


class Kernel:
    """A chunk function in native code: ``kernel(array)`` gives an array of as many elements.

    It is made of a C function by `Kernel.from_cffi`, of a Python function by
    `Kernel.from_numba`, or of OpenCL C by `Kernel.from_opencl`. It never changes, and may be
    called by many threads at once: the GIL is released while the function runs.

    Attributes:
        name: how it is called in plans and messages.
        input: numpy dtype of the elements read.
        output: numpy dtype of the elements written.
        elementwise: every element of the result depends on the same element of the input
            alone, so calls over neighbouring arrays can be made one.
        params: the C type of every parameter after the arrays and their length.
        bound: the parameters that `bind` has fixed.
        waits: a call waits for a device, so its CPU time says nothing of what it costs.
    """

    __slots__ = (
        "_checks",
        "_empty",
        "_errors",
        "_fail",
        "_from_buffer",
        "_function",
        "_read_as",
        "_values",
        "_write_as",
        "bound",
        "elementwise",
        "input",
        "name",
        "output",
        "params",
        "waits",
    )

    name: str
    input: np.dtype[Any]
    output: np.dtype[Any]
    elementwise: bool
    params: Mapping[str, str]
    bound: Mapping[str, Any]
    waits: bool

    _empty: Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray[Any, Any]]
    _fail: Callable[[int, np.ndarray[Any, Any], Any, tuple[Any, ...]], None] | None
    _from_buffer: Callable[[Any, Any], Any]
    _function: Any
    _read_as: Any
    _write_as: Any
    _checks: Mapping[str, Callable[[Any], Any]]
    _errors: Mapping[int, Failure]
    _values: tuple[Any, ...] | None

    def __init__(self) -> None:
        raise TypeError("a Kernel is made by Kernel.from_cffi, from_numba or from_opencl")

    @classmethod
    def from_cffi(
        cls,
        ffi: Any,
        function: Any,
        *,
        name: str,
        input: npt.DTypeLike,
        output: npt.DTypeLike,
        params: Mapping[str, str] = MappingProxyType({}),
        errors: Mapping[int, Failure] = MappingProxyType({}),
        elementwise: bool = False,
    ) -> Self:
        """Wrap a C function ``int f(const T *in, U *out, size_t n, params...)``.

        It must read ``n`` elements of ``in``, write ``n`` elements of ``out``, and return 0,
        or a status that says what went wrong. It runs without the GIL and must be safe to
        run in several threads at once.

        Args:
            ffi: the ``ffi`` object of the cffi module the function comes from.
            function: the function, ``module.lib.f``.
            name: how plans and messages call it.
            input: numpy dtype of ``T``.
            output: numpy dtype of ``U``.
            params: the C types of the parameters after ``n`` by name, in their order.
            errors: what to raise for a status other than 0, an exception class or instance.
                An instance is copied for every raise. Any other status: ``KernelError``.
            elementwise: promises that an element of the result depends on the same element
                of the input alone.

        Raises:
            TypeError: the function is no cffi function of that shape, or the name, a
                dtype, a parameter type or an error does not fit.
            ValueError: an error is given for status 0, which means success.
        """
        kernel = cls._described(name, input, output, params, errors, elementwise)
        arguments = arguments_of(ffi, function, name, kernel.params)
        kernel._function = function
        kernel._from_buffer = ffi.from_buffer
        kernel._read_as = buffer_type(ffi, arguments[0], "input", kernel.input)
        kernel._write_as = buffer_type(ffi, arguments[1], "output", kernel.output)
        kernel._checks = {
            param: check_of(ffi, argument)
            for param, argument in zip(kernel.params, arguments[3:], strict=True)
        }
        return kernel

    @classmethod
    def from_numba(
        cls,
        function: Any,
        *,
        name: str,
        input: npt.DTypeLike,
        output: npt.DTypeLike,
        params: Mapping[str, str] = MappingProxyType({}),
        errors: Mapping[int, Failure] = MappingProxyType({}),
        elementwise: bool = False,
    ) -> Self:
        """Compile a Python function ``f(array, out, params...)`` with numba and LLVM.

        It gets both arrays in full, must fill ``out``, and returns nothing, or 0, or a status
        that says what went wrong. It is compiled here, once, and must be safe to run in
        several threads at once. What it raises in a call is raised by that call; to find that
        out it is called once more. numba does not check indices: a loop that leaves the
        arrays is only found with ``numba.njit(boundscheck=True)``.

        Args:
            function: a Python function within numba's reach, or one that ``numba.njit`` has
                decorated, with its own options (``fastmath``, ``boundscheck``, ...).
            name: how plans and messages call it.
            input: numpy dtype of the elements of ``array``.
            output: numpy dtype of the elements of ``out``.
            params: the C types of the parameters after ``out`` by name, in their order.
            errors: what to raise for a status other than 0, as in `Kernel.from_cffi`.
            elementwise: promises that an element of the result depends on the same element
                of the input alone.

        Raises:
            KernelError: numba cannot compile it; the message has what numba says.
            ModuleNotFoundError: numba is not installed (the extra ``flowlike[llvm]``).
            TypeError: it is no function of those parameters, returns something else than an
                int or nothing, or the name, a dtype, a parameter type or an error does not
                fit.
            ValueError: an error is given for status 0, which means success, or the function
                was decorated with ``parallel=True``.
        """
        read, written = element_type("input", input), element_type("output", output)
        from flowlike.native.llvm import NumbaFunction  # noqa: PLC0415 - few flows need it

        compiled = NumbaFunction(function, _checked_name(name), read, written, params)
        kernel = cls.from_cffi(
            own_ffi,
            compiled.pointer,
            name=name,
            input=read,
            output=written,
            params=params,
            errors=errors,
            elementwise=elementwise,
        )
        kernel._fail = compiled.fail
        return kernel

    @classmethod
    def from_opencl(
        cls,
        source: str,
        *,
        name: str,
        input: npt.DTypeLike,
        output: npt.DTypeLike,
        params: Mapping[str, str] = MappingProxyType({}),
        errors: Mapping[int, Failure] = MappingProxyType({}),
        elementwise: bool = False,
        device: str | None = None,
    ) -> Self:
        """Compile OpenCL C for a device: a GPU, or the CPU by PoCL.

        The source has a function ``__kernel void f(__global const T *in, __global U *out,
        ulong n, params...)``. It runs once for each of the ``n`` elements, the one at
        ``get_global_id(0)``, never beyond. A last parameter ``__global int *status`` may
        follow: what a work item writes there is the status of the call.

        The device has one context, and every thread that calls has queues and memory of its
        own there, which are kept for its next call. The arrays of an elementwise kernel cross
        to a device with memory of its own in pieces, so that one is computed while the next
        and the last are on their way; a device that shares the memory of the CPU works in the
        arrays themselves.

        Args:
            source: OpenCL C with one ``__kernel``, or with several, of which the one called
                ``name`` is meant.
            name: how plans and messages call it.
            input: numpy dtype of ``T``.
            output: numpy dtype of ``U``.
            params: the C types of the parameters after ``n`` by name, in their order
                (``int64_t`` is ``long`` there).
            errors: what to raise for a status other than 0, as in `Kernel.from_cffi`.
            elementwise: promises that an element of the result depends on the same element
                of the input alone.
            device: a part of the name of a device or its platform. ``None``: what
                ``FLOWLIKE_OPENCL_DEVICE`` in the environment says, else ``PYOPENCL_CTX`` as
                pyopencl reads it, else a GPU, else any.

        Raises:
            KernelError: there is no OpenCL platform, or the device cannot compile the source;
                the message has its build log.
            ModuleNotFoundError: pyopencl is not installed (the extra ``flowlike[opencl]``).
            TypeError: the kernel in the source has another shape, or the name, a dtype, a
                parameter type or an error does not fit.
            ValueError: no device is so called, the source has no kernel or several of which
                none is called ``name``, or an error is given that can never occur.
        """
        kernel = cls._described(name, input, output, params, errors, elementwise)
        from flowlike.native.opencl import OpenCLFunction  # noqa: PLC0415 - few flows need it

        function = OpenCLFunction(
            source, name, kernel.input, kernel.output, kernel.params, device, kernel.elementwise
        )
        if errors and not function.has_status:
            raise ValueError(
                f"errors of kernel {name!r} can never occur: its function needs a last "
                f"parameter '__global int *status' to write them to"
            )
        kernel.waits = True
        kernel._function = function
        kernel._from_buffer = _itself
        kernel._read_as = kernel._write_as = None
        kernel._checks = {
            param: check_of(own_ffi, own_ffi.typeof(c_type)) for param, c_type in params.items()
        }
        return kernel

    @classmethod
    def _described(
        cls,
        name: str,
        input: npt.DTypeLike,
        output: npt.DTypeLike,
        params: Mapping[str, str],
        errors: Mapping[int, Failure],
        elementwise: bool,
    ) -> Self:
        """A kernel without its function."""
        kernel = cls.__new__(cls)
        kernel.name = _checked_name(name)
        kernel.input = element_type("input", input)
        kernel.output = element_type("output", output)
        kernel.elementwise = bool(elementwise)
        kernel.params = MappingProxyType(dict(params))
        kernel.bound = MappingProxyType({})
        kernel._empty = empty
        kernel._errors = checked_errors(errors)
        kernel._fail = None
        kernel.waits = False
        kernel._values = None if kernel.params else ()
        return kernel

    def bind(self, **params: Any) -> Self:
        """Return this kernel with some parameters fixed; those fixed before may change.

        Raises:
            TypeError: there is no such parameter, or a value of the wrong type.
            OverflowError: a value does not fit the parameter's C type.
        """
        bound = dict(self.bound)
        bound.update((param, self._checked(param, value)) for param, value in params.items())
        kernel = self._copy()
        kernel.bound = MappingProxyType(bound)
        if len(bound) == len(self.params):
            kernel._values = tuple(bound[param] for param in self.params)
        return kernel

    def writing_into(
        self, empty: Callable[[tuple[int, ...], np.dtype[Any]], np.ndarray[Any, Any]]
    ) -> Self:
        """Return this kernel with results in memory that ``empty(shape, dtype)`` gives.

        Without ``out`` a result otherwise lies in memory of flowlike's own, which is used again
        when its last view is gone. In another process the kernel goes back to that.

        Args:
            empty: gives an uninitialised contiguous array, as ``numpy.empty``, in any thread.
        """
        kernel = self._copy()
        kernel._empty = empty
        return kernel

    def empty(self, size: int) -> np.ndarray[Any, Any]:
        """An uninitialised array for ``size`` elements of a result, where results lie."""
        return self._empty((size,), self.output)

    def __call__(self, array: Any, /, *, out: Any = None, **params: Any) -> Any:
        """Run the function over ``array`` in one call.

        Args:
            array: one-dimensional contiguous array of dtype `input`; an empty list counts as
                an empty array.
            out: where to write: an array of dtype `output` and of the same length, or
                ``None`` for a new one. It may be ``array`` itself if the kernel is
                elementwise, and must not overlap it otherwise.
            **params: parameters that were not bound, or other values for those that were.

        Returns:
            ``out``, or the new array.

        Raises:
            TypeError: not such an array, or a parameter missing, unknown or of a wrong type.
            ValueError: the array is not contiguous or has more than one dimension, or
                ``out`` has the wrong size, is read-only, or overlaps ``array``.
            OverflowError: a parameter does not fit its C type.
            KernelError: a status that ``errors`` does not name (those it names raise what it
                says), or an OpenCL device failed.
            MemoryError: there is no memory for the result, here or on the OpenCL device.
        """
        values = self._values if not params else self._merged(params)
        if values is None:
            raise self._missing(())
        # Another type takes the slow way; a subclass of ndarray may mean more by its elements.
        if type(array) is not np.ndarray or array.dtype is not self.input:
            return self._call_with_other(array, out, values)
        return self._run(array, out, values)

    def _copy(self) -> Self:
        kernel = type(self).__new__(type(self))
        for attribute in Kernel.__slots__:
            setattr(kernel, attribute, getattr(self, attribute))
        return kernel

    def _run(self, array: np.ndarray[Any, Any], out: Any, values: tuple[Any, ...]) -> Any:
        if array.ndim != 1 or not array.flags.c_contiguous:
            raise _shape_error(self.name, "the array", array)
        size = len(array)
        if out is None:
            out = self.empty(size)
        else:
            self._check_out(out, array)
        from_buffer = self._from_buffer
        status = self._function(
            from_buffer(self._read_as, array), from_buffer(self._write_as, out), size, *values
        )
        if status:
            raise self._failure(status, array, out, values)
        return out

    def _call_with_other(self, array: Any, out: Any, values: tuple[Any, ...]) -> Any:
        """Call with what is not simply an ndarray of dtype ``input``."""
        return self._run(self._accepted(array), out, values)

    def __repr__(self) -> str:
        """``Kernel(name, input -> output, bound parameters)``."""
        shown = "".join(f", {param}={value!r}" for param, value in self.bound.items())
        return f"{type(self).__name__}({self.name!r}, {self.input} -> {self.output}{shown})"

    def __reduce__(self) -> Any:
        """Refuse: a native function is only known to the process that loaded it.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"kernel {self.name!r} cannot be sent to another process: its function lives in "
            f"this one; give a function of a module that looks the kernel up there"
        )

    def _accepted(self, array: Any) -> np.ndarray[Any, Any]:
        """The array, if it is one of dtype ``input``; an empty list as an empty one.

        Raises:
            TypeError: it is neither.
        """
        if isinstance(array, list) and not array:
            return np.empty(0, self.input)
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{self.name} takes a numpy array of {self.input}, not {_shown(array)}; "
                f"numpy.asarray(events, {self.input.str!r}) makes one"
            )
        _check_dtype(self.name, "the array", array, self.input)
        return array

    def _check_out(self, out: Any, array: np.ndarray[Any, Any]) -> None:
        if not isinstance(out, np.ndarray):
            raise TypeError(f"{self.name}: out must be a numpy array, not {_shown(out)}")
        if out.dtype is not self.output:
            _check_dtype(self.name, "out", out, self.output)
        if out.ndim != 1 or not out.flags.c_contiguous:
            raise _shape_error(self.name, "out", out)
        if out.shape != array.shape:
            raise ValueError(
                f"{self.name}: out must have as many elements as the array, "
                f"{array.shape[0]}, not {out.shape[0]}"
            )
        if not out.flags.writeable:
            raise ValueError(f"{self.name}: out is read-only; give a writable array")
        if np.may_share_memory(array, out) and not (
            self.elementwise
            and self.input.itemsize == self.output.itemsize
            and array.ctypes.data == out.ctypes.data
        ):
            raise ValueError(
                f"{self.name}: out overlaps the array; only an elementwise kernel may write "
                f"in place, and then out must be the array itself"
            )

    def _merged(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of all parameters, in their order."""
        given = {param: self._checked(param, value) for param, value in params.items()}
        if len(given) < len(self.params):
            given = {**self.bound, **given}
            if len(given) < len(self.params):
                raise self._missing(given)
        return tuple([given[param] for param in self.params])

    def _checked(self, param: str, value: Any) -> Any:
        """The value, if C can take it as the parameter ``param``.

        Raises:
            TypeError: there is no such parameter, or it takes no such value.
            OverflowError: the value does not fit its C type.
        """
        check = self._checks.get(param)
        if check is None:
            raise TypeError(
                f"{self.name} has no parameter {param!r}; it has "
                f"{', '.join(map(repr, self.params)) or 'none'}"
            )
        try:
            return check(value)
        except OverflowError:
            raise OverflowError(
                f"{self.name}: {param} must fit the C type {self.params[param]!r}, "
                f"not {value!r:.80}"
            ) from None
        except TypeError:
            raise TypeError(
                f"{self.name}: {param} must be a {self.params[param]!r}, not {_shown(value)}"
            ) from None

    def _missing(self, given: Collection[str]) -> TypeError:
        missing = [repr(p) for p in self.params if p not in self.bound and p not in given]
        return TypeError(
            f"{self.name} is missing {', '.join(missing)}: give them by name in the call, or "
            f"before it with bind()"
        )

    def _failure(
        self, status: int, array: np.ndarray[Any, Any], out: Any, values: tuple[Any, ...]
    ) -> BaseException:
        if self._fail is not None:
            self._fail(status, array, out, values)
        error = self._errors.get(status)
        if error is None:
            return KernelError(f"kernel {self.name!r} returned the unknown status {status}")
        if isinstance(error, type):
            return error(f"kernel {self.name!r} returned status {status}")
        # A raised exception gathers tracebacks and notes: never raise one twice.
        return copy.copy(error)


def _itself(_kind: None, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array as a function takes it that is no C function."""
    return array


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a non-empty str, not {name!r}")
    return name


def _check_dtype(name: str, what: str, array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> None:
    if array.dtype == dtype:
        return
    if array.dtype.newbyteorder("=") == dtype.newbyteorder("="):
        raise TypeError(
            f"{name}: {what} has the byte order of {array.dtype.str!r}, not of {dtype.str!r}; "
            f"array.astype({dtype.str!r}) converts it"
        )
    raise TypeError(
        f"{name}: {what} must be of dtype {dtype}, not {array.dtype}; nothing is converted "
        f"silently, array.astype({dtype.str!r}) does it"
    )


def _shape_error(name: str, what: str, array: np.ndarray[Any, Any]) -> ValueError:
    if array.ndim != 1:
        return ValueError(
            f"{name}: {what} must have one dimension, not shape {array.shape}; "
            f"array.ravel() gives one"
        )
    return ValueError(
        f"{name}: {what} must be contiguous; numpy.ascontiguousarray(array) copies it"
    )


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}" if not callable(value) else repr(value)
