"""Windows: which events a reduce sees together, and when it fires."""

from flowlike.operators.windows.entry import Entering as Entering
from flowlike.operators.windows.entry import Entry as Entry
from flowlike.operators.windows.global_window import GlobalWindow as GlobalWindow
from flowlike.operators.windows.punctuation import Continue as Continue
from flowlike.operators.windows.punctuation import Fire as Fire
from flowlike.operators.windows.run import WindowRun as WindowRun
from flowlike.operators.windows.triggers import CountTrigger as CountTrigger
from flowlike.operators.windows.window import Window as Window

__all__ = [
    "Continue",
    "CountTrigger",
    "Entering",
    "Entry",
    "Fire",
    "GlobalWindow",
    "Window",
    "WindowRun",
]
