"""What is known about the garbage waiting in each generation: its size, its debt, its price."""

from __future__ import annotations

import math

from gcwise._policy import FEW, OBJECT_BYTES, TRIVIAL, Outlook
from gcwise._prices import Prices, Work
from gcwise._site import LEARNING, YOUNG_EFFICIENCY, Site, blend, relearn

__all__ = ["Ledger"]

# Survivors are counted when there seem to be more than a few of them, and than there were in the
# middle generation; at so many seconds for each object that is then in it, as each is touched.
COUNTING = 50e-9
# That may take a trivial share of the time, of which so many seconds are saved up.
SAVED = 1.0
# A live heap holds about this many bytes an object, code and strings and all.
HEAP_OBJECT_BYTES = 200
# What is taken for garbage until a collection tells: half of the middle-aged, and less of the old,
# which have survived more: no more than of the middle-aged, until they were collected themselves.
MIDDLE_EFFICIENCY, OLD_EFFICIENCY = 0.5, 0.25
# Estimates may not take more than this share of memory for garbage.
MOST_GARBAGE = 0.9
# Seconds that pass here at a time: a machine that slept for days comes to its senses sooner.
MOST_ELAPSED = 3600.0
# How fast the expected time to the next decision follows.
GAP_LEARNING = 0.25
# Of a generation that this interpreter cannot collect.
NOTHING = Outlook(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Generation:
    """The garbage that one generation may hold.

    Attributes:
        objects: Objects that came into it since it was last collected.
        size: Their bytes.
        efficiency: Share of them expected to be garbage.
        found: Share that was, as far as collections have shown.
        hinted: Garbage objects that teardowns left in it, which no count shows.
        garbage: Bytes that its garbage held when last observed,
        share: and their ratio to the memory that the rest of the process used.
        debt: Seconds that holding it had cost by then.
        last_at: When it was last collected.
    """

    __slots__ = (
        "debt",
        "efficiency",
        "found",
        "garbage",
        "hinted",
        "last_at",
        "objects",
        "share",
        "size",
    )

    def __init__(self, efficiency: float, now: float) -> None:
        self.efficiency, self.found = efficiency, 0.0
        self.clear(now)

    def clear(self, now: float) -> None:
        """Start anew after a collection."""
        self.objects = self.size = self.hinted = self.garbage = self.share = self.debt = 0.0
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
        self.garbage = min(garbage, MOST_GARBAGE * resident)
        share = self.garbage / (resident - self.garbage)
        self.debt += (self.share + share) / 2 * elapsed
        self.share = share

    def learn(self, collected: float, *, told: bool) -> float:
        """Learn from what a collection found here, and return its share of what waited.

        What teardowns told of, or are being tried for, says nothing about the rest.
        """
        if self.waiting < 1 and self.share == 0:
            return 0.0
        rest = self.waiting - self.hinted
        if rest >= 1 and not told:
            seen = min(max(collected - self.hinted, 0.0) / rest, 1.0)
            self.efficiency = relearn(self.efficiency, seen)
            self.found = blend(self.found, seen, LEARNING)
        return min(collected / max(self.waiting, 1.0), 1.0)


class Ledger:
    """Garbage expected in each generation, and what holding and collecting it costs.

    The interpreter counts young objects; those that collections promote are counted here.

    Args:
        now: Seconds.
        resident: Bytes.
        choices: The generations that can be collected; each frees what lies between it and the next
            younger one, too.
        interval: Seconds that have to pass between two collections of the oldest.
    """

    def __init__(
        self,
        now: float,
        resident: float,
        choices: tuple[int, ...] = (0, 1, 2),
        interval: float = 0.0,
    ) -> None:
        # The clock as last read, and time as it passes here.
        self.read_at = self.now = now
        self.decided_at: float | None = None
        self.gap = 0.0
        self.generations = (
            Generation(YOUNG_EFFICIENCY, now),
            Generation(MIDDLE_EFFICIENCY, now),
            Generation(OLD_EFFICIENCY, now),
        )
        starts = [0, *(choice + 1 for choice in choices)]
        self._own = {
            choice: self.generations[start : choice + 1]
            for start, choice in zip(starts, choices, strict=False)
        }
        self._interval = interval
        # Of the time until then, its share for counting is spent.
        self._counted_until = now - SAVED
        # When the oldest was last collected explicitly by gcwise itself.
        self._full_at = -math.inf
        # Whether the oldest generation was ever collected.
        self.old_known = False
        # Objects counted as young, whether a collection would examine them or not.
        self.young = 0.0
        # Resident memory: as last read, after the last collection, and after the last full one.
        self.resident = self.base = self.old_base = resident
        # Of these bytes nothing is examined, nor freed by a collection.
        self.frozen = 0.0
        self.prices = Prices()
        self.fruitless = 0.0

    def observe(self, site: Site, young: float, resident: float, now: float) -> None:
        """Take in readings, seen from a site, and let debts accrue up to `now`."""
        if self.decided_at is None:
            # What was built before, automatic collection on, has been looked through by that.
            self.base = self.old_base = resident
        elapsed, self.resident = self.tick(now), resident
        first, middle, old = self.generations
        self.young = young
        first.objects, first.efficiency = young * site.tracked, site.efficiency
        first.size = max(first.objects * site.object_bytes, self._grown())
        grown = max(old.size, self.base - self.old_base)
        for generation, size in ((first, first.size), (middle, middle.size), (old, grown)):
            garbage = max(size * generation.efficiency, generation.hinted * site.object_bytes)
            generation.accrue(garbage, resident, elapsed)

    def tick(self, now: float) -> float:
        """Let time pass with the clock, though never back, and return how much has passed."""
        # The order of arguments turns what is no number into no time.
        elapsed = min(max(0.0, now - self.read_at), MOST_ELAPSED)
        self.read_at = now
        self.now += elapsed
        return elapsed

    def hint(self, site: Site) -> None:
        """Note the garbage that a teardown there is expected to have left in each generation."""
        for generation, objects in zip(self.generations, site.yields, strict=True):
            generation.hinted += objects
        self.observe(site, self.generations[0].objects, self.resident, self.read_at)

    def old_allowed(self, overhead: float) -> bool:
        """Tell whether fruitless full collections have taken no more than this share of time."""
        rested = self.now - self.generations[2].last_at
        soon = self.now - self._full_at < self._interval
        return not soon and self.fruitless <= overhead * rested

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
        heap = max(self._examined() - young.garbage - middle.garbage - old.garbage, 0.0)
        freed, cold = young.expected, middle.expected
        survivors = young.waiting - freed, middle.waiting - cold
        garbage = freed + cold + old.expected
        examined = heap / HEAP_OBJECT_BYTES + garbage
        counts = young.waiting, young.waiting + middle.waiting, examined
        return (
            self._outlook(0, counts[0], Work(survivors[0], 0.0, 0.0, freed), self.aged(1)),
            self._outlook(1, counts[1], Work(*survivors, 0.0, freed, cold), self.aged(2)),
            self._outlook(2, counts[2], Work(0.0, 0.0, heap, freed, cold + old.expected)),
        )

    def aged(self, generation: int) -> float:
        """Return the seconds that promoting a young object there costs when it becomes garbage.

        It is freed anyway, but takes longer when it is no longer in the processor's caches.
        """
        price = self.prices.seconds
        return self.generations[generation].found * max(price.freed_cold - price.freed, 0.0)

    def _outlook(self, number: int, objects: float, work: Work, aged: float = 0.0) -> Outlook:
        share = debt = expected = 0.0
        # Only what younger ones would not free: it is no reason to promote these past it.
        own = self._own.get(number)
        if own is None:
            return NOTHING
        for generation in own:
            share += generation.share
            debt += generation.debt
            expected += generation.expected
        return Outlook(
            objects,
            work.freed + work.freed_cold,
            share,
            debt,
            self.prices.of(work)[0] + work.young * aged,
            expected / max(objects, 1.0),
            self.now - self.generations[number].last_at,
        )

    def worth_counting(self, collected: int) -> bool:
        """Tell whether to count the middle generation, so as to know how many survived in truth."""
        survivors, before = self.generations[0].objects - collected, self.generations[1].objects
        cost = (survivors + before) * COUNTING
        trivial = cost <= TRIVIAL * (self.now - self._unspent_since())
        return 1 in self._own and survivors > max(before, FEW) and trivial

    def count(self, site: Site | None, collected: int, middle: int) -> None:
        """Learn from the `middle` generation, just counted, how many of the young survived.

        The site learns how many of its young are examined; None where others are among them.
        """
        self._counted_until = self._unspent_since() + middle * COUNTING / TRIVIAL
        first, second = self.generations[:2]
        survivors = min(max(middle - second.objects, 0.0), first.objects - collected)
        examined = collected + survivors
        if site is not None:
            tracked = min(site.tracked * examined / first.objects, 1.0)
            site.tracked = blend(site.tracked, tracked, LEARNING)
        first.objects, second.objects = examined, middle - survivors

    def _unspent_since(self) -> float:
        return max(self._counted_until, self.now - SAVED)

    def settle(
        self,
        number: int,
        site: Site | None,
        collected: int,
        duration: float | None = None,
        resident: float | None = None,
        *,
        told: bool = False,
    ) -> None:
        """Learn from a collection of generation `number`, and start its debts anew.

        Args:
            number: The oldest generation collected.
            site: Where its young objects came from, None when unknown.
            collected: Objects freed.
            duration: Seconds, None when not measured.
            resident: Bytes read after it, None when not read.
            told: Whether a teardown was the reason for it.
        """
        gone = self.generations[: number + 1]
        parts = _split(gone, collected)
        seen = [g.learn(part, told=told) for g, part in zip(gone, parts, strict=True)]
        kept = [1.0 - share for share in seen]
        survivors = [g.objects * share for g, share in zip(gone, kept, strict=True)]
        size = sum(g.size * share for g, share in zip(gone, kept, strict=True))
        if told:
            # By what was told of memory has grown, and not by what survived beside it.
            size = min(size, sum(survivors) * OBJECT_BYTES)
        if site is not None:
            site.learn(gone[0].efficiency, self._grown(), gone[0].objects)
        if duration is not None:
            work = Work(heap=self._examined()) if number == 2 else Work(*survivors)
            freed, cold = parts[0], sum(parts[1:])
            wasted = self.prices.learn(work._replace(freed=freed, freed_cold=cold), duration)
            if number == 2:
                self.fruitless, self._full_at = wasted * kept[2], self.now
        self._rebase(number, seen[0], resident)
        for generation in gone:
            generation.clear(self.now)
        if number == 2:
            self.old_known = True
        elif not self.old_known:
            _, middle, old = self.generations
            old.efficiency = min(old.efficiency, middle.efficiency)
        if number < 2:
            self.generations[number + 1].objects += sum(survivors)
            self.generations[number + 1].size += size

    def _examined(self) -> float:
        return max(self.resident - self.frozen, 0.0)

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
