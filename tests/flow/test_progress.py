"""The progress bar, drawn into a captured stderr."""

from __future__ import annotations

import sys

import pytest

from flowlike import Flow
from flowlike.observe import ProgressBar


def test_a_run_with_a_bar_ends_with_all_events_on_it(capsys):
    flow = Flow.from_iterable(range(1234)).map(str)
    assert len(flow.to_list(progress=True)) == 1234
    assert "1234/1234" in capsys.readouterr().err
    assert flow.run(progress=True).events_in == 1234
    assert sum(1 for _ in flow.batches(progress=True)) > 0
    capsys.readouterr()


def test_a_failing_run_takes_its_bar_away(capsys):
    flow = Flow.from_iterable(iter(range(100))).map(lambda n: 1 // (n - 5))
    with pytest.raises(ZeroDivisionError):
        flow.run(progress=True)
    assert "/?" in capsys.readouterr().err


async def test_its_last_state_stays_and_is_drawn_once(capsys):
    seen = []
    bar = ProgressBar(lambda: len(seen), total=None)
    bar.start()
    seen.extend(range(7))
    bar.stop()
    assert "7/?" in capsys.readouterr().err
    bar.stop()
    assert capsys.readouterr().err == ""


def test_without_rich_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    flow = Flow.from_iterable([1])
    with pytest.raises(ModuleNotFoundError, match=r"flowlike\[progress\]"):
        flow.run(progress=True)
    assert flow.run(progress=False).events_in == 1
