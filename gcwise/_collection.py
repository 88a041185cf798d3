"""One explicit collection: running it, and what it did."""

from __future__ import annotations

import warnings

from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from gcwise._runtime import Runtime

__all__ = ["Collection", "Inherited", "collect", "in_turn", "total_of"]

# Seconds without a try after the first collection that did nothing, and at most later: each time
# twice as long. Beyond so many without any collection the collector is given up for dead.
SHORTEST, SURE, LONGEST = 5e-3, 1.0, 60.0
DEAD = (
    "Python's garbage collector no longer works in this process: it was forked while another "
    "thread of its parent was in the middle of a collection, which will never end here; "
    "start workers by spawn or forkserver, or fork before starting threads"
)


class Collection(NamedTuple):
    """Tell what one explicit collection did, by `gc.get_stats` before and after it.

    Attributes:
        generation: The oldest generation that was collected: 0, 1 or 2.
        candidates: Objects that were examined, estimated.
        collected: Objects that were freed, as `gc.collect` counts them.
        uncollectable: Objects found to be garbage that could not be freed.
        duration: Seconds that it took.
        memory_freed: Bytes by which resident memory fell, or None when it was not measured. Zero
            proves nothing: allocators keep what was freed for the next batch.
    """

    generation: int
    candidates: int
    collected: int
    uncollectable: int
    duration: float
    memory_freed: int | None


def collect(runtime: Runtime, generation: int, candidates: int) -> Collection | None:
    """Run a collection; None if another one was under way, for then gc does nothing.

    Args:
        runtime: What runs it, counts and tells the time.
        generation: The oldest generation to collect.
        candidates: Objects that it is expected to examine.
    """
    before = runtime.stats()[generation]
    started = runtime.clock()
    runtime.collect(generation)
    duration = max(0.0, runtime.clock() - started)
    after = runtime.stats()[generation]
    if after["collections"] == before["collections"]:
        return None
    collected = max(after["collected"] - before["collected"], 0)
    uncollectable = max(after["uncollectable"] - before["uncollectable"], 0)
    examined = max(candidates, collected)
    return Collection(generation, examined, collected, uncollectable, duration, None)


class Inherited:
    """What a forked child has inherited: a collector that can be dead.

    If another thread was collecting at the time, Python in the child waits forever for the end of
    that collection: no other, automatic or explicit, does anything. Nothing tells so at once, for
    in a finalizer or beside a thread that collects it is the same for a while.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # As they were at the fork, as long as no collection is known to have changed them.
        self._stats: list[dict[str, Any]] | None = None
        self._rest = self._until = 0.0

    def forked(self) -> None:
        """Begin to doubt."""
        self._stats = self._runtime.stats()
        self._rest = self._until = 0.0

    def resting(self) -> bool:
        """Tell whether it is too early for another try."""
        return self._rest > 0 and self._runtime.clock() < self._until and not self._works()

    def missed(self) -> None:
        """Note that a collection did nothing: rest, and warn once when that goes on and on."""
        if self._stats is None or self._works():
            return
        before, self._rest = self._rest, min(2 * self._rest or SHORTEST, LONGEST)
        self._until = self._runtime.clock() + self._rest
        if before < SURE <= self._rest:
            warnings.warn(DEAD, RuntimeWarning, stacklevel=2)

    def _works(self) -> bool:
        if self._runtime.stats() == self._stats:
            return False
        self._stats, self._rest = None, 0.0
        return True


def in_turn(
    generations: Sequence[int], known: float, run: Callable[[int], Collection | None]
) -> list[Collection] | None:
    """Collect older and older generations until garbage is found; None if one was under way.

    Args:
        generations: Which to collect, youngest first.
        known: Objects to be found; when more than half of them were, nothing is left for the next.
        run: Collects one of them.
    """
    trials: list[Collection] = []
    for generation in generations:
        if known and 2 * sum(done.collected for done in trials) > known:
            break
        done = run(generation)
        if done is None:
            return None
        trials.append(done)
    return trials


def total_of(collections: list[Collection]) -> Collection:
    """Return what several collections, each of an older generation, did together."""
    last = collections[-1]
    freed = [done.memory_freed for done in collections if done.memory_freed is not None]
    return last._replace(
        candidates=max(done.candidates for done in collections),
        collected=sum(done.collected for done in collections),
        uncollectable=sum(done.uncollectable for done in collections),
        duration=sum(done.duration for done in collections),
        memory_freed=sum(freed) if freed else None,
    )
