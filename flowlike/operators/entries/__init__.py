"""What stands between the events of a window and its reduce: unique and join, running."""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use

if TYPE_CHECKING:
    from flowlike.operators.entries.counted import CountedEntry as CountedEntry
    from flowlike.operators.entries.joining import Joining as Joining
    from flowlike.operators.entries.joining import JoinState as JoinState
    from flowlike.operators.entries.unique import Distinct as Distinct
else:
    __getattr__ = on_first_use(
        __name__,
        counted="CountedEntry",
        unique="Distinct",
        joining="JoinState Joining",
    )

__all__ = ["CountedEntry", "Distinct", "JoinState", "Joining"]
