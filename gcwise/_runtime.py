"""What interpreter and machine tell and do: the only file that touches gc, clocks and psutil."""

from __future__ import annotations

import gc
import math
import sys
import time

import psutil

from gcwise._limits import NO_LIMIT, container_limit, plausible
from gcwise._trim import trim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

__all__ = ["STATISTICS", "FreeThreaded", "Incremental", "PyPy", "Runtime", "kind"]

# Reading resident memory takes 17-33 us, a hundred times what a skipped decision does.
READ_INTERVAL = 10e-3
# Only the share of garbage in it matters, so a plausible size serves where none can be read.
UNKNOWN_RESIDENT = 64 * 2**20
# What a failing sensor raises, and no signal handler does, whose exception would be lost here.
FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    psutil.Error,
)
# Seconds between collections where each examines all the heap, and stops all threads for it.
FULL_INTERVAL = 1.0
# What an object takes, where only the memory that was freed is known.
OBJECT_BYTES = 128
# What is read of the interpreter's statistics.
STATISTICS: tuple[str, ...] = ("collections", "collected", "uncollectable")


class Runtime:
    """CPython's collector with three generations, the clock and the memory sensor.

    Unit tests put a fake with the same names in its place.

    Attributes:
        choices: The generations that a decision chooses among, each including the younger ones.
        interval: Seconds that have to pass between two collections of the oldest.
    """

    choices: ClassVar[tuple[int, ...]] = (0, 1, 2)
    interval: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self.count: Callable[[], tuple[int, int, int]] = gc.get_count
        self.collect: Callable[[int], object] = gc.collect
        self.stats: Callable[[], list[dict[str, Any]]] = gc.get_stats
        if not _complete(gc.get_stats()):
            tally = Tally()
            self.collect, self.stats = tally.collect, tally.stats
        self.is_enabled: Callable[[], bool] = gc.isenabled
        self.get_threshold: Callable[[], tuple[int, int, int]] = gc.get_threshold
        self.set_threshold: Callable[..., None] = gc.set_threshold
        self.callbacks: list[Any] = gc.callbacks
        self.clock: Callable[[], float] = time.perf_counter
        self._limit: int | None = None
        self.reset()

    def at_least(self, generation: int) -> int:
        """Return the choice that frees all that collecting this generation is expected to."""
        return next(choice for choice in self.choices if choice >= generation)

    def at_most(self, generation: int) -> int:
        """Return the choice that a collection of this generation, by whoever, amounts to."""
        return max((c for c in self.choices if c <= generation), default=self.choices[0])

    def reset(self) -> None:
        """Forget the process: after a fork, psutil's handle would go on telling of the parent."""
        self._process: psutil.Process | None = None
        self._resident = 0
        self._read_at = -math.inf

    def resident(self, now: float, age: float = READ_INTERVAL) -> tuple[int, bool]:
        """Return resident memory in bytes, and whether it was read just now.

        Args:
            now: By the clock.
            age: Seconds that the last reading may be old, to do without another.
        """
        # Not below it after a clock that jumped back, either.
        if 0 <= now - self._read_at < age:
            return self._resident, False
        self._read_at = now
        self._resident = self._read_resident()
        return self._resident, True

    def _read_resident(self) -> int:
        try:
            if self._process is None:
                self._process = psutil.Process()
            return plausible(int(self._process.memory_info().rss), UNKNOWN_RESIDENT)
        except TimeoutError:
            raise  # No sensor waits: it is somebody's time limit.
        except FAILURES:  # A failing sensor is decided without, and never heard of.
            return self._resident or UNKNOWN_RESIDENT

    def middle(self) -> int:
        """Return the objects in the middle generation, at 40 to 65 ns for each."""
        return len(gc.get_objects(generation=1))

    def trim(self) -> int:
        """Give back to the system what only the allocator keeps; return the bytes."""
        try:
            return trim()
        except TimeoutError:
            raise
        except FAILURES:  # As for resident memory.
            return 0

    def memory_limit(self) -> int:
        """Return the container's or else the machine's memory in bytes, read once."""
        if self._limit is None:
            self._limit = min(container_limit(), _machine_memory())
        return self._limit


