"""flowlike: staged dataflow for Python, what GenStage and Flow are to Elixir.

Compose a pipeline with :class:`Flow`, run it with back-pressure, cut it by windows with
triggers, and call native chunk kernels (:mod:`flowlike.native`) outside the GIL. Below flows
are stages, which can be used on their own: :class:`Producer`, :class:`ProducerConsumer` and
:class:`Consumer`, started in a :class:`StageGroup`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use

if TYPE_CHECKING:
    from flowlike.errors import FlowBuildError as FlowBuildError
    from flowlike.errors import FlowlikeError as FlowlikeError
    from flowlike.errors import KernelError as KernelError
    from flowlike.errors import NodeLost as NodeLost
    from flowlike.errors import RemoteError as RemoteError
    from flowlike.errors import SourceExhausted as SourceExhausted
    from flowlike.errors import StageStopped as StageStopped
    from flowlike.flow import Flow as Flow
    from flowlike.flow import Graph as Graph
    from flowlike.flow import RunningFlow as RunningFlow
    from flowlike.flow import RunReport as RunReport
    from flowlike.flow import StageReport as StageReport
    from flowlike.operators import Continue as Continue
    from flowlike.operators import CountWindow as CountWindow
    from flowlike.operators import Failure as Failure
    from flowlike.operators import Fire as Fire
    from flowlike.operators import FixedWindow as FixedWindow
    from flowlike.operators import GlobalWindow as GlobalWindow
    from flowlike.operators import PeriodicWindow as PeriodicWindow
    from flowlike.operators import Retry as Retry
    from flowlike.operators import SessionWindow as SessionWindow
    from flowlike.operators import SlidingWindow as SlidingWindow
    from flowlike.operators import TriggerContext as TriggerContext
    from flowlike.runners import LocalRunner as LocalRunner
    from flowlike.runners import ProcessRunner as ProcessRunner
    from flowlike.stages import Batches as Batches
    from flowlike.stages import BroadcastDispatcher as BroadcastDispatcher
    from flowlike.stages import Consumer as Consumer
    from flowlike.stages import ConsumerSupervisor as ConsumerSupervisor
    from flowlike.stages import DemandDispatcher as DemandDispatcher
    from flowlike.stages import Dispatcher as Dispatcher
    from flowlike.stages import PartitionDispatcher as PartitionDispatcher
    from flowlike.stages import Producer as Producer
    from flowlike.stages import ProducerConsumer as ProducerConsumer
    from flowlike.stages import StageGroup as StageGroup
    from flowlike.stages import StageRef as StageRef
    from flowlike.stages import Subscribe as Subscribe
    from flowlike.stages import Subscription as Subscription
    from flowlike.stages import stream as stream

__all__ = [
    "Batches",
    "BroadcastDispatcher",
    "Consumer",
    "ConsumerSupervisor",
    "Continue",
    "CountWindow",
    "DemandDispatcher",
    "Dispatcher",
    "Failure",
    "Fire",
    "FixedWindow",
    "Flow",
    "FlowBuildError",
    "FlowlikeError",
    "GlobalWindow",
    "Graph",
    "KernelError",
    "LocalRunner",
    "NodeLost",
    "PartitionDispatcher",
    "PeriodicWindow",
    "ProcessRunner",
    "Producer",
    "ProducerConsumer",
    "RemoteError",
    "Retry",
    "RunReport",
    "RunningFlow",
    "SessionWindow",
    "SlidingWindow",
    "SourceExhausted",
    "StageGroup",
    "StageRef",
    "StageReport",
    "StageStopped",
    "Subscribe",
    "Subscription",
    "TriggerContext",
    "stream",
]

# Who needs a kernel pays for no flow.
_find = on_first_use(
    __name__,
    errors=(
        "FlowBuildError FlowlikeError KernelError NodeLost RemoteError SourceExhausted StageStopped"
    ),
    flow="Flow Graph RunReport RunningFlow StageReport",
    operators=(
        "Continue CountWindow Failure Fire FixedWindow GlobalWindow PeriodicWindow Retry "
        "SessionWindow SlidingWindow TriggerContext"
    ),
    runners="LocalRunner ProcessRunner",
    stages=(
        "Batches BroadcastDispatcher Consumer ConsumerSupervisor DemandDispatcher Dispatcher "
        "PartitionDispatcher Producer ProducerConsumer StageGroup StageRef Subscribe "
        "Subscription stream"
    ),
)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("flowlike")
    return _find(name)


def __dir__() -> list[str]:
    return __all__
