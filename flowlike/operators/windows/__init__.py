"""Windows: which events a reduce sees together, and when it fires."""

from flowlike.operators.windows.global_window import GlobalWindow as GlobalWindow
from flowlike.operators.windows.window import CountTrigger as CountTrigger
from flowlike.operators.windows.window import Window as Window
from flowlike.operators.windows.window import WindowRun as WindowRun

__all__ = ["CountTrigger", "GlobalWindow", "Window", "WindowRun"]
