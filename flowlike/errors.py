"""Every error that flowlike itself raises.

::

    FlowlikeError
    ├── FlowBuildError (ValueError)      your flow cannot be built as written
    ├── SourceExhausted (RuntimeError)   a one-shot iterator was run a second time
    ├── StageStopped (RuntimeError)      you talk to a stage that has ended
    ├── KernelError (RuntimeError)       a native kernel cannot be built, or failed
    ├── NodeLost (RuntimeError)          a worker process has died
    └── RemoteError (RuntimeError)       stands for an exception that cannot be pickled

A wrong argument is a plain ``TypeError`` or ``ValueError``, raised where the
argument is given. An exception in your own function is never wrapped: it reaches
you as it was raised, with notes that say where.
"""

from __future__ import annotations

__all__ = [
    "FlowBuildError",
    "FlowlikeError",
    "KernelError",
    "NodeLost",
    "RemoteError",
    "SourceExhausted",
    "StageStopped",
]


class FlowlikeError(Exception):
    """The root of flowlike's own errors."""


class FlowBuildError(FlowlikeError, ValueError):
    """The operators of a flow do not fit together; the message names them and the cure."""


class SourceExhausted(FlowlikeError, RuntimeError):
    """A flow over a one-shot iterator was started a second time."""


class StageStopped(FlowlikeError, RuntimeError):
    """A stage was called, or asked for something, after it had ended."""


class KernelError(FlowlikeError, RuntimeError):
    """A native kernel cannot be built here, or failed in a way its ``errors`` do not name."""


class NodeLost(FlowlikeError, RuntimeError):
    """A worker process has died, and what it was doing is lost.

    Attributes:
        node: the name of the worker.
        status: as ``subprocess.Popen.returncode``: the exit status, or minus the signal that
            killed it; ``None`` if nobody knows.
    """

    node: str = ""
    status: int | None = None


class RemoteError(FlowlikeError, RuntimeError):
    """Stands for an exception of a worker process that cannot be pickled, or not be made here.

    Attributes:
        kind: the name of its type, with its module.
        text: what it said.
    """

    kind: str = ""
    text: str = ""
