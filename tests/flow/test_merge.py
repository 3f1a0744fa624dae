"""Several flows in one layer, with any dispatcher; a flow that is there twice runs twice."""

from __future__ import annotations

from collections import Counter

import pytest
from contract import here_only, run
from hypothesis import given
from hypothesis import strategies as st

from flowlike import (
    BroadcastDispatcher,
    DemandDispatcher,
    Flow,
    FlowBuildError,
    GlobalWindow,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    SourceExhausted,
    StageGroup,
)

options = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 3]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 20)),
    }
)


async def gather(flow):
    return [event async for batch in flow.abatches() for event in batch]


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    worked=st.integers(0, 15),
    first=options,
    then=options,
    seed=st.integers(0, 2**32),
)
def test_all_events_of_all_flows_arrive_once(sizes, worked, first, then, seed):
    flows = []
    for index, size in enumerate(sizes):
        flow = Flow.from_iterable([(index, n) for n in range(size)], **first)
        if worked >> index & 1:
            flow = flow.shuffle(**first).map(lambda event: event)
        flows.append(flow)
    found = run(gather(Flow.merge(flows, **then).map(lambda event: event)), seed=seed)
    expected = [(index, n) for index, size in enumerate(sizes) for n in range(size)]
    assert sorted(found) == expected


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    stages=st.integers(1, 4),
    max_demand=st.integers(1, 20),
    seed=st.integers(0, 2**32),
)
def test_a_broadcast_gives_every_replica_every_event(sizes, stages, max_demand, seed):
    flows = [Flow.from_iterable(range(size)) for size in sizes]
    flow = Flow.merge(flows, dispatcher=BroadcastDispatcher(), stages=stages, max_demand=max_demand)
    found = run(gather(flow.collect_batch().emit("state")), seed=seed)
    assert [sorted(state) for state in found] == [
        sorted(n for s in sizes for n in range(s))
    ] * stages


def test_partitions_have_names_or_numbers_and_set_the_number_of_replicas():
    by_name = PartitionDispatcher(["odd", "even"], lambda n: "odd" if n % 2 else "even")
    states = (
        Flow.merge([Flow.from_iterable(range(5)), Flow.from_iterable([6, 7])], dispatcher=by_name)
        .collect_batch()
        .map_state(lambda state, ctx: (ctx.partition, ctx.partitions, sorted(state)))
        .emit("state")
        .to_list()
    )
    assert sorted(states) == [(0, 2, [1, 3, 7]), (1, 2, [0, 2, 4, 6])]
    by_number = PartitionDispatcher(3, lambda n: n % 3)
    flow = Flow.merge([Flow.from_iterable(range(9))], dispatcher=by_number, stages=3)
    assert sorted(map(sorted, flow.collect_batch().emit("state").to_list())) == [
        [0, 3, 6], [1, 4, 7], [2, 5, 8],
    ]  # fmt: skip


@here_only("builds")
def test_a_partition_dispatcher_fits_the_stages():
    dispatcher = PartitionDispatcher(2, lambda n: n % 2)
    with pytest.raises(ValueError, match=r"stages=3 .* has 2 partitions; leave stages out"):
        Flow.merge([Flow.from_iterable([1])], dispatcher=dispatcher, stages=3)


def test_a_dispatcher_of_ones_own_is_copied_for_every_producer(notes):
    copies = notes()

    class Alternate(DemandDispatcher):
        """A dispatcher of one's own, which tells how often it was copied."""

        def fresh(self):
            copies.append("again")
            return Alternate()

    flow = Flow.from_iterable(range(10), stages=2).map(abs)
    merged = Flow.merge([flow, Flow.from_iterable([10])], dispatcher=Alternate(), stages=2)
    assert sorted(merged.map(abs).to_list()) == list(range(11))
    assert len(copies) == 3
    assert "by Alternate" in merged.explain()


def test_a_flow_that_is_given_twice_is_run_twice(notes):
    read = notes()

    class Numbers:
        def __iter__(self):
            read.append("again")
            return iter([1, 2])

    flow = Flow.from_iterable(Numbers()).map(lambda n: n)
    assert sorted(Flow.merge([flow, flow]).to_list()) == [1, 1, 2, 2]
    assert list(read) == ["again", "again"]


