"""What is known about the garbage waiting in each generation: its size, its debt, its price."""

from __future__ import annotations

from gcwise._policy import FREEING, Outlook
from gcwise._site import LEAST_EFFICIENCY, YOUNG_EFFICIENCY, Site, blend

__all__ = ["Ledger"]

# The whole of a collection that examines nothing: statistics before and after, the rule, learning.
OVERHEAD = 20e-6
# One duration, in which the machine may have done something else, counts for no more than this
# many times what was known before.
STEP = 4.0
# Fewer objects than this tell nothing of what one costs.
MANY = 1000
# Seconds, until they are measured: to examine an object that survives, young or middle-aged, and
# a byte of the live heap (lists take 0.7 ns, syntax trees 3 ns).
YOUNG_SCAN, MIDDLE_SCAN, HEAP_SCAN = 20e-9, 100e-9, 1e-9
# A live heap holds about this many bytes an object, code and strings and all.
HEAP_OBJECT_BYTES = 200
# What is taken for garbage until a collection tells: half of the middle-aged, less of the old.
MIDDLE_EFFICIENCY, OLD_EFFICIENCY = 0.5, 0.25
# How fast the expected time to the next decision follows.
GAP_LEARNING = 0.25


class Generation:
    """The garbage that one generation may hold.

    Attributes:
        objects: Objects that came into it since it was last collected.
        size: Their bytes.
        efficiency: Share of them expected to be garbage.
        hinted: Garbage objects that teardowns left in it, which no count shows.
        share: Share of resident memory that its garbage held when last observed.
        debt: Seconds that holding it had cost by then.
        last_at: When it was last collected.
    """

    __slots__ = ("debt", "efficiency", "hinted", "last_at", "objects", "share", "size")

    def __init__(self, efficiency: float, now: float) -> None:
        self.efficiency = efficiency
        self.clear(now)

    def clear(self, now: float) -> None:
        """Start anew after a collection."""
        self.objects = self.size = self.hinted = self.share = self.debt = 0.0
        self.last_at = now

    @property
    def waiting(self) -> float:
        """Objects that a collection would find here, garbage or not."""
        return max(self.objects, self.hinted)

    @property
    def expected(self) -> float:
        """Objects of them that are expected to be garbage."""
        return max(self.objects * self.efficiency, self.hinted)

    def accrue(self, garbage: float, resident: float, elapsed: float) -> None:
        """Charge for `garbage` bytes, held for `elapsed` seconds as they came bit by bit."""
        share = min(garbage / resident, 1.0)
        self.debt += (self.share + share) / 2 * elapsed
        self.share = share

    def learn(self, collected: float) -> float:
        """Blend in what a collection found here, if anything waited; return its efficiency."""
        if self.waiting < 1 and self.share == 0:
            return 0.0
        seen = min(collected / max(self.waiting, 1.0), 1.0)
        self.efficiency = max(blend(self.efficiency, seen), LEAST_EFFICIENCY)
        return seen


