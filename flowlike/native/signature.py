"""What `Kernel.from_cffi` is given, checked against the C function it wraps."""

from __future__ import annotations

import copy
import operator
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Failure",
    "arguments_of",
    "buffer_type",
    "check_of",
    "checked_errors",
    "element_type",
    "scalar_type",
]

Failure: TypeAlias = BaseException | type[BaseException]


def element_type(which: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The numpy dtype of the elements a kernel reads or writes.

    Raises:
        TypeError: it is no dtype, or one whose elements C cannot be given: objects, dates
            (numpy has no buffer of them), nothing at all.
    """
    element = np.dtype(dtype)
    if element.hasobject or element.itemsize == 0 or element.kind in "mM":
        raise TypeError(
            f"{which} must be a dtype of fixed size without objects or dates, not {dtype!r}"
        )
    return element


def arguments_of(ffi: Any, function: Any, name: str, params: Mapping[str, str]) -> list[Any]:
    """The C types of the function's arguments, checked against the promised shape.

    Raises:
        TypeError: it has another shape, or other parameters.
    """
    wanted = "int f(const T *in, U *out, size_t n, parameters...)"
    try:
        # A str would be taken for the name of a type.
        kind = ffi.typeof(function if not isinstance(function, str) else None)
    except TypeError:
        raise TypeError(f"function must be a cffi function {wanted}, not {function!r}") from None
    if kind.kind != "function":
        raise TypeError(f"function must be a cffi function {wanted}, not {kind.cname}")
    arguments = list(kind.args)
    fits = (
        kind.result.cname == "int"
        and not kind.ellipsis
        and len(arguments) >= 3
        and arguments[0].kind == arguments[1].kind == "pointer"
        and arguments[2] == ffi.typeof("size_t")
    )
    if not fits:
        raise TypeError(f"function of kernel {name!r} must be {wanted}, not {kind.cname}")
    declared = [argument.cname for argument in arguments[3:]]
    given = list(params.values())
    if declared != [_written_by_cffi(ffi, c_type) for c_type in given]:
        raise TypeError(
            f"params of kernel {name!r} must be the C types {declared} of its function, in "
            f"their order, not {given}"
        )
    return arguments


def _written_by_cffi(ffi: Any, c_type: str) -> str | None:
    """A C type as cffi writes it, or None if it is not one."""
    # The FFI of cffi's ABI mode has no error of its own, but then cffi itself is imported.
    error = ffi.error if hasattr(ffi, "error") else sys.modules["cffi"].CDefError
    try:
        return ffi.typeof(c_type).cname  # type: ignore[no-any-return]
    except (TypeError, error):
        return None


def _is_real(c_type: Any) -> bool:
    return c_type.cname in ("float", "double", "long double")


def check_of(ffi: Any, c_type: Any) -> Callable[[Any], Any]:
    """A function that returns a value as C can take it, or raises what is wrong with it."""
    if c_type.kind != "primitive" or _is_real(c_type) or c_type.cname == "char":
        cell = ffi.typeof(ffi.getctype(c_type, "[1]"))

        def check(value: Any) -> Any:
            ffi.new(cell, (value,))
            return value

        return check
    bits = 8 * ffi.sizeof(c_type)
    signed = int(ffi.cast(c_type, -1)) < 0
    least = -(1 << (bits - 1)) if signed else 0
    greatest = (1 << (bits - signed)) - 1

    def check_integer(value: Any) -> int:
        # cffi would take a float32 or a Fraction and cut it off at the point.
        number = operator.index(value)
        if least <= number <= greatest:
            return number
        raise OverflowError

    return check_integer


def scalar_type(ffi: Any, c_type: str, name: str) -> np.dtype[Any]:
    """The numpy dtype of a parameter, for what is no C but takes the same numbers.

    Raises:
        TypeError: it is no C type, or not one of a whole number or of a float or double.
    """
    written = _written_by_cffi(ffi, c_type)
    kind = ffi.typeof(c_type) if written else None
    if kind is None or kind.kind != "primitive" or written in ("char", "long double"):
        raise TypeError(
            f"params of kernel {name!r} must be C types of whole numbers, float or double, "
            f"not {c_type!r}"
        )
    letter = "f" if _is_real(kind) else "i" if int(ffi.cast(kind, -1)) < 0 else "u"
    return np.dtype(f"{letter}{ffi.sizeof(kind)}")


def buffer_type(ffi: Any, pointer: Any, which: str, dtype: np.dtype[Any]) -> Any:
    """What ``ffi.from_buffer`` shall make of an array of ``dtype``.

    Raises:
        TypeError: the pointer is one to elements of another size or kind.
    """
    item = pointer.item
    if item.kind == "void" or item.cname in ("char", "unsigned char", "signed char"):
        return ffi.typeof("char[]") if item.kind == "void" else ffi.typeof(f"{item.cname}[]")
    if item.kind == "primitive":
        real = dtype.kind == "f"
        if ffi.sizeof(item) != dtype.itemsize or (
            dtype.kind in "iufb" and _is_real(item) is not real
        ):
            raise TypeError(f"{which} {dtype} does not fit the C type {pointer.cname!r}")
    elif ffi.sizeof(item) != dtype.itemsize:
        raise TypeError(
            f"{which} {dtype} has {dtype.itemsize} bytes, the C type {item.cname!r} "
            f"{ffi.sizeof(item)}"
        )
    return ffi.typeof(ffi.getctype(item, "[]"))


def checked_errors(errors: Mapping[int, Any]) -> dict[int, Failure]:
    """What to raise for which status.

    Raises:
        TypeError: a status is no integer, or something cannot be raised again and again.
        ValueError: an error is given for status 0.
    """
    checked: dict[int, Failure] = {}
    for status, error in errors.items():
        if operator.index(status) == 0:
            raise ValueError("errors: status 0 means success and cannot raise")
        if isinstance(error, BaseException):
            try:
                copy.copy(error)
            except TypeError:
                raise TypeError(
                    f"errors[{status}] cannot be copied for every raise: give the class"
                ) from None
        elif not (isinstance(error, type) and issubclass(error, BaseException)):
            raise TypeError(
                f"errors[{status}] must be an exception class or instance, not {error!r}"
            )
        checked[operator.index(status)] = error
    return checked