def test_a_one_shot_iterator_that_is_given_twice_is_refused_before_it_is_read():
    source = iter([1, 2])
    flow = Flow.from_iterable(source)
    with pytest.raises(SourceExhausted, match="this flow reads it twice"):
        Flow.merge([flow.map(abs), flow]).to_list()
    assert flow.to_list() == [1, 2]


def test_an_async_iterator_that_is_given_twice_is_refused():
    async def numbers():
        yield 1

    flow = Flow.from_iterable(numbers())
    with pytest.raises(SourceExhausted, match="this flow reads it twice"):
        Flow.merge([flow, flow]).to_list()
    assert flow.to_list() == [1]


class Numbers(Producer[int]):
    def handle_demand(self, demand):
        self.finish()
        return [1, 2, 3]


class Same(ProducerConsumer[int, int]):
    def handle_events(self, events, producer):
        return events


def test_a_stage_that_is_given_twice_is_refused():
    flow = Flow.from_stages([Numbers()])
    with pytest.raises(FlowBuildError, match=r"Numbers object .* is used twice .* StageRef"):
        Flow.merge([flow, flow]).to_list()
    through = Flow.from_iterable([1]).through_stages([Same()])
    with pytest.raises(FlowBuildError, match=r"Same object .* is used twice"):
        Flow.merge([through, through.map(abs)]).explain()


async def test_stages_that_run_can_be_merged():
    async with StageGroup() as group:
        numbers = Numbers()
        numbers.demand = "accumulate"
        ref = await group.start(numbers)
        flow = Flow.merge([Flow.from_stages([ref]), Flow.from_iterable([4])]).map(abs)
        async with flow.each(lambda n: None).start() as running:
            await ref.demand("forward")
            assert (await running.wait()).events_out == 4


@here_only("builds")
@pytest.mark.parametrize(
    ("flows", "error", "says"),
    [
        ([], ValueError, "at least one flow"),
        ([Flow.from_iterable([1]), [2]], TypeError, r"takes flows, not \[2\]"),
        (Flow.from_iterable([1]), TypeError, r"Flow.merge\(\[flow\]\)"),
        (3, TypeError, "not iterable"),
    ],
)
def test_what_is_no_flows(flows, error, says):
    with pytest.raises(error, match=says):
        Flow.merge(flows)


@here_only("builds")
@pytest.mark.parametrize("dispatcher", [BroadcastDispatcher, 3, "shuffle", object()])
def test_what_is_no_dispatcher(dispatcher):
    with pytest.raises(TypeError, match="dispatcher must be an instance such as"):
        Flow.merge([Flow.from_iterable([1])], dispatcher=dispatcher)


@here_only("builds")
def test_a_window_without_a_reduce_in_one_of_the_flows():
    flow = Flow.from_iterable([1], window=GlobalWindow()).map(abs)
    with pytest.raises(FlowBuildError, match="no reduce after map"):
        Flow.merge([Flow.from_iterable([1]), flow])


def test_a_failure_in_one_flow_stops_all():
    def fail(n):
        raise LookupError(n)

    endless = Flow.from_iterable(iter(int, 1))
    with pytest.raises(LookupError) as caught:
        Flow.merge([endless, Flow.from_iterable([7], stages=1).map(fail)]).run()
    assert "in map(fail), replica 0 of 1, event 7" in caught.value.__notes__


def test_the_report_counts_what_was_read_of_all_flows():
    report = Flow.merge([Flow.from_iterable([1, 2]).map(abs), Flow.from_iterable([3])]).run()
    assert (report.events_in, report.events_out) == (3, 3)


@here_only("builds")
def test_the_plan_and_the_repr_show_all_flows():
    flow = Flow.merge([Flow.from_iterable([1]).map(abs), Flow.from_iterable("ab")]).count_by()
    assert repr(flow) == "Flow.merge(Flow(list of 1).map(abs), Flow(str)).count_by()"
    assert "from   layer 1: map(abs), source 2: str, by shuffle" in flow.explain()
    assert Counter(dict(flow.to_list())) == Counter([1, "a", "b"])
