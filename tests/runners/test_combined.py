"""What is combined before it crosses gives the same results from worker processes."""

import threading
from collections import Counter

import pytest

from flowlike import Flow, FlowBuildError, ProcessRunner


@pytest.fixture(scope="module")
def runner():
    """Two warm workers."""
    with ProcessRunner(2) as warm:
        yield warm


PAIRS = Flow.from_iterable(range(20_000)).map(lambda n: (f"key {n % 50}", n))
GROUPS = {f"key {n}": list(range(n, 20_000, 50)) for n in range(50)}


def test_groups(runner):
    found = dict(PAIRS.partition(key=0).group_by_key().to_list(runner=runner))
    assert {key: sorted(values) for key, values in found.items()} == GROUPS
    found = dict(PAIRS.partition(key=0).group_by(0, 1).to_list(runner=runner))
    assert {key: sorted(values) for key, values in found.items()} == GROUPS


def test_counts(runner):
    found = dict(PAIRS.partition(key=0).count_by(0).to_list(runner=runner))
    assert found == {key: len(values) for key, values in GROUPS.items()}


def test_states_are_merged(runner):
    def add(counts, event):
        counts[event[0]] += event[1]
        return counts

    def merge(one, other):
        one.update(other)
        return one

    flow = PAIRS.partition(key=0).reduce(Counter, add, merge=merge)
    found = {}
    for state in flow.emit("state").to_list(runner=runner):
        found.update(state)
    assert found == {key: sum(values) for key, values in GROUPS.items()}


def test_each_key_leaves_once_and_the_report_adds_up(runner):
    flow = PAIRS.partition(key=0).unique(0)
    assert Counter(key for key, _ in flow.to_list(runner=runner)) == Counter(list(GROUPS))
    report = flow.run(runner=runner)
    assert (report.events_in, report.filtered, report.events_out) == (20_000, 19_950, 50)
    assert sum(each.filtered for each in report.stages if "map" in each.name) > 19_000


def test_a_failing_merge_arrives_as_ever(runner):
    flow = PAIRS.partition(key=0).reduce(
        int, lambda n, _: n + 1, merge=lambda one, other: one[other]
    )
    with pytest.raises(TypeError) as caught:
        flow.run(runner=runner)
    assert any(note.startswith("in the merge of reduce(") for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        (lambda flow, f: flow.group_by(0, f), r"group_by\(0\) .* its value"),
        (lambda flow, f: flow.reduce(int, f, merge=int.__add__), r"reduce\(.* its function"),
        (lambda flow, f: flow.reduce(int, int.__add__, merge=f), r"reduce\(.* its merge"),
        (lambda flow, f: flow.unique(f), r"unique\(.* its key"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_operator(runner, begin, name):
    lock = threading.Lock()
    flow = begin(PAIRS.partition(key=0), lambda *_: lock)
    with pytest.raises(FlowBuildError, match=f"{name}.* cannot be sent there: .*lock"):
        flow.run(runner=runner)
