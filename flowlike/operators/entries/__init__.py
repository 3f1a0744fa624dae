"""What stands between the events of a window and its reduce: unique and join, running."""

from flowlike.operators.entries.counted import CountedEntry as CountedEntry
from flowlike.operators.entries.joining import Joining as Joining
from flowlike.operators.entries.joining import JoinState as JoinState
from flowlike.operators.entries.unique import Distinct as Distinct

__all__ = ["CountedEntry", "Distinct", "JoinState", "Joining"]
