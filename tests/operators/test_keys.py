from __future__ import annotations

from collections import ChainMap
from types import SimpleNamespace

import pytest

from flowlike.operators import key_function


def test_a_function_is_taken_as_it_is():
    assert key_function(len) is len


def test_an_int_is_an_index():
    assert key_function(1)(("a", "b")) == "b"
    assert key_function(-1)([1, 2, 3]) == 3


def test_a_str_is_looked_up_in_mappings_and_is_an_attribute_of_the_rest():
    word = key_function("word")
    assert word({"word": 1}) == 1
    assert word(ChainMap({"word": 2})) == 2
    assert word(SimpleNamespace(word=3)) == 3


def test_a_mapping_without_the_key_is_an_error_even_with_such_an_attribute():
    with pytest.raises(KeyError):
        key_function("items")({})


@pytest.mark.parametrize("key", [None, 1.5, True, ["a"], object()])
def test_anything_else_is_refused_with_what_is_accepted(key):
    with pytest.raises(TypeError, match=r"side must be a function, an int .* or a str .*, not"):
        key_function(key, "side")


def test_a_coroutine_function_is_refused():
    async def key(event):
        return event

    with pytest.raises(TypeError, match="key is a coroutine function"):
        key_function(key)