class Incremental(Runtime):
    """CPython 3.14.0 to 3.14.4: a collection of generation 1 is an increment and may free nothing.

    Its other counts tell of increments, and which objects are middle-aged cannot be told.
    """

    choices = (0, 2)

    def __init__(self) -> None:
        super().__init__()
        self.count = self._count

    def _count(self) -> tuple[int, int, int]:
        return gc.get_count()[0], 0, 0


class FreeThreaded(Runtime):
    """CPython without the GIL: each collection examines all the heap, with all threads stopped."""

    choices = (2,)
    interval = FULL_INTERVAL


class PyPy(Runtime):
    """PyPy: no counts, no thresholds and no callbacks, so memory and time have to do.

    Memory that came since the last collection stands for the young objects, and memory that one
    freed for those it collected. Windows hold nothing back: its collector can only be switched off
    altogether.
    """

    choices = (2,)
    interval = FULL_INTERVAL

    def __init__(self) -> None:
        self.count, self.stats, self.collect = self._count, self._stats, self._collect
        self._collect_all: Callable[[], object] = gc.collect
        self.is_enabled, self.clock = gc.isenabled, time.perf_counter
        self.get_threshold = self._thresholds
        self.callbacks = []
        self._collections = self._collected = self._base = 0
        self._limit: int | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the process, and how its memory grew."""
        super().reset()
        self._base = self._resident = self._read_resident()

    def set_threshold(self, *_: int) -> None:
        """Do nothing: there are no thresholds."""

    def _thresholds(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def _count(self) -> tuple[int, int, int]:
        return max(self._resident - self._base, 0) // OBJECT_BYTES, 0, 0

    def _collect(self, _generation: int) -> None:
        before = self._read_resident()
        self._collect_all()
        self._base = self._resident = self._read_resident()
        self._collections += 1
        self._collected += max(before - self._base, 0) // OBJECT_BYTES

    def _stats(self) -> list[dict[str, Any]]:
        nothing = {"collections": 0, "collected": 0, "uncollectable": 0}
        done = {"collections": self._collections, "collected": self._collected}
        return [nothing, nothing, nothing | done]


def kind() -> type[Runtime]:
    """Return the kind of collector that this interpreter has."""
    if not hasattr(gc, "get_count"):
        return PyPy
    # Asking sysconfig would cost a tenth of importing gcwise.
    if "t" in getattr(sys, "abiflags", "") or "free-threading" in sys.version:
        return FreeThreaded
    if sys.version_info >= (3, 14) and gc.get_threshold()[2] == 0:
        return Incremental
    return Runtime


class Tally:
    """The statistics of explicit collections, where the interpreter tells none or not all."""

    def __init__(self) -> None:
        self._collect = gc.collect
        self._generations: list[dict[str, int]] = [dict.fromkeys(STATISTICS, 0) for _ in range(3)]

    def collect(self, generation: int) -> int:
        """Collect, and count what that did."""
        collected = self._collect(generation) or 0
        told = self._generations[generation]
        told["collections"] += 1
        told["collected"] += collected
        return collected

    def stats(self) -> list[dict[str, Any]]:
        """Return in the form of `gc.get_stats` what was counted."""
        return [dict(generation) for generation in self._generations]


def _complete(told: object) -> bool:
    return (
        isinstance(told, list)
        and len(told) == 3
        and all(isinstance(each.get(key), int) for each in told for key in STATISTICS)
    )


def _machine_memory() -> int:
    try:
        return plausible(int(psutil.virtual_memory().total), NO_LIMIT)
    except TimeoutError:
        raise
    except FAILURES:  # As for resident memory.
        return NO_LIMIT
