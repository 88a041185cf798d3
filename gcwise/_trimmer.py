"""When to give back to the system what only the allocator keeps, for policies that want it."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._collection import Collection
    from gcwise._runtime import Runtime

__all__ = ["Trimmer"]

# Seconds between two trims, and at most where they give back next to nothing.
INTERVAL, LONGEST = 10.0, 640.0
# Share of the objects examined whose freeing may have left room, and of memory worth giving back.
PRODUCTIVE = WORTH = 0.01


class Trimmer:
    """Trims after productive full collections, and less often where that changes nothing."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._interval, self._rests_until = INTERVAL, -math.inf

    def after(self, done: Collection, resident: float) -> int:
        """Trim if that may be worth it after this collection; return the bytes given back.

        Args:
            done: What was collected.
            resident: Bytes resident before.
        """
        now = self._runtime.clock()
        # Not by their bytes: what the allocator keeps of those does not show.
        productive = done.generation == 2 and done.collected > PRODUCTIVE * done.candidates
        if not productive or now < self._rests_until:
            return 0
        given_back = self._runtime.trim()
        worth = given_back >= WORTH * resident
        self._interval = INTERVAL if worth else min(2 * self._interval, LONGEST)
        self._rests_until = now + self._interval
        return given_back
