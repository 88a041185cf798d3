"""What cyclic garbage consists of: types, sizes, and the groups that refer to one another."""

from __future__ import annotations

import functools
import gc
import sys
from bisect import bisect_left
from collections import Counter
from itertools import chain, compress, filterfalse
from operator import not_

from gcwise._components import components
from gcwise._names import name_of
from gcwise._paths import circle_in
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from gcwise._paths import Circle

__all__ = ["Findings", "Group", "TypeTotal", "examine"]

# Finding groups takes 2 us an object; types and sizes are told of all.
MOST_OBJECTS = 1_000_000
# Groups that are told of, the largest ones.
MOST_GROUPS = 5
# Objects whose references are listed at a time.
CHUNK = 5_000


class TypeTotal(NamedTuple):
    """What there was of one type among the garbage.

    Attributes:
        type: Its name, with its module.
        objects: How many.
        bytes: Their own sizes, by `sys.getsizeof`.
    """

    type: str
    objects: int
    bytes: int


class Group(NamedTuple):
    """Groups of one kind: objects that all refer to one another, by way of others or directly.

    Attributes:
        groups: How many there were that consist of the same types.
        objects: Objects in all of these.
        bytes: Their own sizes, by `sys.getsizeof`.
        circle: A way around, in the largest of them, and how to cut it.
    """

    groups: int
    objects: int
    bytes: int
    circle: Circle


class Findings(NamedTuple):
    """The cyclic garbage that collections found.

    Attributes:
        objects: How many the collector found.
        held: Other objects that only these had kept alive: strings, numbers, arrays.
        bytes: The sizes of all of them, by `sys.getsizeof`.
        types: What there was of each type, those with the most bytes first.
        groups: The groups with the most bytes, at most five kinds.
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
    examined = min(len(garbage), MOST_OBJECTS)
    index = dict(zip(map(id, garbage), range(1, examined + 1)))  # noqa: B905
    held = held_only(garbage)
    totals: dict[type, list[int]] = {}
    _add(totals, garbage, sizes[1:])
    _add(totals, held, sizes_of(held))
    types = [TypeTotal(name_of(each), *total) for each, total in totals.items()]
    types.sort(key=lambda each: (-each.bytes, each.type))
    return Findings(
        len(garbage),
        len(held),
        sum(each.bytes for each in types),
        tuple(types),
        tuple(_largest(objects, sizes, index, ignored)),
        examined,
    )


def _add(totals: dict[type, list[int]], objects: list[Any], sizes: list[int]) -> None:
    for kind, size in zip(map(type, objects), sizes):  # noqa: B905  # As many.
        total = totals.get(kind)
        if total is None:
            total = totals[kind] = [0, 0]
        total[0] += 1
        total[1] += size


def sizes_of(objects: list[Any]) -> list[int]:
    """Return the objects' own sizes in bytes."""
    try:
        return list(map(sys.getsizeof, objects))
    except Exception:  # noqa: BLE001  # Any class may have a `__sizeof__` that fails.
        return [_size(each) for each in objects]


def _size(thing: object) -> int:
    try:
        return sys.getsizeof(thing)
    except Exception:  # noqa: BLE001
        return object.__sizeof__(thing)


def held_only(garbage: list[Any]) -> list[Any]:
    """Return the objects that the collector does not examine and only the garbage refers to.

    All references to such an object come from garbage, or from others like it.
    """
    counts: Counter[int] = Counter()
    held: list[Any] = []
    holders = garbage
    while holders:
        reached: dict[int, Any] = {}
        found: list[Any] = []
        for start in range(0, len(holders), CHUNK):
            sole, several = _untracked(holders[start : start + CHUNK])
            found += sole
            counts.update(map(id, several))
            reached.update(zip(map(id, several), several))  # noqa: B905
        # The last of these lists would count as a reference.
        sole = several = []
        references = map(sys.getrefcount, reached.values())
        found += [
            each
            for each, number in zip(reached.values(), references)  # noqa: B905
            if number - IN_DICT == counts[id(each)]
        ]
        holders = found
        held += found
    return held


def _untracked(holders: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return what they refer to and no collector examines: with one reference, and with more."""
    referents = list(filterfalse(gc.is_tracked, gc.get_referents(*holders)))
    sole = [number == IN_LIST + 1 for number in map(sys.getrefcount, referents)]
    return list(compress(referents, sole)), list(compress(referents, map(not_, sole)))


# References as they are counted to an object that only a list, or a dict, holds.
IN_LIST = next(map(sys.getrefcount, [object()]))
IN_DICT = next(map(sys.getrefcount, {0: object()}.values()))


def _largest(
    objects: list[Any],
    sizes: list[int],
    index: dict[int, int],
    ignored: Callable[[type], bool] | None,
) -> Iterator[Group]:
    """Yield the largest groups, those that consist of the same types as one."""
    kinds: dict[frozenset[type[Any]], list[list[int]]] = {}
    for component in components(objects, index):
        types = frozenset(map(type, map(objects.__getitem__, component)))
        kinds.setdefault(types, []).append(component)
    totals = [
        (sum(map(sizes.__getitem__, chain.from_iterable(alike))), alike)
        for types, alike in kinds.items()
        if ignored is None or not any(map(ignored, types))
    ]
    totals.sort(key=lambda total: -total[0])
    for size, alike in totals[:MOST_GROUPS]:
        lengths = list(map(len, alike))
        largest = sorted(alike[lengths.index(max(lengths))])
        group = list(map(objects.__getitem__, largest))
        circle = circle_in(group, functools.partial(_is_among, largest, index))
        yield Group(len(alike), sum(lengths), size, circle)


def _is_among(positions: list[int], index: dict[int, int], thing: object) -> bool:
    # A set of a million would take longer to make than all that is asked.
    position = index.get(id(thing), 0)
    at = bisect_left(positions, position)
    return at < len(positions) and positions[at] == position
