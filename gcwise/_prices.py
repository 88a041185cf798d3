"""What collections cost: seconds to examine what survives them, and to free what does not."""

from __future__ import annotations

from gcwise._policy import EXAMINING, FREEING
from gcwise._record import NamedTuple
from gcwise._site import LEARNING, blend

__all__ = ["OVERHEAD", "Prices", "Work"]

# The whole of a collection that examines nothing: statistics before and after, the rule, learning.
OVERHEAD = 20e-6
# One duration, in which the machine may have done something else, changes a price by no more than
# this factor.
STEP = 4.0
# Seconds that one collection can have wasted: a machine that slept for days meanwhile must not go
# without full collections for months.
LONGEST = 60.0


class Work(NamedTuple):
    """What a collection does or is expected to do, or the seconds for one of each.

    Attributes:
        young: Young objects examined that survive.
        middle: Middle-aged objects examined that survive.
        heap: Bytes of live heap examined, by a full collection, in place of the two.
        freed: Young objects freed.
        freed_cold: Older objects freed, which are no longer in the processor's caches.
    """

    young: float = 0.0
    middle: float = 0.0
    heap: float = 0.0
    freed: float = 0.0
    freed_cold: float = 0.0


# Until they are measured. Bytes of heap vary less than objects: lists take 0.7 ns a byte and syntax
# trees 3 ns, but 60 and 1,000 ns an object. Freeing cold objects was seen to take 0.3 to 2 us each.
FIRST = Work(EXAMINING, 100e-9, 1e-9, FREEING, 500e-9)


class Prices:
    """Seconds for each kind of work, learned from the durations of collections."""

    def __init__(self) -> None:
        self.seconds = FIRST

    def of(self, work: Work) -> tuple[float, float]:
        """Return the seconds that a collection would waste, and those that it would take in all."""
        price = self.seconds
        waste = work.young * price.young + work.middle * price.middle + work.heap * price.heap
        freeing = work.freed * price.freed + work.freed_cold * price.freed_cold
        return OVERHEAD + waste, OVERHEAD + waste + freeing

    def learn(self, work: Work, duration: float) -> float:
        """Learn from a collection that took this long; return the seconds that freed nothing.

        What it took more or less than expected is laid upon each kind of work by its share in it:
        a collection that examined much and freed little tells of examining.
        """
        wasted, expected = self.of(work)
        step = min(max(duration / expected, 1 / STEP), STEP)
        self.seconds = Work(
            *(
                blend(price, price * step, LEARNING * price * amount / expected)
                for price, amount in zip(self.seconds, work, strict=True)
            )
        )
        return min(duration, LONGEST) * wasted / expected
