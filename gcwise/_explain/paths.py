"""A way around a group of objects that refer to one another, in readable steps."""

from __future__ import annotations

import gc
from collections import deque
from types import CellType

from gcwise._explain.advice import Advice, advise, rank_of
from gcwise._explain.names import Step, steps_around
from gcwise._explain.places import places_of
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Circle", "circle_in"]

# Objects looked at in search of the shortest circle.
MOST_SEEN = 20_000
# Steps that are told, and of those of a longer way the first and the last.
MOST_STEPS, FIRST, LAST = 12, 4, 4


class Circle(NamedTuple):
    """Tell a way around a cycle.

    Attributes:
        steps: The references along it, the last of which leads back to the first one's holder.
        gap: How many steps come before those that are left out, if any are.
        places: Where its classes and functions are defined, as "Node: shop.py:3".
        advice: How to cut it.
    """

    steps: tuple[Step, ...]
    gap: int | None
    places: tuple[str, ...]
    advice: Advice

    def __str__(self) -> str:
        told = [*map(str, self.steps), self.steps[0].holder]
        if self.gap is not None:
            told.insert(self.gap, "...")
        return " -> ".join(told)


def circle_in(group: list[Any], inside: Callable[[object], bool]) -> Circle:
    """Return a short way around a group, from the object that tells a reader most.

    Args:
        group: Its objects, from the first one that was made to the last.
        inside: Tells whether an object is one of them.
    """
    ranks = {kind: rank_of(kind) for kind in set(map(type, group))}
    # Of equals the one that was made first.
    best = min(ranks.values())
    start = next(each for each in group if ranks[type(each)] == best)
    circle = _shortest(start, inside)
    # Where the walk ends it is not back.
    ways = steps_around(circle) if circle else steps_around(_walk(start, inside))[:-1][:FIRST]
    advice, gap = advise(ways), None if circle else len(ways)
    if len(ways) > MOST_STEPS:
        gap = FIRST
        del ways[FIRST:-LAST]
    places = places_of([holder for holder, _ in ways])
    return Circle(tuple(step for _, step in ways), gap, places, advice)


def _shortest(start: Any, inside: Callable[[object], bool]) -> list[Any]:
    """Return the objects of the shortest circle through one, or none if it is very long.

    An object that refers to itself, if only by way of containers, does not tell much if there is
    another circle.
    """
    came: dict[int, Any] = {id(start): None}
    itself: list[Any] = []
    frontier = [start]
    while frontier and len(came) < MOST_SEEN:
        reached: list[Any] = []
        for each in frontier:
            for to in gc.get_referents(each):
                if to is start:
                    circle = _back(each, came)
                    if not all(type(other) in CONTAINERS for other in circle[1:]):
                        return circle
                    itself = itself or circle
                elif id(to) not in came and inside(to):
                    came[id(to)] = each
                    reached.append(to)
        frontier = reached
    return itself


CONTAINERS = frozenset({CellType, deque, dict, frozenset, list, set, tuple})


def _back(last: Any, came: dict[int, Any]) -> list[Any]:
    circle = [last]
    while (last := came[id(last)]) is not None:
        circle.append(last)
    return circle[::-1]


def _walk(start: Any, inside: Callable[[object], bool]) -> list[Any]:
    """Return some of the objects that a way around a very long circle begins with."""
    walked, seen = [start], {id(start)}
    while len(walked) < OBJECTS_WALKED:
        ahead = [
            each for each in gc.get_referents(walked[-1]) if id(each) not in seen and inside(each)
        ]
        if not ahead:
            break
        walked.append(ahead[0])
        seen.add(id(ahead[0]))
    return walked


# An instance with its dict, or a function with closure and cell, make one step.
OBJECTS_WALKED = 4 * FIRST
