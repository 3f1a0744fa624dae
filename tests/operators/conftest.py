"""Programs driven by hand: batches in, batches out, no concurrency anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flowlike.operators import Layer, compile_program, run_inline


def _layer(*operators: Any, window: Any = None, executor: Any = None) -> Layer:
    layer = Layer(window=window, executor=executor)
    for operator in operators:
        layer = layer.then(operator)
    return layer


def _recorded(generator: Any, calls: list[Any]) -> Any:
    """The same generator, with its requests noted down."""
    answer = None
    failure = None
    try:
        while True:
            request = generator.throw(failure) if failure else generator.send(answer)
            calls.append(request)
            failure = None
            try:
                answer = yield request
            except Exception as error:  # noqa: BLE001 - handed on, as a driver does
                failure = error
    except StopIteration as end:
        return end.value


@pytest.fixture
def layer() -> Callable[..., Layer]:
    """``layer(*operators, window=, executor=)``."""
    return _layer


@pytest.fixture
def batches() -> Callable[..., list[Any]]:
    """``batches(layer, inputs, calls=[])``: what leaves for the inputs and at the end."""

    def drive(
        layer: Layer,
        inputs: Iterable[Any],
        *,
        calls: list[Any] | None = None,
        partition: int = 0,
        partitions: int = 1,
        emits: bool = True,
    ) -> list[Any]:
        program = compile_program(layer, partition=partition, partitions=partitions, emits=emits)
        seen: list[Any] = [] if calls is None else calls
        left = []
        for batch in inputs:
            left += run_inline(_recorded(program.push(batch), seen))
        left += run_inline(_recorded(program.finish(), seen))
        assert all(len(batch) for batch in left)
        return left

    return drive


@pytest.fixture
def events(batches: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The same, as one list of events."""

    def drive(layer: Layer, inputs: Iterable[Any], **options: Any) -> list[Any]:
        return [event for batch in batches(layer, inputs, **options) for event in batch]

    return drive
