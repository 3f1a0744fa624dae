"""Windows: which events a reduce sees together, and when it fires."""

from flowlike.operators.context import TriggerContext as TriggerContext
from flowlike.operators.windows.global_window import GlobalWindow as GlobalWindow
from flowlike.operators.windows.window import CountTrigger as CountTrigger
from flowlike.operators.windows.window import Window as Window

__all__ = ["CountTrigger", "GlobalWindow", "TriggerContext", "Window"]
