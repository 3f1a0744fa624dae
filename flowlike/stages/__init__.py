"""Stages: producers, producer-consumers and consumers with demand-driven back-pressure."""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.stages.demand import AutoDemand as AutoDemand
from flowlike.stages.dispatchers import BroadcastDispatcher as BroadcastDispatcher
from flowlike.stages.dispatchers import DemandDispatcher as DemandDispatcher
from flowlike.stages.dispatchers import Dispatcher as Dispatcher
from flowlike.stages.dispatchers import NumberingDispatcher as NumberingDispatcher
from flowlike.stages.dispatchers import PartitionDispatcher as PartitionDispatcher
from flowlike.stages.group import StageGroup as StageGroup
from flowlike.stages.ref import StageCounts as StageCounts
from flowlike.stages.ref import StageRef as StageRef
from flowlike.stages.stage import Batches as Batches
from flowlike.stages.stage import Consumer as Consumer
from flowlike.stages.stage import Producer as Producer
from flowlike.stages.stage import ProducerConsumer as ProducerConsumer
from flowlike.stages.stream import stream as stream
from flowlike.stages.subscription import Subscribe as Subscribe
from flowlike.stages.subscription import Subscription as Subscription

if TYPE_CHECKING:
    from flowlike.stages.supervisor import ConsumerSupervisor as ConsumerSupervisor
else:
    __getattr__ = on_first_use(
        __name__,
        supervisor="ConsumerSupervisor",
    )

__all__ = [
    "AutoDemand",
    "Batches",
    "BroadcastDispatcher",
    "Consumer",
    "ConsumerSupervisor",
    "DemandDispatcher",
    "Dispatcher",
    "NumberingDispatcher",
    "PartitionDispatcher",
    "Producer",
    "ProducerConsumer",
    "StageCounts",
    "StageGroup",
    "StageRef",
    "Subscribe",
    "Subscription",
    "stream",
]
