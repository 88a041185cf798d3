"""What cyclic garbage consists of: types, sizes, and the groups that refer to one another."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections import Counter
from heapq import nlargest
from itertools import chain

from gcwise._explain.components import components
from gcwise._explain.names import name_of
from gcwise._explain.paths import circle_in
from gcwise._explain.weights import held_only, sizes_of, take_weight
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from gcwise._explain.paths import Circle

__all__ = ["Findings", "Group", "TypeTotal", "examine"]

# Finding groups takes 2 us an object; types and sizes are told of all.
MOST_OBJECTS = 1_000_000
# Objects that are in no group, beyond which it is not told what they hang from, for it takes 1 us.
MOST_HANGING = 100_000
# Kinds of groups that are told of, those with the most bytes of the largest ones.
MOST_GROUPS, MOST_WEIGHED = 5, 20


class TypeTotal(NamedTuple):
    """Tell what there was of one type among the garbage.

    Attributes:
        type: Its name, with its module.
        objects: How many.
        bytes: Their own sizes, by `sys.getsizeof`.
    """

    type: str
    objects: int
    bytes: int


class Group(NamedTuple):
    """Tell of groups of one kind, whose objects all refer to one another, by way of others or not.

    Attributes:
        groups: How many there were that consist of the same types.
        objects: Objects in all of these.
        bytes: Their own sizes, by `sys.getsizeof`.
        holding: The sizes of other garbage that hangs from them; None if there is very much.
        circle: A way around, in the largest of them, and how to cut it.
    """

    groups: int
    objects: int
    bytes: int
    holding: int | None
    circle: Circle


class Findings(NamedTuple):
    """Tell what cyclic garbage collections found.

    Attributes:
        objects: How many the collector found.
        held: Other objects that only these had kept alive: strings, numbers, arrays.
        bytes: The sizes of all of them, by `sys.getsizeof`.
        types: What there was of each type, those with the most bytes first.
        groups: The groups with the most bytes and what hangs from them, at most five kinds.
        examined: How many objects groups were looked for among: at most a million.
    """

    objects: int
    held: int
    bytes: int
    types: tuple[TypeTotal, ...]
    groups: tuple[Group, ...]
    examined: int


def examine(garbage: list[Any], ignored: Callable[[type], bool] | None = None) -> Findings:
    """Tell of garbage, in strings and numbers only.

    Args:
        garbage: What collections found.
        ignored: Tells of a type that groups with such an object in them are no matter.
    """
    # From 1, because a position of 0 would be false.
    objects = [None, *garbage]
    sizes = sizes_of(objects)
    held = held_only(garbage)
    held_sizes = sizes_of(held)
    totals: dict[type, list[int]] = {}
    _add(totals, garbage, sizes[1:])
    _add(totals, held, held_sizes)
    types = [TypeTotal(name_of(each), *total) for each, total in totals.items()]
    types.sort(key=lambda each: (-each.bytes, each.type))
    examined = min(len(garbage), MOST_OBJECTS)
    index = dict(zip(map(id, garbage), range(1, examined + 1)))  # noqa: B905  # As many.
    found = components(objects, index)
    hanging: dict[int, int] | None = None
    if len(garbage) - sum(map(len, found)) + len(held) <= MOST_HANGING:
        alone = set(range(1, len(objects))).difference(*found)
        hanging = {id(objects[each]): sizes[each] for each in alone}
        hanging.update(zip(map(id, held), held_sizes))  # noqa: B905
    return Findings(
        len(garbage),
        len(held),
        sum(each.bytes for each in types),
        tuple(types),
        tuple(_largest(_kinds(found, objects, ignored), objects, sizes, index, hanging)),
        examined,
    )


def _add(totals: dict[type, list[int]], objects: list[Any], sizes: list[int]) -> None:
    alike = Counter(zip(map(type, objects), sizes))  # noqa: B905  # As many.
    for (kind, size), number in alike.items():
        total = totals.setdefault(kind, [0, 0])
        total[0] += number
        total[1] += number * size


def _kinds(
    found: list[list[int]], objects: list[Any], ignored: Callable[[type], bool] | None
) -> list[list[list[int]]]:
    """Return the groups, those that consist of the same types together."""
    kinds: dict[frozenset[type[Any]], list[list[int]]] = {}
    for group in found:
        types = frozenset(map(type, map(objects.__getitem__, group)))
        kinds.setdefault(types, []).append(group)
    return [
        alike for types, alike in kinds.items() if ignored is None or not any(map(ignored, types))
    ]


def _largest(
    kinds: list[list[list[int]]],
    objects: list[Any],
    sizes: list[int],
    index: dict[int, int],
    hanging: dict[int, int] | None,
) -> Iterator[Group]:
    """Yield the largest kinds of groups, with all that hangs from them."""
    weights: list[tuple[int, int, list[list[int]]]] = []
    own = {id(alike): sum(map(sizes.__getitem__, chain.from_iterable(alike))) for alike in kinds}
    for alike in nlargest(MOST_WEIGHED, kinds, key=lambda alike: own[id(alike)]):
        weight = 0
        if hanging:
            members = list(map(objects.__getitem__, chain.from_iterable(alike)))
            weight = take_weight(members, hanging)
        weights.append((own[id(alike)], weight, alike))
    for size, holding, alike in nlargest(MOST_GROUPS, weights, key=lambda each: each[0] + each[1]):
        lengths = list(map(len, alike))
        largest = sorted(alike[lengths.index(max(lengths))])
        group = list(map(objects.__getitem__, largest))
        circle = circle_in(group, functools.partial(_is_among, largest, index))
        known = None if hanging is None else holding
        yield Group(len(alike), sum(lengths), size, known, circle)


def _is_among(positions: list[int], index: dict[int, int], thing: object) -> bool:
    # A set of a million would take longer to make than all that is asked.
    position = index.get(id(thing), 0)
    at = bisect_left(positions, position)
    return at < len(positions) and positions[at] == position
