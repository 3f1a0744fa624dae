"""A text to count words in: few words are frequent and most are rare, as in a language."""

from __future__ import annotations

import random
from pathlib import Path

__all__ = ["count_words", "write_words"]


def count_words(path: Path) -> dict[str, int]:
    """How often each word of a file comes, by a plain loop on one core."""
    counts: dict[str, int] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            for word in line.split():
                counts[word] = counts.get(word, 0) + 1
    return counts


def write_words(path: Path, size: int) -> None:
    """Write lines of ten words, always the same ones, to a file.

    The n-th most frequent of 30 000 words has 1/n of the first one's share.

    Args:
        path: the file to write.
        size: how many bytes.
    """
    vocabulary = [f"word{number:x}" for number in range(1, 30_001)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    # What repeats is much longer than a batch, and most of the time would go into chance.
    chosen = random.Random(1).choices(vocabulary, weights, k=min(size, 5_000_000) // 7 + 10)
    lines = [" ".join(chosen[at : at + 10]) + "\n" for at in range(0, len(chosen) - 9, 10)]
    text = "".join(lines)
    repeats, rest = divmod(size, len(text))
    with path.open("w", encoding="utf-8") as file:
        for _ in range(repeats):
            file.write(text)
        file.write(text[:rest])
