"""Give ten ways to run the garbage collector one interface that a workload can be driven by.

A workload is a sequence of batches. It wraps each batch in ``with policy.batch():``, the place
where an old structure is dropped in ``with policy.teardown():``, and says ``policy.call(site)``
where programs call ``gc.collect()`` blindly. It knows nothing else about the policy, and the policy
knows nothing about the workload but the names of the sites.
"""

from __future__ import annotations

import gc
import time
from typing import Any, ClassVar

from .spans import Span, WiseSpan


class Policy:
    """Do nothing at all: what each policy starts from.

    ``open`` counts the batches that are open now and ``calling`` says that a blind call is under
    way, both for the meter that watches all policies alike.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.open = 0
        self.calling = False
        self.calls = 0

    def start(self) -> None:
        """Get ready just before the job begins."""

    def stop(self) -> None:
        """Put things back just after the job has ended."""
        gc.enable()

    def before(self) -> None:
        """Act as a batch begins."""

    def after(self) -> None:
        """Act as a batch ends."""

    def batch(self, site: str = "batch") -> Any:
        """Return the context manager for one batch."""
        return Span(self)

    def teardown(self, site: str = "teardown") -> Any:
        """Return the context manager for the place where an old structure is dropped."""
        return Span(self)

    def call(self, site: str) -> None:
        """Stand at a place where a program has a blind ``gc.collect()``."""
        self.calls += 1
        self.calling = True
        self.blind(site)
        self.calling = False

    def blind(self, site: str) -> None:
        """Do what the policy puts in the place of a blind ``gc.collect()``."""
        self.after()

    def extra(self) -> dict[str, Any]:
        """Return what the policy itself has to report."""
        return {}


class Automatic(Policy):
    """Leave it all to CPython."""

    name = "automatic"


class Off(Policy):
    """Never collect."""

    name = "off"

    def start(self) -> None:
        gc.disable()


class CollectEach(Policy):
    """Leave automatic collection on, and collect everything after each batch."""

    name = "collect_each"

    def after(self) -> None:
        gc.collect()


class OffCollect(Off):
    """Hold gc off, and collect everything after each batch."""

    name = "off_collect"

    def after(self) -> None:
        gc.collect()


class OffCollect0(Off):
    """Hold gc off, and collect the young generation after each batch."""

    name = "off_collect0"

    def after(self) -> None:
        gc.collect(0)


class Dask(Off):
    """Hold gc off, and ask dask's own throttle after each batch."""

    name = "dask"

    def start(self) -> None:
        super().start()
        from distributed.gc import ThrottledGC

        throttled: Any = ThrottledGC
        self._collect = throttled().collect

    def after(self) -> None:
        self._collect()


class Every50(Off):
    """Hold gc off, and collect two generations after every 50th batch, as torchtitan does."""

    name = "every50"

    def start(self) -> None:
        super().start()
        self._step = 0
        gc.collect(1)

    def after(self) -> None:
        self._step += 1
        if self._step % 50 == 0:
            gc.collect(1)


class Synapse(Off):
    """Hold gc off, and collect what is over its threshold, but not too often, as Synapse does.

    The rule is looked at after each batch, the oldest generation first, where Synapse looks at it
    ten times a second.
    """

    name = "synapse"
    intervals = (1.0, 10.0, 30.0)

    def start(self) -> None:
        super().start()
        self._last = [0.0, 0.0, 0.0]

    def after(self) -> None:
        counts, thresholds = gc.get_count(), gc.get_threshold()
        now = time.time()
        for generation in (2, 1, 0):
            over = counts[generation] > thresholds[generation]
            if over and now - self._last[generation] > self.intervals[generation]:
                gc.collect(generation)
                now = self._last[generation] = time.time()


class DisableGc(Policy):
    """Wrap each batch in the ``disable-gc`` package; it has nothing to say at a blind call."""

    name = "disable_gc"

    def start(self) -> None:
        from disable_gc import disable_gc  # type: ignore[import-untyped]

        self._pause = disable_gc

    def before(self) -> None:
        self._pause.__enter__()

    def after(self) -> None:
        self._pause.__exit__(None, None, None)

    def blind(self, site: str) -> None:
        pass


class Gcwise(Policy):
    """Let gcwise decide, told nothing but the names of the sites."""

    name = "gcwise"

    def start(self) -> None:
        import gcwise

        self._gcwise: Any = gcwise

    def batch(self, site: str = "batch") -> Any:
        return WiseSpan(self, self._gcwise.batch(site))

    def teardown(self, site: str = "teardown") -> Any:
        return WiseSpan(self, self._gcwise.teardown(site))

    def blind(self, site: str) -> None:
        self._gcwise.maybe_collect(site)


ALL: tuple[type[Policy], ...] = (
    Automatic,
    Off,
    CollectEach,
    OffCollect,
    OffCollect0,
    Dask,
    Every50,
    Synapse,
    DisableGc,
    Gcwise,
)
NAMES = tuple(policy.name for policy in ALL)


def by_name(name: str) -> Policy:
    """Return a fresh policy."""
    return {policy.name: policy for policy in ALL}[name]()
