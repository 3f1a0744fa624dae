"""What runs in worker processes can be sent there: found out before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NoReturn

from flowlike.errors import FlowBuildError
from flowlike.flow.combined import Combined
from flowlike.flow.plan import Plan
from flowlike.flow.recipe import LayerRecipe
from flowlike.nodes.culprit import find_culprit

__all__ = ["check_crossing", "refuse_recipe"]


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


def refuse_recipe(recipe: LayerRecipe, error: Exception) -> NoReturn:
    """Say what keeps a layer from being sent to worker processes.

    Args:
        recipe: of the layer.
        error: what pickling it says.

    Raises:
        FlowBuildError: always; the message names the operator, its argument, and what in it.
    """
    for label, argument, value in _sent(recipe):
        culprit = find_culprit(value)
        if culprit is not None:
            raise FlowBuildError(
                f"{label} runs in worker processes (ProcessRunner), and its {argument} cannot be "
                f"sent there: {culprit.text}; make it inside the function, or use LocalRunner()"
            ) from culprit.error
    raise FlowBuildError(f"{recipe.name} cannot be sent to worker processes: {error}") from error


def _sent(recipe: LayerRecipe) -> Iterator[tuple[str, str, Any]]:
    """What users have given that is sent there: of which operator, as which argument."""
    given: list[tuple[str, Any]] = [(each.label, each) for each in recipe.layer.operators]
    for routing in (*(each.routing for each in recipe.readings), recipe.behind):
        if isinstance(routing, Combined):
            given += [(routing.label, routing.routing), (routing.operator.label, routing.operator)]
        else:
            given.append((routing.label, routing))
    if recipe.grouping is not None:
        given.append((recipe.grouping.label, recipe.grouping))
    given.append((recipe.name, recipe.options))
    for label, options in given:
        for field in dataclasses.fields(options):
            yield label, field.name, getattr(options, field.name)
