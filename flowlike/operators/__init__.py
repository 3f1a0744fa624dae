"""Operators: their descriptions, the layers that they form, and the programs that run.

Everything here is pure: values in, values out. No event loop, clock, thread or queue.
"""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.operators.calls import Calls as Calls
from flowlike.operators.calls import run_inline as run_inline
from flowlike.operators.context import TriggerContext as TriggerContext
from flowlike.operators.executors import ExecutorChoice as ExecutorChoice
from flowlike.operators.executors import check_executor as check_executor
from flowlike.operators.executors import crosses_processes as crosses_processes
from flowlike.operators.executors import executor_name as executor_name
from flowlike.operators.failure import Failure as Failure
from flowlike.operators.gathering import Departition as Departition
from flowlike.operators.gathering import Gathering as Gathering
from flowlike.operators.gathering import HandOn as HandOn
from flowlike.operators.gathering import TakeSort as TakeSort
from flowlike.operators.keys import Key as Key
from flowlike.operators.keys import key_function as key_function
from flowlike.operators.layer import Group as Group
from flowlike.operators.layer import Layer as Layer
from flowlike.operators.operator import Operator as Operator
from flowlike.operators.per_batch import MapBatch as MapBatch
from flowlike.operators.per_event import Each as Each
from flowlike.operators.per_event import Filter as Filter
from flowlike.operators.per_event import FlatMap as FlatMap
from flowlike.operators.per_event import Map as Map
from flowlike.operators.per_event import MapValues as MapValues
from flowlike.operators.per_event import Reject as Reject
from flowlike.operators.policy import Policy as Policy
from flowlike.operators.policy import Retry as Retry
from flowlike.operators.policy import Sink as Sink
from flowlike.operators.policy import check_policy as check_policy
from flowlike.operators.policy import sinks_of as sinks_of
from flowlike.operators.program import Program as Program
from flowlike.operators.program import compile_program as compile_program
from flowlike.operators.reducing import CollectBatch as CollectBatch
from flowlike.operators.reducing import CountBy as CountBy
from flowlike.operators.reducing import EmitAndReduce as EmitAndReduce
from flowlike.operators.reducing import GroupBy as GroupBy
from flowlike.operators.reducing import GroupByKey as GroupByKey
from flowlike.operators.reducing import Reduce as Reduce
from flowlike.operators.reducing import ReduceBatch as ReduceBatch
from flowlike.operators.tally import Counts as Counts
from flowlike.operators.together import Together as Together
from flowlike.operators.triggering import EachState as EachState
from flowlike.operators.triggering import Emit as Emit
from flowlike.operators.triggering import MapState as MapState
from flowlike.operators.triggering import OnTrigger as OnTrigger
from flowlike.operators.windows import Entering as Entering
from flowlike.operators.windows import Entry as Entry
from flowlike.operators.windows import GlobalWindow as GlobalWindow
from flowlike.operators.windows import Window as Window

if TYPE_CHECKING:
    from flowlike.operators.entering import Join as Join
    from flowlike.operators.entering import Unique as Unique
    from flowlike.operators.reordering import Reorderer as Reorderer
    from flowlike.operators.windows import Continue as Continue
    from flowlike.operators.windows import CountWindow as CountWindow
    from flowlike.operators.windows import EventTimeWindow as EventTimeWindow
    from flowlike.operators.windows import Fire as Fire
    from flowlike.operators.windows import FixedWindow as FixedWindow
    from flowlike.operators.windows import PeriodicWindow as PeriodicWindow
    from flowlike.operators.windows import SessionWindow as SessionWindow
    from flowlike.operators.windows import SlidingWindow as SlidingWindow
else:
    __getattr__ = on_first_use(
        __name__,
        windows=(
            "Continue CountWindow EventTimeWindow Fire FixedWindow PeriodicWindow SessionWindow "
            "SlidingWindow"
        ),
        entering="Join Unique",
        reordering="Reorderer",
    )

__all__ = [
    "Calls",
    "CollectBatch",
    "Continue",
    "CountBy",
    "CountWindow",
    "Counts",
    "Departition",
    "Each",
    "EachState",
    "Emit",
    "EmitAndReduce",
    "Entering",
    "Entry",
    "EventTimeWindow",
    "ExecutorChoice",
    "Failure",
    "Filter",
    "Fire",
    "FixedWindow",
    "FlatMap",
    "Gathering",
    "GlobalWindow",
    "Group",
    "GroupBy",
    "GroupByKey",
    "HandOn",
    "Join",
    "Key",
    "Layer",
    "Map",
    "MapBatch",
    "MapState",
    "MapValues",
    "OnTrigger",
    "Operator",
    "PeriodicWindow",
    "Policy",
    "Program",
    "Reduce",
    "ReduceBatch",
    "Reject",
    "Reorderer",
    "Retry",
    "SessionWindow",
    "Sink",
    "SlidingWindow",
    "TakeSort",
    "Together",
    "TriggerContext",
    "Unique",
    "Window",
    "check_executor",
    "check_policy",
    "compile_program",
    "crosses_processes",
    "executor_name",
    "key_function",
    "run_inline",
    "sinks_of",
]
