"""What was learned at one place of the program."""

from __future__ import annotations

import itertools

from gcwise._policy import OBJECT_BYTES

__all__ = ["LEARNING", "LEAST_EFFICIENCY", "YOUNG_EFFICIENCY", "Site", "blend", "relearn"]

# The young are taken for garbage until they prove otherwise.
YOUNG_EFFICIENCY = 1.0
# Each fruitless collection halves what is expected of the next, so that it comes half as soon;
LEARNING = 0.5
# but never less than this, or a site that changes its ways would not be found out.
LEAST_EFFICIENCY = 1 / 32
# Growth shows only until the allocator has room to reuse, so it is forgotten slowly.
FORGETTING = 0.1
# A teardown tries all generations this often before it trusts what it has learned,
TRIALS = 2
# and where that freed less than this share of memory, again after 4, 8, ... at most 2**5 more.
WORTH, MOST_BACK_OFF = 1e-3, 5


def blend(old: float, new: float, share: float) -> float:
    """Move `old` towards `new` by a share of the difference."""
    return old + share * (new - old)


def relearn(efficiency: float, seen: float) -> float:
    """Return an efficiency after another collection, whose own was `seen`."""
    return max(blend(efficiency, seen, LEARNING), LEAST_EFFICIENCY)


class Site:
    """What was learned at one place of the program.

    Attributes:
        efficiency: Share of the young objects there that were garbage.
        tracked: Share of the objects counted as young that a collection examines: dicts and tuples
            of strings and numbers are counted when they are made, but not examined.
        object_bytes: Bytes by which memory grew for each of them.
        yields: Objects that a teardown there leaves behind in each generation.
        fruitless: Trials of all generations in a row that were not worth it.
        turns: Decisions counted for a fixed schedule.
    """

    __slots__ = (
        "_among",
        "_complete",
        "_counter",
        "_grown",
        "_objects",
        "_trials",
        "_waited",
        "efficiency",
        "fruitless",
        "object_bytes",
        "tracked",
        "turns",
        "yields",
    )

    def __init__(self) -> None:
        self.efficiency = YOUNG_EFFICIENCY
        self.tracked = 1.0
        self.object_bytes = float(OBJECT_BYTES)
        self._grown = self._objects = 0.0
        self.yields = [0.0, 0.0, 0.0]
        self.fruitless = self.turns = self._trials = self._waited = 0
        # No two threads get the same of its numbers.
        self._counter = itertools.count(1)
        # Whether there was time to try the oldest, too.
        self._complete = False
        self._among: Site | None = None

    def among(self) -> Site:
        """Return what was learned there while other batches were under way.

        What these have made so far is in use, and no garbage until they end.
        """
        if self._among is None:
            self._among = Site()
        return self._among

    def turn(self) -> int:
        """Count a decision for a fixed schedule, and return its number."""
        number = self.turns = next(self._counter)
        return number

    def learn(self, efficiency: float, grown: float, objects: float) -> None:
        """Take over an efficiency, and the bytes by which memory grew with these objects."""
        self.efficiency = efficiency
        if objects >= 1:
            # Sums, for a few objects and the growth beside them tell little of what one holds.
            self._grown = (1 - FORGETTING) * self._grown + grown
            self._objects = (1 - FORGETTING) * self._objects + objects
            self.object_bytes = max(self._grown / self._objects, OBJECT_BYTES)

    def saw(self, young: int, collected: int) -> None:
        """Learn from a collection of so many young objects of which nothing else is known."""
        seen = min(collected / max(young * self.tracked, 1.0), 1.0)
        self.efficiency = relearn(self.efficiency, seen)

    def wants_trial(self, *, oldest: bool = True) -> bool:
        """Count a teardown; tell whether all generations should be tried at it.

        Args:
            oldest: Whether the oldest may be tried, too.
        """
        self._waited += 1
        if oldest and not self._complete:
            return True
        if self.fruitless and self._trials >= TRIALS:
            back_off: int = 2 ** min(self.fruitless, MOST_BACK_OFF)
            return self._waited > back_off
        return self._trials < TRIALS

    def learn_trial(self, freed: list[int], share: float) -> None:
        """Learn what each generation tried has freed, altogether this share of memory."""
        # Replaced, not blended: a structure is in the one generation or the other.
        self.yields[: len(freed)] = map(float, freed)
        self.fruitless = 0 if share >= WORTH else self.fruitless + 1
        self._waited = 0
        self._trials += 1
        self._complete = self._complete or len(freed) == len(self.yields)

    def confirm(self, expected: float, collected: float) -> None:
        """Begin the trials anew where a teardown left much less than was learned of it."""
        if collected < expected / 2 and not self.fruitless:
            self._trials = 0
