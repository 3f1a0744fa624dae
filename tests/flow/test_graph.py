"""The picture of a flow: well-formed, complete, nothing on top of anything else."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from contract import here_only
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Consumer, Flow, GlobalWindow, ProducerConsumer, Retry
from flowlike.flow.layered_layout import Box, lay_out

pytestmark = here_only("builds")

SVG = "{http://www.w3.org/2000/svg}"


class Through(ProducerConsumer):
    pass


class Sink(Consumer):
    pass


def simple():
    return Flow.from_iterable(range(9)).map(str).filter(len)


def merged():
    left = Flow.from_iterables([[1], "ab"]).map(str, executor="threads", on_error=Retry(2))
    right = simple().partition(key=0, stages=3).count_by().shuffle(stages=2).map(len)
    return Flow.merge([left, right, Flow.from_iterable([3])], stages=2).map(abs)


FLOWS = {
    "source alone": lambda: Flow.from_iterable([1]),
    "one layer": simple,
    "layers": lambda: simple().partition(key="user", stages=4).count_by().emit("state"),
    "merged": merged,
    "stages": lambda: simple().through_stages([Through(), Through()]).each(print),
    "window": lambda: (
        simple().partition(window=GlobalWindow().trigger_every(10)).count_by().map_state(len)
    ),
}


def drawn(flow):
    return ET.fromstring(flow.graph().svg)


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def boxes(root):
    keys = ("x", "y", "width", "height")
    return [tuple(float(rect.get(key)) for key in keys) for rect in root.iter(f"{SVG}rect")]


def apart(one, other):
    (x1, y1, w1, h1), (x2, y2, w2, h2) = one, other
    return x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


@pytest.mark.parametrize("make", FLOWS)
def test_a_picture(make):
    flow = FLOWS[make]()
    root = drawn(flow)
    assert root.tag == f"{SVG}svg"
    width, height = float(root.get("width")), float(root.get("height"))
    found = boxes(root)
    assert all(apart(one, other) for one, other in combinations(found, 2))
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in found)
    for element in root.iter(f"{SVG}text"):
        right = float(element.get("x")) + 7 * len(element.text)
        assert right <= width
        if element.get("class") != "routing":
            y = float(element.get("y"))
            assert any(x <= right <= x + w and top <= y <= top + h for x, top, w, h in found)
    for line in flow.explain().splitlines():  # whatever has a name has a box
        if not line.startswith((" ", "collector", "in flight")):
            assert line in texts(root)
    assert flow.graph() == flow.graph()
    assert flow.graph()._repr_svg_() == flow.graph().svg


def test_what_is_written():
    root = drawn(merged())
    written = "\n".join(texts(root))
    assert "3 stages" in written
    assert "threads map(str), on error 2 retries, then stop" in written
    assert written.count("partition(key=0)") == 1
    assert texts(root)[-1] == "the caller"
    sources = [text for text in texts(root) if text.startswith("source ")]
    assert len(sources) == 4
    arrows = list(root.iter(f"{SVG}polyline"))
    # Two sources, one, two layers behind it and the merge of three, and the caller.
    assert len(arrows) == 2 + 1 + 1 + 1 + 3 + 1


def test_arrows_begin_below_a_box_and_end_above_one():
    root = drawn(merged())
    found = boxes(root)
    for arrow in root.iter(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in arrow.get("points").split()]
        (x1, y1), (x2, y2) = points[0], points[-1]
        assert any(abs(y1 - (y + h)) < 0.2 and x <= x1 <= x + w for x, y, w, h in found)
        assert any(abs(y2 + 7 - y) < 0.2 and x <= x2 <= x + w for x, y, w, h in found)
        for x, y, w, h in found:  # and none runs through a box
            assert all(not (x < a < x + w and y + 1 < b < y + h - 8) for a, b in points)


@pytest.mark.parametrize("name", ["<b>&amp;\"'", "a\x00b\x1bc", "\ud800", "x" * 500, "grün 𝄞"])
def test_text_that_is_no_xml(name):
    def function(event):
        return event

    function.__name__ = name
    root = drawn(simple().map(function).partition(key=name).map(function))
    assert max(map(len, texts(root)[1:])) < 600
    shown = [text for text in texts(root) if "map(" in text]
    assert shown
    if name.isprintable() and len(name) < 20:
        assert any(name in text for text in shown)


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(c * f for c, f in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_it_can_be_read_on_white_and_on_black():
    """Boxes bring their own ground; what stands beside them is grey. 4.5 is the WCAG's ratio."""
    root = drawn(FLOWS["stages"]())
    style = root.find(f"{SVG}style").text
    ink = style.split("fill:")[1][:7]
    for rect in root.iter(f"{SVG}rect"):
        assert contrast(rect.get("fill"), ink) > 7
    grey = style.split(".routing{fill:")[1].split("}")[0]
    grey = "#" + "".join(2 * digit for digit in grey[1:])
    assert contrast(grey, "#ffffff") > 4.4
    assert contrast(grey, "#000000") > 4.4


@given(data=st.data(), count=st.integers(1, 12))
def test_any_graph_is_laid_out_without_overlaps(data, count):
    sizes = st.tuples(st.integers(1, 200), st.integers(1, 90))
    found = [Box(*map(float, data.draw(sizes))) for _ in range(count)]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    arrows = data.draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []
    layout = lay_out(found, arrows)
    placed = [(box.x, box.y, box.width, box.height) for box in found]
    assert all(apart(one, other) for one, other in combinations(placed, 2))
    for (start, end), path in zip(arrows, layout.paths, strict=True):
        assert found[start].y + found[start].height < found[end].y
        heights = [y for _, y in path]
        assert heights == sorted(heights)
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in path)
