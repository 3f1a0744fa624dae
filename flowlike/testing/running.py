"""Running a test's coroutine on a loop with a virtual clock, once or under many seeds."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar

from flowlike.options import check_count
from flowlike.testing.virtual_loop import VirtualLoop, places_of

__all__ = ["interleaved", "run"]

Result = TypeVar("Result")
P = ParamSpec("P")


def run(
    main: Coroutine[Any, Any, Result], *, seed: int | None = None, patience: float = 5.0
) -> Result:
    """Run ``main`` on a new :class:`VirtualLoop` and return its result.

    What it raises has a note with the seed, if there is one.

    Args:
        main: the test.
        seed: the interleaving; see :class:`VirtualLoop`.
        patience: real seconds before waiting for ever is an error.

    Raises:
        AssertionError: ``main`` has left a task behind.
        RuntimeError: everything waits for ever.
    """
    new_loop = functools.partial(VirtualLoop, seed=seed, patience=patience)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        try:
            result = runner.run(main)
            left = places_of(asyncio.all_tasks(runner.get_loop()))
            if left:
                raise AssertionError(f"the test has ended and left tasks behind: {left}")
        except BaseException as error:
            if seed is not None:
                error.add_note(f"interleaving: seed={seed} repeats it")
            raise
    return result


def interleaved(
    seeds: int | Iterable[int] = 20,
) -> Callable[[Callable[P, Coroutine[Any, Any, object]]], Callable[P, None]]:
    """Make a coroutine function an ordinary test that runs under many interleavings.

    The first one that fails is raised, with a note of its seed; ``@interleaved([seed])`` runs
    that alone.

    Args:
        seeds: how many, or which ones.

    Raises:
        ValueError: ``seeds < 1``, or none was given.

    Example:
        >>> from flowlike.testing import interleaved
        >>> orders = set()
        >>> @interleaved(10)
        ... async def test():
        ...     order = []
        ...     async def note(name):
        ...         order.append(name)
        ...     await asyncio.gather(note("a"), note("b"))
        ...     orders.add("".join(order))
        >>> test()
        >>> sorted(orders)
        ['ab', 'ba']
    """
    chosen = tuple(seeds) if isinstance(seeds, Iterable) else range(check_count("seeds", seeds))
    if not chosen:
        raise ValueError("interleaved needs at least one seed")

    def decorate(test: Callable[P, Coroutine[Any, Any, object]]) -> Callable[P, None]:
        @functools.wraps(test)
        def under_every_seed(*args: P.args, **kwargs: P.kwargs) -> None:
            for seed in chosen:
                run(test(*args, **kwargs), seed=seed)

        return under_every_seed

    return decorate
