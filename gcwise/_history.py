"""What was decided and done at each place of the program, in counters only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gcwise._collection import Collection
    from gcwise._decision import Decision, Reason
    from gcwise._runtime import Runtime

__all__ = ["MOST_PLACES", "OTHERS", "History", "Place"]

# So many places are counted one by one, and what comes later as one more.
MOST_PLACES, OTHERS = 4096, "(other places)"


class Place:
    """What was decided at one place, and what its collections did.

    Attributes:
        reasons: How many decisions had each reason.
        collections: How many collections there were of each generation.
        collected: Objects that they freed.
        candidates: Objects that all of them examined, estimated.
        duration: Seconds.
        memory_freed: Bytes by which resident memory fell, where it was measured.
        skips: Decisions with next to nothing new, which were not even weighed.
    """

    __slots__ = (
        "candidates",
        "collected",
        "collections",
        "duration",
        "memory_freed",
        "reasons",
        "skips",
    )

    def __init__(self) -> None:
        self.skips = 0
        self.reasons: dict[Reason, int] = {}
        self.collections, self.collected = [0, 0, 0], [0, 0, 0]
        self.candidates = self.memory_freed = 0
        self.duration = 0.0

    def add(self, other: Place, reasons: dict[Reason, int]) -> None:
        """Add another place's counters, with these in place of its reasons."""
        for reason, number in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number
        for generation in range(3):
            self.collections[generation] += other.collections[generation]
            self.collected[generation] += other.collected[generation]
        self.candidates += other.candidates
        self.memory_freed += other.memory_freed
        self.duration += other.duration


class History:
    """The counters of all places since a moment.

    Without a lock, as threads would wait for each other: where one is stopped between reading a
    counter and writing it, what others count at that place meanwhile is lost. CPython hardly ever
    stops one there; PyPy may anywhere.

    Attributes:
        places: What was decided and done at each.
        since: When counting began, by the runtime's clock.
        stats: The interpreter's statistics then.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.places: dict[str, Place] = {}
        self.start()

    def start(self) -> None:
        """Begin to count anew."""
        self.places.clear()
        self.since = self._runtime.clock()
        self.stats: list[dict[str, Any]] = self._runtime.stats()

    def skip_first(self, name: str) -> None:
        """Count a decision with next to nothing new at a place that is not known, perhaps."""
        self._place(name).skips += 1

    def decided(self, decision: Decision) -> Decision:
        """Count a decision, and return it."""
        # Not in `_place` alone: a call is dear where a batch's work fills the processor's caches.
        place = self.places.get(decision.site) or self._place(decision.site)
        reason = decision.reason
        place.reasons[reason] = place.reasons.get(reason, 0) + 1
        if decision.collection is not None:
            place.memory_freed += decision.collection.memory_freed or 0
        return decision

    def collected(self, name: str, done: Collection) -> None:
        """Count a collection, but for the memory that it freed."""
        place = self.places.get(name) or self._place(name)
        place.collections[done.generation] += 1
        place.collected[done.generation] += done.collected
        place.candidates += done.candidates
        place.duration += done.duration

    def _place(self, name: str) -> Place:
        places = self.places
        place = places.get(name)
        if place is None:
            if len(places) >= MOST_PLACES:
                name = OTHERS
            place = places.setdefault(name, Place())
        return place
