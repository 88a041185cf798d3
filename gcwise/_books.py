"""Keeps the ledger true: takes in readings, what others have collected and what was done."""

from __future__ import annotations

from gcwise._ledger import Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gcwise._collection import Collection
    from gcwise._runtime import Runtime
    from gcwise._site import Site
    from gcwise._window import Window

__all__ = ["Books"]


class Books:
    """The ledger, with what was last read of the interpreter's own statistics.

    Attributes:
        ledger: What is known of each generation.
        looked: The place that was last told to collect, the generation, and the young objects then.
    """

    def __init__(self, runtime: Runtime, window: Window, site: Callable[[str], Site]) -> None:
        now = runtime.clock()
        resident, _ = runtime.resident(now)
        self._runtime, self._window, self._site = runtime, window, site
        self.ledger = Ledger(now, resident, runtime.choices, runtime.interval)
        self.looked: tuple[str, int, int] | None = None
        self._stats = runtime.stats()

    def observe(self, site: Site, resident: int) -> int:
        """Bring the ledger up to date; return the young objects."""
        now = self._runtime.clock()
        self._notice(site, resident, now)
        young = self._runtime.count()[0]
        self.ledger.observe(site, max(young, 0), resident, now)
        return young

    def settle(self, done: Collection, site: Site, before: float, *, told: bool) -> Collection:
        """Teach the ledger what a collection did; return it with the memory it freed, if read."""
        ledger = self.ledger
        self._stats, self.looked = self._runtime.stats(), None
        self._window.nursery.take()
        now = self._runtime.clock()
        resident, fresh = self._runtime.resident(now)
        ledger.tick(now)
        if done.generation == 0 and ledger.worth_counting(done.collected):
            ledger.count(site, done.collected, self._runtime.middle())
        ledger.settle(
            done.generation,
            site,
            done.collected,
            done.duration,
            resident if fresh else None,
            told=told,
        )
        return done._replace(memory_freed=max(int(before) - resident, 0)) if fresh else done

    def _notice(self, site: Site, resident: int, now: float) -> None:
        """Learn from collections that somebody else ran since the last look."""
        before, stats = self._stats, self._runtime.stats()
        if stats == before:
            return
        self._stats = stats
        looked, self.looked = self.looked, None
        times = [stats[each]["collections"] - before[each]["collections"] for each in range(3)]
        inside, examined = self._window.nursery.take()
        young = examined + max(sum(times) - inside, 0) * self._window.own_threshold()
        for number in (0, 1, 2):
            if times[number] < 1:
                continue
            collected = max(stats[number]["collected"] - before[number]["collected"], 0)
            learner = None
            if looked is not None and looked[1] == number:
                learner, young = self._site(looked[0]), looked[2]
            self.ledger.observe(learner or site, max(young, collected), resident, now)
            self.ledger.settle(self._runtime.at_most(number), learner, collected)
            young = 0
