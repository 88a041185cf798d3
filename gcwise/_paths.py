"""A way around a group of objects that refer to one another, in readable steps."""

from __future__ import annotations

import gc
from collections import deque
from types import CellType

from gcwise._advice import Advice, advise, rank_of
from gcwise._names import Step, steps_around
from gcwise._places import places_of
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Circle", "circle_in"]

# Objects looked at in search of the shortest circle, and steps told where there is none so short.
MOST_SEEN, STEPS_TOLD = 20_000, 4


class Circle(NamedTuple):
    """A way around a cycle.

    Attributes:
        steps: The references along it, the last of which leads back to the first one's holder.
        whole: False if only its begin is told, because the way back takes thousands of steps.
        places: Where its classes and functions are defined, as "Node: shop.py:3".
        advice: How to cut it.
    """

    steps: tuple[Step, ...]
    whole: bool
    places: tuple[str, ...]
    advice: Advice

    def __str__(self) -> str:
        gap = () if self.whole else ("...",)
        return " -> ".join([*map(str, self.steps), *gap, self.steps[0].holder])


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
    whole = bool(circle)
    ways = steps_around(circle or _walk(start, inside))
    # Where the walk ends it is not back.
    told = ways if whole else ways[:-1][:STEPS_TOLD]
    return Circle(
        tuple(step for _, step in told),
        whole,
        places_of([holder for holder, _ in told]),
        advise(told),
    )


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
OBJECTS_WALKED = 4 * STEPS_TOLD
