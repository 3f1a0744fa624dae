"""Programs as their users run them: in a process of their own, ended by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATTERNS = Path(__file__).parents[2] / "examples" / "patterns"


@pytest.fixture
def interrupted() -> Iterator[Callable[..., tuple[int, str, str]]]:
    """``interrupted(name, *arguments, feed="", after)`` presses Ctrl-C.

    It feeds the program, reads what it says until that has ``after`` in it, and interrupts it
    with its stdin still open. Returns its status, the rest of its stdout and its stderr.
    """
    started: list[subprocess.Popen[str]] = []

    def interrupt(name: str, *arguments: str, feed: str = "", after: str) -> tuple[int, str, str]:
        program = subprocess.Popen(
            [sys.executable, str(PATTERNS / f"{name}.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(program)
        assert program.stdin is not None
        program.stdin.write(feed)
        program.stdin.flush()
        assert program.stdout is not None
        assert program.stderr is not None
        for line in program.stdout:
            if after in line:
                break
        program.send_signal(signal.SIGINT)
        status = program.wait(30)
        return status, program.stdout.read(), program.stderr.read()

    yield interrupt
    for program in started:
        program.kill()
        program.wait()
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe is not None:
                pipe.close()
