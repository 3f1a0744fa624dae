"""Ctrl-C: KeyboardInterrupt, after everything was closed, wherever it strikes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from contract import here_only

pytestmark = here_only("memory")

CHILD = """
import asyncio, gc, os, signal, sys, threading, weakref
from itertools import count
from flowlike import Flow

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have ignored it
signal.signal(signal.SIGALRM, lambda number, frame: drop())

def say(word):
    os.write(1, (str(word) + "\\n").encode())  # whole lines, also from several threads

def generator():
    try:
        yield from count()
    finally:
        say("closed")

def busy(n):
    say("ready")
    while True:
        pass

def waits(n):
    say("ready")
    threading.Event().wait()

async def awaits(n):
    say("ready")
    try:
        await asyncio.Event().wait()
    finally:
        say("cancelled")

async def awaits_quietly(n):
    say("ready")
    await asyncio.Event().wait()

async def awaits_again(n):
    say("ready")
    try:
        await asyncio.Event().wait()
    finally:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await asyncio.sleep(0)

def waiting_source():
    try:
        say("ready")
        threading.Event().wait()
        yield 1
    finally:
        say("closed")

async def awaiting_source():
    try:
        yield 1
        say("ready")
        await asyncio.Event().wait()
    finally:
        say("closed")

def work_until(done, n):
    say("ready")
    done.wait(20)
    return n

strikes = iter([signal.raise_signal])

def strike(reference):
    for interrupt in strikes:
        interrupt(signal.SIGINT)

class Struck:
    def __del__(self):
        strike(self)

def drop():
    thing = {{0}}
    reference = weakref.ref(thing, strike)
    del thing

def collect():
    ring = [Struck()]
    ring.append(ring)
    del ring
    gc.collect()

def collect_with_a_callback():
    gc.callbacks.append(lambda phase, info: phase == "stop" and strike(phase))
    gc.collect()

class Endless:
    def __del__(self):
        while True:
            pass

def drop_and_drop():
    drop()
    Endless()

def drops(n):
    if n == 3:
        drop()
    return n

def drops_and(then, drop):
    def function(n):
        drop()
        then(n)
    return function

async def rings(n):
    signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
    await awaits_quietly(n)

async def forgotten_source():
    # Ctrl-C comes when the task is forgotten in which the loop ran for the first event.
    here = asyncio.current_task()
    references = [weakref.ref(task, strike) for task in asyncio.all_tasks() if task is not here]
    del here
    async for event in awaiting_source():
        yield event

flow = Flow.from_iterable(generator(), stages=2)

async def inside(function, *arguments):
    return function(*arguments)

def iterate(flow):
    for event in flow:
        pass

def go_on(flow):
    for number, event in enumerate(flow):
        if number == 0:
            say("ready")

def body(flow):
    for event in flow:
        say("ready")
        threading.Event().wait()

async def abody(flow):
    async for event in flow:
        say("ready")
        await asyncio.Event().wait()

async def start(flow):
    async with flow.start() as running:
        await running.wait()

try:
    {what}
except KeyboardInterrupt:
    say("interrupted")
say(f"{{threading.active_count()}} thread")
"""


def interrupted(what: str, *, by_itself: bool = False) -> list[str]:
    """What a child says that runs ``what`` and is interrupted when it is ready."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(what=what)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        try:
            if not by_itself:
                assert child.stdout.readline() == "ready\n"
                child.send_signal(signal.SIGINT)
            said, complained = child.communicate(timeout=20)
        finally:
            child.kill()
    assert complained == ""
    assert child.returncode == 0
    return [word for word in said.split("\n") if word not in {"", "ready"}]


DOORS = {
    "run": "{flow}.run()",
    "to_list": "{flow}.to_list()",
    "for": "iterate({flow})",
    "arun": "asyncio.run({flow}.arun())",
    "start": "asyncio.run(start({flow}))",
    "run in a running loop": "asyncio.run(inside({flow}.run))",
    "for in a running loop": "asyncio.run(inside(iterate, {flow}))",
}


@pytest.mark.parametrize("door", ["run", "to_list", "for"])
@pytest.mark.parametrize("function", ["busy", "waits"])
def test_in_a_callback(door, function):
    said = interrupted(DOORS[door].format(flow=f"flow.map({function})"))
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("door", DOORS)
def test_in_a_callback_that_awaits(door):
    said = interrupted(DOORS[door].format(flow="flow.map(awaits)"))
    assert said[-2:] == ["interrupted", "1 thread"]
    assert said.count("closed") == 1
    assert 1 <= said.count("cancelled") <= 2


