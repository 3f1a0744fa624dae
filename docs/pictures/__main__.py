"""Draws every picture into the folder of this package."""

from __future__ import annotations

from pathlib import Path

from pictures import PICTURES

for name, draw in PICTURES.items():
    Path(__file__).with_name(name).write_text(draw(), encoding="utf-8")
    print(name)
