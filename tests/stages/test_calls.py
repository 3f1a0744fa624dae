"""``call``, ``cast`` and ``send``: replies, failures, and that nobody waits for ever."""

import asyncio

import pytest

from flowlike import Consumer, Producer, StageGroup, StageStopped, stream
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, run, settled


class Server(Producer[int]):
    """Calls ``request`` and replies with what it returns."""

    def __init__(self):
        self.heard = []

    def handle_demand(self, demand):
        return ()

    def handle_call(self, request):
        return request()

    def handle_cast(self, message):
        self.heard.append(message)

    def handle_info(self, message):
        self.heard.append(message)


class AsyncServer(Server):
    async def handle_call(self, request):
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        result = request()
        return await result if asyncio.iscoroutine(result) else result

    async def handle_cast(self, message):
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        super().handle_cast(message)

    async def handle_info(self, message):
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        super().handle_info(message)


both = pytest.mark.parametrize("kind", [Server, AsyncServer])


def fails(error):
    def request():
        raise error

    return request


@both
def test_messages_are_heard_in_their_order(kind):
    @interleaved(5)
    async def test():
        server = kind()
        async with StageGroup() as group:
            stage = await group.start(server)
            stage.cast(1)
            stage.send(2)
            assert await stage.call(lambda: list(server.heard)) == [1, 2]
            stage.cast(3)
            assert await stage.call(lambda: list(server.heard)) == [1, 2, 3]

    test()


@both
def test_a_failure_goes_to_the_caller_and_the_stage_lives_on(kind):
    @interleaved(5)
    async def test():
        async with StageGroup() as group:
            stage = await group.start(kind())
            error = LookupError("unknown")
            with pytest.raises(LookupError) as caught:
                await stage.call(fails(error))
            assert caught.value is error
            with pytest.raises(TypeError):
                await stage.call(5)
            assert await stage.call(lambda: 7) == 7

    test()


@both
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_of_a_program_ends_the_stage_and_the_caller_is_told(kind, error):
    async def main():
        async with StageGroup() as group:
            stage = await group.start(kind())
            nonlocal call
            call = asyncio.create_task(stage.call(fails(error("now")), timeout=None))
            await group.wait()

    call = None
    with pytest.raises(error, match="now") as caught:
        run(main())
    assert "in handle_call of stage" in caught.value.__notes__[0]
    assert call.done()


@interleaved(10)
async def test_a_caller_in_another_task_is_told_of_ctrl_c():
    with pytest.raises(KeyboardInterrupt):
        async with StageGroup() as group:
            stage = await group.start(Server())
            call = asyncio.create_task(stage.call(fails(KeyboardInterrupt()), timeout=None))
            await group.wait()
    with pytest.raises(StageStopped, match="'Server' has ended"):
        await call


@interleaved(10)
async def test_a_reply_whose_making_was_cancelled():
    async def give_up():
        waits = asyncio.create_task(asyncio.Event().wait())
        waits.cancel()
        await waits

    async with StageGroup() as group:
        stage = await group.start(AsyncServer())
        with pytest.raises(RuntimeError, match="has cancelled the answer"):
            await stage.call(give_up)
        assert await stage.call(lambda: 7) == 7


@interleaved(10)
async def test_two_stages_that_call_each_other():
    loop = asyncio.get_running_loop()
    async with StageGroup() as group:
        first = await group.start(AsyncServer(), name="first")
        second = await group.start(AsyncServer(), name="second")
        with pytest.raises(TimeoutError, match=r"'(first|second)' did not reply within 5\.0 s"):
            await first.call(lambda: second.call(lambda: first.call(lambda: 7)))
        assert loop.time() < 10
        async with asyncio.timeout(30):  # both live on
            assert await first.call(lambda: 1, timeout=20) == 1
            assert await second.call(lambda: 2, timeout=20) == 2


@interleaved(10)
async def test_a_stage_that_calls_itself():
    async with StageGroup() as group:
        stage = await group.start(AsyncServer())
        with pytest.raises(RuntimeError, match="'AsyncServer' waits for its own reply"):
            await stage.call(lambda: stage.call(lambda: 1), timeout=20)
        assert asyncio.get_running_loop().time() == 1  # at once; the callback takes a second


