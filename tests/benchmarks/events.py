"""Note what every batch end of a run saw, as the input of the offline optimum."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, ClassVar

import psutil

from .policies import Off, Policy

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .child import Meter


class Noted:
    """A policy's span that makes a note of each of its ends and checkpoints."""

    __slots__ = ("_entered", "_log", "_span")

    def __init__(self, span: Any, log: Log) -> None:
        self._span = span
        self._log = log

    def __enter__(self) -> Self:
        self._entered = self._span.__enter__()
        return self

    def checkpoint(self) -> None:
        """Pass a checkpoint on, and note it."""
        self._entered.checkpoint()
        self._log.note()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._span.__exit__(kind, error, trace)
        self._log.note()


class Log:
    """After each batch end: the time, the objects collected so far, the seconds in collections."""

    def __init__(self, policy: Policy, meter: Meter) -> None:
        self._meter = meter
        self.events: list[tuple[float, int, float]] = []
        batch, teardown, call = policy.batch, policy.teardown, policy.call
        policy.batch = lambda site="batch": Noted(batch(site), self)  # type: ignore[method-assign]
        policy.teardown = (  # type: ignore[method-assign]
            lambda site="teardown": Noted(teardown(site), self)
        )
        policy.call = lambda site: self.note(call(site))  # type: ignore[method-assign]

    def note(self, _: None = None) -> None:
        """Make a note."""
        meter = self._meter
        self.events.append((time.monotonic(), meter.collected, meter.seconds))


class Recorder(Off):
    """Hold gc off, and find out at each batch end all that an optimum has to know.

    What the process had loaded before the job is frozen, so that a full collection sees only what
    the job has made. At each end, in this order: how many young objects survive, how much garbage
    of any age there is, how many objects live on, and, now and then, how long it takes to look
    through these. Where measuring takes ten times as long as the work, ends are passed over.
    """

    name: ClassVar[str] = "recorder"
    patience = 10.0
    looks = 10

    def start(self) -> None:
        super().start()
        gc.freeze()
        self._memory = psutil.Process()
        self._busy = 0.0
        self._number = 0
        self.ends: list[list[float]] = []
        self._measure(time.monotonic())

    def stop(self) -> None:
        gc.unfreeze()
        super().stop()

    def after(self) -> None:
        now = time.monotonic()
        self._number += 1
        if now - self._resumed >= self._took / self.patience:
            self._measure(now)

    def _measure(self, now: float) -> None:
        self.ends.append([self._number, now - self._busy, *self._end()])
        self._resumed = time.monotonic()
        self._took = self._resumed - now
        self._busy += self._took

    def _end(self) -> list[float]:
        start = time.perf_counter()
        freed = gc.collect(0)
        # The last end left the middle generation empty: what is there now has just survived.
        survivors = len(gc.get_objects(generation=1))
        freed += gc.collect()
        took = time.perf_counter() - start
        live = len(gc.get_objects())
        memory = self._memory.memory_info().rss
        if len(self.ends) % self.looks:
            return [freed, live, survivors, memory, took, 0, 0.0]
        start = time.perf_counter()
        gc.collect()
        return [freed, live, survivors, memory, took, live, time.perf_counter() - start]

    def extra(self) -> dict[str, Any]:
        return {"ends": self.ends}