class Ledger:
    """Garbage expected in each generation, and what holding and collecting it costs.

    The interpreter counts young objects; those that collections promote are counted here.
    """

    def __init__(self, now: float, resident: float) -> None:
        self.now = now
        self.decided_at: float | None = None
        self.gap = 0.0
        self.generations = (
            Generation(YOUNG_EFFICIENCY, now),
            Generation(MIDDLE_EFFICIENCY, now),
            Generation(OLD_EFFICIENCY, now),
        )
        # Resident memory: as last read, after the last collection, and after the last full one.
        self.resident = self.base = self.old_base = resident
        # Seconds to examine an object that survives and to free one that does not, while young and
        # later: then it is no longer in the processor's caches, and costs up to ten times as much.
        self.scan, self.freeing = [YOUNG_SCAN, MIDDLE_SCAN], [FREEING, FREEING]
        # Seconds to examine a byte of the live heap, which varies less than that of an object.
        self.heap_scan = HEAP_SCAN
        self.fruitless = 0.0

    def observe(self, site: Site, young: float, resident: float, now: float) -> None:
        """Take in readings, seen from a site, and let debts accrue up to `now`."""
        elapsed, self.now, self.resident = now - self.now, now, resident
        first, middle, old = self.generations
        first.objects, first.efficiency = young, site.efficiency
        first.size = max(young * site.object_bytes, self._grown())
        grown = max(old.size, self.base - self.old_base)
        for generation, size in ((first, first.size), (middle, middle.size), (old, grown)):
            garbage = max(size * generation.efficiency, generation.hinted * site.object_bytes)
            generation.accrue(garbage, resident, elapsed)

    def hint(self, site: Site) -> None:
        """Note the garbage that a teardown there is expected to have left in each generation."""
        for generation, objects in zip(self.generations, site.yields, strict=True):
            generation.hinted += objects
        self.observe(site, self.generations[0].objects, self.resident, self.now)

    def old_allowed(self, overhead: float) -> bool:
        """Tell whether fruitless full collections have taken no more than this share of time."""
        return self.fruitless <= overhead * (self.now - self.generations[2].last_at)

    def next_gap(self) -> float:
        """Return the seconds expected until the next decision: a moving average."""
        if self.decided_at is None:
            return 0.0
        return blend(self.gap, self.now - self.decided_at, GAP_LEARNING)

    def decided(self) -> None:
        """Note that a decision was taken."""
        self.gap, self.decided_at = self.next_gap(), self.now

    def outlooks(self) -> tuple[Outlook, Outlook, Outlook]:
        """Return each generation, with the younger ones that are collected along with it."""
        young, middle, old = self.generations
        objects, garbage = young.waiting, young.expected
        scan = self.scan[0] * (objects - garbage)
        first = self._outlook(young, objects, garbage, scan)
        scan += self.scan[1] * (middle.waiting - middle.expected)
        objects, garbage = objects + middle.waiting, garbage + middle.expected
        second = self._outlook(middle, objects, garbage, scan)
        heap = self.resident * max(1.0 - young.share - middle.share - old.share, 0.0)
        garbage = garbage + old.expected
        third = self._outlook(old, heap / HEAP_OBJECT_BYTES, garbage, self.heap_scan * heap)
        return first, second, third

    def _outlook(
        self, generation: Generation, objects: float, garbage: float, scan: float
    ) -> Outlook:
        return Outlook(
            objects,
            garbage,
            generation.share,
            generation.debt,
            OVERHEAD + scan,
            # Nothing of its own is no reason to promote the younger ones past it.
            generation.efficiency if generation.waiting >= 1 else 0.0,
            self.now - generation.last_at,
        )

    def settle(
        self,
        number: int,
        site: Site | None,
        collected: int,
        duration: float | None = None,
        resident: float | None = None,
    ) -> None:
        """Learn from a collection of generation `number`, and start its debts anew.

        Args:
            number: The oldest generation collected.
            site: Where its young objects came from, None when unknown.
            collected: Objects freed.
            duration: Seconds, None when not measured.
            resident: Bytes read after it, None when not read.
        """
        gone = self.generations[: number + 1]
        parts = _split(gone, collected)
        seen = [generation.learn(part) for generation, part in zip(gone, parts, strict=True)]
        kept = [1.0 - share for share in seen]
        objects = sum(g.objects * share for g, share in zip(gone, kept, strict=True))
        size = sum(g.size * share for g, share in zip(gone, kept, strict=True))
        if site is not None:
            site.learn(gone[0].efficiency, self._grown(), gone[0].objects)
        if duration is not None:
            self._learn_cost(number, objects, collected, duration)
            if number == 2:
                self.fruitless = self.heap_scan * self.resident * kept[2]
        self._rebase(number, seen[0], resident)
        for generation in gone:
            generation.clear(self.now)
        if number < 2:
            self.generations[number + 1].objects += objects
            self.generations[number + 1].size += size

    def _learn_cost(self, number: int, survivors: float, collected: float, duration: float) -> None:
        cold = min(number, 1)
        if number == 2:
            self.heap_scan = max(duration - collected * self.freeing[cold], 0.0) / self.resident
        elif survivors > max(collected, MANY):
            scan = max(duration - collected * self.freeing[cold], 0.0) / survivors
            self.scan[number] = blend(self.scan[number], min(scan, STEP * self.scan[number]))
        elif collected > MANY:
            freeing = max(duration - survivors * self.scan[number], 0.0) / collected
            self.freeing[cold] = blend(self.freeing[cold], min(freeing, STEP * self.freeing[cold]))

    def _grown(self) -> float:
        return max(self.resident - self.base, 0.0)

    def _rebase(self, number: int, freed: float, resident: float | None) -> None:
        if resident is None:
            resident = self.resident - freed * self._grown()
        self.base = resident
        self.old_base = resident if number == 2 else min(self.old_base, resident)


def _split(gone: tuple[Generation, ...], collected: float) -> list[float]:
    """Divide what was freed among the generations collected, as it was expected of them."""
    expected = sum(generation.expected for generation in gone) or 1.0
    parts = [min(g.waiting, collected * g.expected / expected) for g in gone[:-1]]
    return [*parts, collected - sum(parts)]