@pytest.mark.parametrize("door", ["run", "to_list", "for"])
@pytest.mark.parametrize("loop", ["", "sys.modules['uvloop'] = None"], ids=["uvloop", "asyncio"])
def test_a_second_and_third_time_while_everything_is_closed(loop, door):
    """The two replicas end one after the other, the second one with the loop of asyncio late."""
    said = interrupted(f"{loop}\n    {DOORS[door].format(flow='flow.map(awaits_again)')}")
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("door", DOORS)
def test_in_many_callbacks_that_await(door):
    said = interrupted(
        DOORS[door].format(flow="flow.map(awaits_quietly, concurrency=10).partition().count_by()")
    )
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("door", DOORS)
def test_in_an_async_source(door):
    said = interrupted(DOORS[door].format(flow="Flow.from_iterable(awaiting_source()).map(str)"))
    assert said == ["closed", "interrupted", "1 thread"]


PRINTED = "sys.unraisablehook = lambda lost: say('lost')"


@pytest.mark.parametrize("door", ["run", "for"])
def test_what_python_drops_in_the_callback_of_a_weakref_interrupts_all_the_same(door):
    flow = DOORS[door].format(flow="flow.map(drops).filter(lambda n: n < 0)")
    said = interrupted(f"{PRINTED}; {flow}", by_itself=True)
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("then", ["waits", "busy"])
@pytest.mark.parametrize("drop", ["drop", "drop_and_drop", "collect", "collect_with_a_callback"])
def test_what_python_drops_in_a_function_that_never_returns_interrupts_it(then, drop):
    what = f"{PRINTED}; flow.map(drops_and({then}, {drop})).run()"
    assert interrupted(what, by_itself=True) == ["closed", "interrupted", "1 thread"]


def test_what_python_drops_beside_a_running_loop_interrupts_all_the_same():
    what = f"{PRINTED}; {DOORS['run in a running loop'].format(flow='flow.map(rings)')}"
    assert interrupted(what, by_itself=True) == ["closed", "interrupted", "1 thread"]


def test_between_two_events_nothing_is_called_in_which_it_would_be_lost():
    said = interrupted("iterate(Flow.from_iterable(forgotten_source()).map(str))", by_itself=True)
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("door", ["run", "to_list", "for"])
def test_in_a_source(door):
    flow = "Flow.from_iterable(waiting_source(), read_in='loop').map(str)"
    said = interrupted(DOORS[door].format(flow=flow))
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize(
    "what", ["body(flow)", "body(flow.map(str))", "asyncio.run(abody(flow.map(str)))"]
)
def test_in_the_body_of_a_loop(what):
    assert interrupted(what) == ["closed", "interrupted", "1 thread"]


def test_between_two_events_in_a_running_loop():
    """``asyncio.run`` itself would let it pass until its task awaits."""
    said = interrupted("asyncio.run(inside(go_on, flow.map(str)))")
    assert said == ["closed", "interrupted", "1 thread"]


def test_a_callback_in_another_thread_is_left_to_it_when_it_does_not_return():
    said = interrupted("asyncio.run(inside(flow.map(waits).run))")
    assert said == ["interrupted", "2 thread"]


def test_a_handler_of_ones_own_is_left_alone():
    said = interrupted(
        "done = threading.Event();"
        "signal.signal(signal.SIGINT, lambda number, frame: (say('mine'), done.set()));"
        "import functools, itertools;"
        "flow = Flow.from_iterable(range(3)).map(functools.partial(work_until, done));"
        "say(flow.to_list())"
    )
    assert said == ["mine", "[0, 1, 2]", "1 thread"]


def test_the_handler_is_as_before():
    said = interrupted(
        "Flow.from_iterable(range(3)).to_list();"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler;"
        "iterate(Flow.from_iterable(range(3)));"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler;"
        "flow.map(waits).run()"
    )
    assert said == ["closed", "interrupted", "1 thread"]


@pytest.mark.parametrize("door", ["run", "for", "run in a running loop"])
def test_a_function_in_a_thread_that_never_returns_does_not_keep_the_program(door):
    said = interrupted(DOORS[door].format(flow="flow.map(waits, executor='threads')"))
    assert said[:2] == ["closed", "interrupted"]
