"""Count the words of files, or of what comes in on stdin.

Run it with ``python examples/word_count.py README.md`` or
``cat *.md | python examples/word_count.py --top 5``.

It is the smallest flow with a partition. Lines are read from all files at once and only as fast
as they are counted, so a file may be larger than memory. Every word goes to the partition that
its hash says: equal words meet in the same one, so that each word has one count, and the counts
of the partitions need no merging.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from flowlike import Flow


def words_of(line: str) -> list[str]:
    """The words of a line in lower case; a word is letters, digits and inner apostrophes."""
    return re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)*", line.lower())


def count_words(sources: Iterable[Iterable[str]], stages: int | None = None) -> dict[str, int]:
    """Count the words of several sources of lines.

    Args:
        sources: open files, or other iterables of lines.
        stages: how many partitions count; default one for each CPU.

    Raises:
        ValueError: no source at all, or ``stages < 1``.

    Example:
        >>> sorted(count_words([["To be, or", "not to be"]], stages=2).items())
        [('be', 2), ('not', 1), ('or', 1), ('to', 2)]
    """
    flow = Flow.from_iterables(sources).flat_map(words_of).partition(stages=stages).count_by()
    return dict(flow.to_list())


def most_frequent(counts: dict[str, int], n: int) -> list[tuple[str, int]]:
    """The ``n`` words with the highest counts; those of equal count by the alphabet."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:n]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the most frequent words; 1 if a file cannot be read."""
    parser = argparse.ArgumentParser(description="Count the words of files, or of stdin.")
    parser.add_argument("files", nargs="*", type=Path, help="default: stdin")
    parser.add_argument("--top", type=_count, default=10, metavar="N", help="default 10")
    parser.add_argument("--stages", type=_count, metavar="N", help="default: one for each CPU")
    arguments = parser.parse_args(argv)
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(path.open(encoding="utf-8")) for path in arguments.files]
            counts = count_words(opened or [sys.stdin], arguments.stages)
    except (OSError, UnicodeDecodeError) as error:
        # flowlike adds notes that say which source it was.
        print(f"word_count: {error}", *getattr(error, "__notes__", ()), file=sys.stderr)
        return 1
    for word, count in most_frequent(counts, arguments.top):
        print(f"{count:8} {word}")
    return 0


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    sys.exit(main())