@interleaved(10)
async def test_a_call_that_is_cancelled_before_its_first_step():
    """Nothing is left unawaited, which pytest would turn into a failure."""
    async with StageGroup() as group:
        stage = await group.start(AsyncServer())
        call = asyncio.create_task(stage.call(lambda: 1))
        await asyncio.wait([call], timeout=0)
    with pytest.raises(StageStopped):
        await call


@interleaved(10)
async def test_a_deadlock_outside_of_calls_is_found_at_once():
    """Who waits in a callback for a subscription of its stage would wait for ever."""

    class Starts(ProbeProducer):
        async def handle_cast(self, message):
            await message()

    class Subscribes(ProbeConsumer):
        async def handle_cast(self, message):
            await message()

    source, sink = Starts(), Subscribes()
    async with StageGroup("one_for_one") as group:
        producer = await group.start(source, restart="temporary")
        consumer = await group.start(sink, restart="temporary")
        other = await group.start(ProbeConsumer())
        consumer.cast(lambda: consumer.subscribe(producer))
        error = await consumer.wait()
        assert isinstance(error, RuntimeError)
        assert "a callback of stage 'Subscribes' waits for a subscription" in str(error)
        ref = await group.start(Starts(), restart="temporary")
        ref.cast(lambda: other.subscribe(ref))
        assert "a callback of stage 'Starts' waits" in str(await ref.wait())
        ref = await group.start(Starts(), restart="temporary")
        ref.cast(lambda: anext(stream([ref])))
        assert "a callback of stage 'Starts' waits" in str(await ref.wait())
        producer.cast(lambda: group.start(ProbeConsumer(), subscribe_to=[producer]))
        assert "a callback of stage 'Starts' waits" in str(await producer.wait())


class Patient(ProbeProducer):
    async def handle_cast(self, message):
        await message()

    async def handle_call(self, message):
        return await message()


@pytest.mark.parametrize(
    ("wait", "what"),
    [
        (lambda group, ref: ref.call("x"), "its own reply and so for itself; call in a task"),
        (lambda group, ref: ref.stop(), "its own end and so for itself; end with self.finish()"),
        (lambda group, ref: ref.wait(), "its own end and so for itself; end with self.finish()"),
        (lambda group, ref: group.wait(), "the end of its group and so for itself; wait in a task"),
    ],
)
async def test_a_callback_that_waits_for_its_own_stage_is_told_so_at_once(wait, what):
    async with StageGroup("one_for_one") as group:
        ref = await group.start(Patient(), name="patient", restart="temporary")
        ref.cast(lambda: wait(group, ref))
        error = await ref.wait()
        assert isinstance(error, RuntimeError)
        assert f"a callback of stage 'patient' waits for {what}" in str(error)


def test_of_two_stages_that_call_each_other_one_says_where_the_other_is(run_virtual):
    async def main():
        async with StageGroup() as group:
            here = await group.start(Patient(), name="here")
            there = await group.start(Patient(), name="there")
            with pytest.raises(TimeoutError) as caught:
                await here.call(lambda: there.call(lambda: here.call("x", None)), timeout=None)
            assert asyncio.get_running_loop().time() == 5
        return str(caught.value)

    said = run_virtual(main())
    assert said == "stage 'there' did not reply within 5.0 s: there.handle_call has not returned"


@interleaved(10)
async def test_a_task_of_its_own_subscribes_for_a_callback():
    class Subscribes(ProbeConsumer):
        async def handle_cast(self, message):
            self.task = asyncio.create_task(message())

    source, sink = ProbeProducer(), Subscribes()
    async with StageGroup() as group:
        producer = await group.start(source)
        consumer = await group.start(sink)
        consumer.cast(lambda: consumer.subscribe(producer))
        source.emit([1])
        await settled()
        await sink.task
        sink.ask(1)
        await sink.expect([1])


@pytest.mark.parametrize(
    ("say", "text"),
    [
        (lambda stage: stage.cast(1), "Silent has no handle_cast"),
        (lambda stage: stage.call(1), "Silent has no handle_call"),
    ],
)
async def test_callbacks_that_are_not_there(say, text):
    class Silent(Consumer[int]):
        def handle_events(self, events, producer):
            pass

    with pytest.raises(NotImplementedError, match=text):
        async with StageGroup() as group:
            stage = await group.start(Silent())
            stage.send("ignored")
            asked = say(stage)
            await (group.wait() if asked is None else asked)
