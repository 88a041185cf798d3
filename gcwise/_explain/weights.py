"""What objects weigh, and those that only garbage keeps alive and no collector examines."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from itertools import compress, filterfalse
from operator import not_

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["held_only", "sizes_of", "take_weight"]

# Objects whose references are listed at a time.
CHUNK = 5_000
# PyPy counts none; there nothing is examined, but this module can be imported.
references_to = getattr(sys, "getrefcount", id)


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
        references = list(map(references_to, reached.values()))
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
    sole = [number == IN_LIST + 1 for number in map(references_to, referents)]
    return list(compress(referents, sole)), list(compress(referents, map(not_, sole)))


# References as they are counted to an object that only a list, or a dict, holds.
IN_LIST = next(map(references_to, [object()]))
IN_DICT = next(map(references_to, {0: object()}.values()))


def take_weight(holders: list[Any], sizes: dict[int, int]) -> int:
    """Return the bytes of all that hangs from these objects, taking it out of `sizes`.

    Args:
        holders: Where to begin.
        sizes: By identity, of the objects that count; the way leads along these only.
    """
    weight = 0
    while holders and sizes:
        reached: list[Any] = []
        for start in range(0, len(holders), CHUNK):
            referents = gc.get_referents(*holders[start : start + CHUNK])
            # Few of very many, as a rule.
            for each in compress(referents, map(sizes.__contains__, map(id, referents))):
                weight += sizes.pop(id(each))
                reached.append(each)
        holders = reached
    return weight
