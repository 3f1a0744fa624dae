"""What runs in worker processes can be sent there: found out before anything runs."""

from __future__ import annotations

from flowlike.errors import FlowBuildError
from flowlike.flow.planner import Plan
from flowlike.nodes.culprit import find_culprit

__all__ = ["check_crossing"]


def check_crossing(plan: Plan) -> None:
    """Check that all functions that run in worker processes can be pickled.

    Raises:
        FlowBuildError: one cannot; the message names what in it.
    """
    for layer in plan.layers:
        for operator in layer.layer.in_processes:
            culprit = find_culprit(getattr(operator, "function"))  # noqa: B009 - all of these have one
            if culprit is not None:
                raise FlowBuildError(
                    f'{operator.label} runs in worker processes (executor="processes"), and its '
                    f"function cannot be sent there: {culprit.text}; make it inside the function, "
                    'or use executor="threads"'
                ) from culprit.error
