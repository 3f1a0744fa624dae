"""Windows: which events a reduce sees together, and when it fires."""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.operators.windows.entry import Entering as Entering
from flowlike.operators.windows.entry import Entry as Entry
from flowlike.operators.windows.global_window import GlobalWindow as GlobalWindow
from flowlike.operators.windows.run import WindowRun as WindowRun
from flowlike.operators.windows.triggers import CountTrigger as CountTrigger
from flowlike.operators.windows.window import Window as Window

if TYPE_CHECKING:
    from flowlike.operators.windows.count_window import CountWindow as CountWindow
    from flowlike.operators.windows.event_time import EventTimeWindow as EventTimeWindow
    from flowlike.operators.windows.fixed_window import FixedWindow as FixedWindow
    from flowlike.operators.windows.periodic_window import PeriodicWindow as PeriodicWindow
    from flowlike.operators.windows.punctuation import Continue as Continue
    from flowlike.operators.windows.punctuation import Fire as Fire
    from flowlike.operators.windows.session_window import SessionWindow as SessionWindow
    from flowlike.operators.windows.sliding_window import SlidingWindow as SlidingWindow
else:
    __getattr__ = on_first_use(
        __name__,
        punctuation="Continue Fire",
        count_window="CountWindow",
        event_time="EventTimeWindow",
        fixed_window="FixedWindow",
        periodic_window="PeriodicWindow",
        session_window="SessionWindow",
        sliding_window="SlidingWindow",
    )

__all__ = [
    "Continue",
    "CountTrigger",
    "CountWindow",
    "Entering",
    "Entry",
    "EventTimeWindow",
    "Fire",
    "FixedWindow",
    "GlobalWindow",
    "PeriodicWindow",
    "SessionWindow",
    "SlidingWindow",
    "Window",
    "WindowRun",
]
