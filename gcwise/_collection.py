"""One explicit collection: running it, and what it did."""

from __future__ import annotations

from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._runtime import Runtime

__all__ = ["Collection", "collect", "total_of"]


class Collection(NamedTuple):
    """What one explicit collection did.

    Attributes:
        generation: The oldest generation that was collected: 0, 1 or 2.
        candidates: Objects that were examined, estimated.
        collected: Objects that were freed, as `gc.collect` counts them.
        uncollectable: Objects found to be garbage that could not be freed.
        duration: Seconds.
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
