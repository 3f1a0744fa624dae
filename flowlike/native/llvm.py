"""Python functions compiled by numba, at an address that C can call (the extra ``llvm``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from flowlike.errors import KernelError
from flowlike.native._kernels import ffi
from flowlike.native.signature import scalar_type

__all__ = ["NumbaFunction"]

_RAISED = -(2**31)
_NO_STATUS = _RAISED + 1

# numba takes no starred arguments where C calls, so each parameter is written out. C cannot
# take an exception either: it would be printed and forgotten.
_ENTRY = """
def entry(source, target, size, {params}):
    try:
        status = status_of(
            function(array_at(source, (size,), input), array_at(target, (size,), output), {params})
        )
    except Exception:
        return raised
    return status if no_status < status <= greatest else no_status
"""


class NumbaFunction:
    """``f(array, out, params...)``, compiled for arrays of these dtypes.

    It is compiled when it is made, in nopython mode.

    Args:
        function: a Python function, or one that ``numba.njit`` has decorated.
        name: of the kernel, for messages.
        input: dtype of the elements of ``array``.
        output: dtype of the elements of ``out``.
        params: the C types of the parameters after the arrays, by name.

    Attributes:
        pointer: ``int (*)(const void *in, void *out, size_t n, params...)`` for cffi. It lives
            as long as this object.

    Raises:
        KernelError: numba cannot compile it; the message has what numba says.
        ModuleNotFoundError: numba is not installed.
        TypeError: it is no function of those parameters, returns something else than an int
            or nothing, or numba has no such elements or parameters.
        ValueError: it was decorated with ``parallel=True``.
    """

    def __init__(
        self,
        function: Any,
        name: str,
        input: np.dtype[Any],
        output: np.dtype[Any],
        params: Mapping[str, str],
    ) -> None:
        numba = _numba()
        self._name = name
        self._compiled = _checked(numba, function, name, list(params))
        self._scalars = [scalar_type(ffi, c_type, name) for c_type in params.values()]
        types = numba.types
        scalars = [_known(numba, name, scalar) for scalar in self._scalars]
        arrays = [types.Array(_known(numba, name, element), 1, "C") for element in (input, output)]
        try:
            self._compiled.compile((*arrays, *scalars))
        except (
            numba.core.errors.NumbaError,
            numba.core.errors.UnsupportedBytecodeError,  # none of the others
        ) as error:
            raise KernelError(f"numba cannot compile the kernel {name!r}:\n{error}") from error
        returned = self._compiled.overloads[(*arrays, *scalars)].signature.return_type
        whole = returned.type if isinstance(returned, types.Optional) else returned
        if not isinstance(whole, types.Integer | types.NoneType):
            raise TypeError(
                f"the function of kernel {name!r} must return nothing, or a status as an int, "
                f"not a numba {returned}"
            )
        signature = types.int32(types.voidptr, types.voidptr, types.uintp, *scalars)
        # Whoever holds the pointer must hold this, too.
        self._entry = numba.cfunc(signature)(_entry(numba, self._compiled, input, output, params))
        c_types = "".join(f", {ffi.getctype(c_type)}" for c_type in params.values())
        self.pointer = ffi.cast(
            f"int (*)(const void *, void *, size_t{c_types})", self._entry.address
        )

    def fail(
        self, status: int, array: np.ndarray[Any, Any], out: Any, values: tuple[Any, ...]
    ) -> None:
        """Raise what a call raised, by another one; return where the status is its own.

        Raises:
            KernelError: it cannot be called again, or raises nothing then.
        """
        if status == _NO_STATUS:
            raise KernelError(f"kernel {self._name!r} returned a status beyond the int of C")
        if status != _RAISED:
            return
        if np.may_share_memory(array, out):
            raise KernelError(
                f"kernel {self._name!r} raised an exception; it had written over its input, so "
                f"only a call without out= shows which"
            )
        scalars = zip(self._scalars, values, strict=True)
        self._compiled(array, np.empty_like(out), *[kind.type(value) for kind, value in scalars])
        raise KernelError(
            f"kernel {self._name!r} raised an exception, and did not when called again with the "
            f"same array: it must depend on its arguments alone"
        )


def _numba() -> Any:
    try:
        return import_module("numba")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Kernel.from_numba needs numba: pip install 'flowlike[llvm]'"
        ) from error


def _checked(numba: Any, function: Any, name: str, params: list[str]) -> Any:
    """The function, decorated.

    Raises:
        TypeError: it is none, or has other parameters.
        ValueError: it starts threads of its own.
    """
    compiled = function
    if inspect.isfunction(function):
        compiled = numba.njit(nogil=True)(function)
    elif not isinstance(function, numba.core.dispatcher.Dispatcher):
        raise TypeError(
            f"function must be a Python function or one decorated by numba.njit, not {function!r}"
        )
    elif function.targetoptions.get("parallel"):
        raise ValueError(
            f"the function of kernel {name!r} must be without parallel=True: a flow calls it in "
            f"several threads itself"
        )
    arguments = list(inspect.signature(compiled.py_func).parameters)
    if len(arguments) < 2 or arguments[2:] != params:
        raise TypeError(
            f"the function of kernel {name!r} must have the parameters "
            f"({', '.join(['array', 'out', *params])}), the last ones as params has them, not "
            f"({', '.join(arguments)})"
        )
    return compiled


def _known(numba: Any, name: str, dtype: np.dtype[Any]) -> Any:
    """The type that numba has for a dtype.

    Raises:
        TypeError: it has none.
    """
    try:
        return numba.from_dtype(dtype)
    except numba.core.errors.NumbaNotImplementedError:
        raise TypeError(f"kernel {name!r}: numba knows no elements {dtype.str!r}") from None


def _entry(
    numba: Any,
    compiled: Any,
    input: np.dtype[Any],
    output: np.dtype[Any],
    params: Mapping[str, str],
) -> Callable[..., int]:
    """The function that C calls: it makes arrays of pointers, and a status of whatever happens."""

    def status_of(returned: Any) -> Any:
        return 0 if returned is None else returned

    names: dict[str, Any] = {
        "array_at": numba.carray,
        "function": compiled,
        "greatest": 2**31 - 1,
        "input": input,
        "no_status": _NO_STATUS,
        "output": output,
        "raised": _RAISED,
        "status_of": numba.njit(status_of),
    }
    arguments = ", ".join(f"p{index}" for index, _ in enumerate(params))
    exec(_ENTRY.format(params=arguments), names)  # noqa: S102 - of numbers alone, see above
    entry: Callable[..., int] = names["entry"]
    return entry
