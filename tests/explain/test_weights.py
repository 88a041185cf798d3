"""What objects weigh, and which of them only garbage keeps alive."""

import gc
import sys

import pytest

from gcwise._explain.weights import held_only, sizes_of, take_weight
from tests.interpreters import needs_settings

pytestmark = needs_settings


class Odd:
    """Cannot tell its size."""

    def __sizeof__(self):
        raise ZeroDivisionError


def fresh(number=1):
    """Return objects that no collector examines and nothing else refers to."""
    return [bytearray(100 + each) for each in range(number)]


def lengths(held):
    """Return which of the fresh objects these are."""
    return sorted(len(each) - 100 for each in held)


def test_held_by_one():
    """What only one of the objects refers to is held by them."""
    assert lengths(held_only([fresh(3), []])) == [0, 1, 2]


def test_held_by_several():
    """References from several, or several from one, are counted together."""
    first, second = fresh(2)
    garbage = [[first], [first], [second, second]]
    del first, second

    assert lengths(held_only(garbage)) == [0, 1]


def test_referred_to_from_elsewhere():
    """What others refer to as well is not held."""
    kept = fresh()

    assert held_only([kept[:], kept * 2]) == []
    assert held_only([[None, 1, "name", int, sys]]) == []
    assert len(kept) == 1


def test_held_by_what_is_held():
    """Containers that the collector does not examine are followed, for it knows nothing of them."""
    untracked = (str(fresh()),)
    gc.collect()
    assert not gc.is_tracked(untracked)
    shared = untracked[0] + "b"
    garbage = [[untracked, shared], [(shared, 1.5)]]
    gc.collect()
    inner = garbage[1][0]
    assert not gc.is_tracked(inner)
    del untracked, shared, inner

    held = held_only(garbage)

    assert sorted(type(each).__name__ for each in held) == ["str", "str", "tuple", "tuple"]


def test_sizes():
    """Sizes are those that sys.getsizeof tells; one that fails has the size of any object."""
    things = [[], "text", 1]

    assert sizes_of(things) == [sys.getsizeof(each) for each in things]
    assert sizes_of([*things, Odd()]) == [*sizes_of(things), object.__sizeof__(Odd())]


def test_weight():
    """Each object counts once, for the first that it hangs from; others end the way."""
    a, b, c, d = [], [], [], []
    a += [b, b, c]
    b += [d, a]
    sizes = {id(b): 10, id(d): 100}

    assert take_weight([a], sizes) == 110
    assert sizes == {}
    assert take_weight([a], {id(d): 1, id(c): 5}) == 5
    assert take_weight([c], {id(d): 1}) == 0


@pytest.mark.parametrize("number", [4_999, 5_000, 5_001, 12_000])
def test_many(number):
    """However many there are, and wherever their lists are divided, none is missed."""
    garbage = [fresh() for _ in range(number)]

    assert len(held_only(garbage)) == number
