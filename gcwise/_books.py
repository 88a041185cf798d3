"""Keeps the ledger true: takes in readings, what others have collected and what was done."""

from __future__ import annotations

import math

from gcwise._ledger import Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._collection import Collection
    from gcwise._runtime import Runtime
    from gcwise._site import Site
    from gcwise._window import Window

__all__ = ["Books"]


class Books:
    """The ledger, with what was last read of the interpreter's own statistics.

    Attributes:
        ledger: What is known of each generation.
        looked: What is known of the place that was last told to collect, the generation, and the
            young objects then.
    """

    def __init__(self, runtime: Runtime, window: Window) -> None:
        now = runtime.clock()
        resident, _ = runtime.resident(now)
        self._runtime, self._window = runtime, window
        self.ledger = Ledger(now, resident, runtime.choices, runtime.interval)
        self.looked: tuple[Site, int, int] | None = None
        self._stats = runtime.stats()
        # Young objects at the last look, and how many more came each second until this one.
        self._left, self._pace = max(runtime.count()[0], 0), math.inf

    def observe(self, site: Site, resident: int) -> int:
        """Bring the ledger up to date; return the young objects."""
        now = self._runtime.clock()
        elapsed = now - self.ledger.read_at
        young = max(self._runtime.count()[0], 0)
        examined = self._notice(site, resident, now, young)
        made = max(young + examined - self._left, 0)
        self._left, self._pace = young, made / elapsed if elapsed > 0 else math.inf
        self.ledger.observe(site, young, resident, now)
        return young

    def seconds_of(self, young: float) -> float:
        """Return in how many seconds as many young objects come, at their pace."""
        return young / self._pace if self._pace else math.inf

    def settle(self, done: Collection, site: Site, before: float, *, told: bool) -> Collection:
        """Teach the ledger what a collection did; return it with the memory it freed, if read."""
        ledger = self.ledger
        self._stats, self.looked = self._runtime.stats(), None
        self._window.nursery.take()
        self._left = max(self._runtime.count()[0], 0)
        now = self._runtime.clock()
        resident, fresh = self._runtime.resident(now)
        ledger.tick(now)
        self._count(site, done.generation, done.collected)
        ledger.settle(
            done.generation,
            site,
            done.collected,
            done.duration,
            resident if fresh else None,
            told=told,
        )
        return done._replace(memory_freed=max(int(before) - resident, 0)) if fresh else done

    def _notice(self, site: Site, resident: int, now: float, waiting: int) -> int:
        """Learn from collections that somebody else ran since; return the young they examined."""
        before, stats = self._stats, self._runtime.stats()
        if stats == before:
            return 0
        self._stats = stats
        looked, self.looked = self.looked, None
        times = [stats[each]["collections"] - before[each]["collections"] for each in range(3)]
        inside, examined = self._window.nursery.take()
        made: int = examined + max(sum(times) - inside, 0) * self._window.own_threshold()
        young = made
        # Memory has grown by all objects made meanwhile, and not just by those that wait now.
        grown = max(resident - self.ledger.base, 0.0)
        after = resident - grown * waiting / max(waiting + made, 1)
        for number in (0, 1, 2):
            if times[number] < 1:
                continue
            collected = max(stats[number]["collected"] - before[number]["collected"], 0)
            learner = None
            if looked is not None and looked[1] == number:
                learner, _, young = looked
            self.ledger.observe(learner or site, max(young, collected), resident, now)
            self._count(learner, number, collected)
            self.ledger.settle(self._runtime.at_most(number), learner, collected, resident=after)
            young = 0
        return made

    def _count(self, site: Site | None, generation: int, collected: int) -> None:
        """Count what a young collection promoted, where much seems to have survived it."""
        if generation == 0 and self.ledger.worth_counting(collected):
            self.ledger.count(site, collected, self._runtime.middle())
