"""Dispatchers: who gets the events of a producer. One file each."""

from flowlike.stages.dispatchers.broadcast import BroadcastDispatcher as BroadcastDispatcher
from flowlike.stages.dispatchers.checked import fresh_dispatcher as fresh_dispatcher
from flowlike.stages.dispatchers.demand import DemandDispatcher as DemandDispatcher
from flowlike.stages.dispatchers.dispatcher import Deliveries as Deliveries
from flowlike.stages.dispatchers.dispatcher import Dispatcher as Dispatcher
from flowlike.stages.dispatchers.dispatcher import SplitsElsewhere as SplitsElsewhere
from flowlike.stages.dispatchers.dispatcher import splits_elsewhere as splits_elsewhere
from flowlike.stages.dispatchers.numbering import NumberingDispatcher as NumberingDispatcher
from flowlike.stages.dispatchers.partition import PartitionDispatcher as PartitionDispatcher

__all__ = [
    "BroadcastDispatcher",
    "Deliveries",
    "DemandDispatcher",
    "Dispatcher",
    "NumberingDispatcher",
    "PartitionDispatcher",
    "SplitsElsewhere",
    "fresh_dispatcher",
    "splits_elsewhere",
]
