"""The pictures of windows show what the windows promise."""

from __future__ import annotations

import pytest
from pictures import lateness, sessions, triggers, watermark, windows


@pytest.mark.parametrize(("name", "window", "start", "stop"), windows.KINDS)
def test_every_event_stands_in_its_windows(name, window, start, stop):
    fired = windows.fired_by(window)
    times = {"SlidingWindow(10, 5, by)": 2}.get(name, 1)
    assert sorted(event for each in fired for event in each.state) == sorted(windows.EVENTS * times)
    for each in fired:
        assert all(start(each) <= event <= stop(each) for event in each.state)


def test_the_picture_has_every_kind():
    drawn = windows.draw()
    for name, *_ in windows.KINDS:
        assert f">{name}<" in drawn


@pytest.mark.parametrize(("name", "window"), triggers.ROWS)
def test_keep_shows_the_whole_and_reset_the_pieces(name, window):
    letters = "".join(letter for _, letter in triggers.EVENTS)
    states = [each.state for each in triggers.fired_by(window)]
    if "reset" in name or "full_stop" in name:
        assert "".join(states) == letters
    else:
        assert states[-1] == letters
        assert all(letters.startswith(state) for state in states)


def test_windows_fire_when_the_drawn_watermark_reaches_their_end():
    seen = watermark.see()
    for fired in seen.fired:
        end = fired.window_id + watermark.LENGTH
        reached = [time for time, position in seen.watermark if position >= end]
        assert fired.time == min(reached, default=watermark.END)


def test_all_events_of_the_watermark_are_fired_or_late():
    seen = watermark.see()
    sent = [event for _, event in watermark.FIRST + watermark.SECOND]
    kept = [event for fired in seen.fired for event in fired.state]
    assert sorted(kept + [event for _, event in seen.late]) == sorted(sent)
    assert seen.late == [(9.0, 9)]


def test_sessions_of_a_key_are_more_than_a_gap_apart():
    steps = sessions.see()
    sent = sessions.PHONE + sessions.LAPTOP
    for count, step in enumerate(steps, 1):
        assert sorted((key, time) for (key, _), times in step.items() for time in times) == sorted(
            event for _, event in sent[:count]
        )
        for (key, start), times in step.items():
            assert start == times[0]
            others = [at for owner, at in step if owner == key and at > start]
            assert all(at > times[-1] + sessions.GAP for at in others)
    assert [len(step) for step in steps] == [1, 2, 3, 3, 2]


@pytest.mark.parametrize(("action", "last"), [("keep", "abd"), ("reset", "d")])
def test_the_window_with_a_lateness_fires_twice(action, last):
    seen = lateness.see(action)
    assert [(each.trigger, each.state) for each in seen.fired] == [
        ("watermark", "ab"), ("done", last)
    ]  # fmt: skip
    closed, done = (each.time for each in seen.fired)
    assert done == closed + lateness.LATENESS
    assert seen.late == [(36.0, "e")]
