"""A text to count words in: few words are frequent and most are rare, as in a language."""

from __future__ import annotations

import random
from pathlib import Path

__all__ = ["write_words"]


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
