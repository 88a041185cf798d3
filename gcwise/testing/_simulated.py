"""A collector, its clock and its memory, simulated step by step, to drive decisions in tests."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gcwise._checks import (
    check_bool,
    check_generation,
    check_integer,
    check_number,
    given,
    shown,
)
from gcwise._collector import collector
from gcwise._history import History
from gcwise._quiet import Quiet
from gcwise._runtime import STATISTICS, Runtime
from gcwise._window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Objects", "SimulatedRuntime", "simulated"]

# Seconds to examine an object that survives, by its generation, and to free one that does not.
SCAN, FREE = (20e-9, 100e-9, 200e-9), 100e-9
# What messages say of arguments.
OBJECTS, BYTES, SECONDS = "objects, 0 or more", "bytes, 0 or more", "a finite number, 0 or more"
# Seconds of a collection that finds nothing; bytes of an object; bytes of a program without any.
CALL, OBJECT, PROGRAM = 1e-6, 128, 20 * 2**20


@dataclass(eq=False)
class Objects:
    """Stand for objects that live and die together, and then are cyclic garbage.

    Attributes:
        number: How many.
        size: Their bytes in all.
        alive: Whether anything refers to them from outside.

    Raises:
        TypeError: `number` or `size` is no integer, or `alive` neither True nor False.
        ValueError: `number` or `size` is below 0.
    """

    number: int
    size: int
    alive: bool = True

    def __post_init__(self) -> None:
        check_integer("number", self.number, OBJECTS, 0)
        check_integer("size", self.size, BYTES, 0)
        check_bool("alive", self.alive)

    def die(self) -> None:
        """Lose the last reference from outside: from now on only a collection frees them."""
        self.alive = False


class SimulatedRuntime(Runtime):
    """Simulate a heap of three generations, whose time passes and whose objects die only as told.

    Nothing real is collected, and automatic collection of the process is left alone. A collection
    takes 20 ns for each young object that survives it, 100 ns for a middle-aged and 200 ns for an
    old one, and 100 ns for each that it frees.

    Args:
        live: Objects that stay, in the oldest generation.
        enabled: Whether automatic collection runs, after a `make` that exceeds a threshold.
        limit: Bytes that the process may use.

    Raises:
        TypeError: `live` or `limit` is no integer, or `enabled` neither True nor False.
        ValueError: `live` is below 0, or `limit` not above 0.

    Attributes:
        now: Seconds that have passed.
        collections: The generations of all explicit collections so far.
    """

    def __init__(self, live: int = 100_000, *, enabled: bool = False, limit: int = 2**40) -> None:
        check_integer("live", live, OBJECTS, 0)
        check_bool("enabled", enabled)
        check_integer("limit", limit, "bytes, above 0", 1)
        self.now: float = 0.0
        self.enabled: bool = enabled
        self.collections: list[int] = []
        self.callbacks: list[Any] = []
        self.generations: list[list[Objects]] = [[], [], [Objects(live, live * OBJECT)]]
        self._thresholds: tuple[int, int, int] = (700, 10, 10)
        self._counts = [0, 0, 0]
        nothing = dict.fromkeys(STATISTICS, 0)
        self._stats: list[dict[str, Any]] = [dict(nothing) for _ in range(3)]
        self._limit: int | None = limit
        self.reset()

    def spend(self, seconds: float) -> None:
        """Let the program work on something else for so many seconds.

        Raises:
            TypeError: `seconds` is no number.
            ValueError: `seconds` is not finite, or below 0.
        """
        check_number("seconds", seconds, SECONDS)
        if not 0 <= seconds <= sys.float_info.max:
            raise ValueError(f"seconds must be {SECONDS}, got {shown(seconds)}")
        self.now += seconds

    def make(self, number: int, size: int | None = None, *, alive: bool = False) -> Objects:
        """Allocate objects of `size` bytes in all (128 each), cyclic garbage unless `alive`.

        Where automatic collection is enabled and a threshold exceeded, it runs, as in CPython.

        Raises:
            TypeError: `number` or `size` is no integer, or `alive` neither True nor False.
            ValueError: `number` or `size` is below 0.
        """
        check_integer("number", number, OBJECTS, 0)
        objects = Objects(number, OBJECT * number if size is None else size, alive)
        self.generations[0].append(objects)
        self._counts[0] += number
        if self.enabled and 0 < self._thresholds[0] < self._counts[0]:
            over = [n for n in range(3) if self._counts[n] > self._thresholds[n]]
            self._run(max(over))
        return objects

    def free(self, objects: Objects) -> None:
        """Free objects at once, as reference counting does.

        Raises:
            ValueError: They are not there.
        """
        generation = next((each for each in self.generations if objects in each), None)
        if generation is None:
            raise ValueError("these objects are not on this heap (freed or collected already)")
        generation.remove(objects)
        self._counts[0] = max(self._counts[0] - objects.number, 0)

    def waiting(self) -> list[int]:
        """Return how many dead objects wait in each generation."""
        return [
            sum(objects.number for objects in generation if not objects.alive)
            for generation in self.generations
        ]

    def size(self) -> int:
        """Return the bytes that program, living objects and garbage take."""
        return PROGRAM + sum(each.size for generation in self.generations for each in generation)

    def collect(self, generation: int) -> int:
        """Collect this generation and the younger ones, and return how many objects were freed.

        Raises:
            TypeError: `generation` is no integer.
            ValueError: `generation` is none of 0, 1 and 2.
        """
        check_generation(generation)
        self.collections.append(generation)
        return self._run(generation)

    def _run(self, number: int) -> int:
        self._tell("start", number, 0)
        found = self.generations[: number + 1]
        self.now += CALL + sum(
            objects.number * (scan if objects.alive else FREE)
            for scan, generation in zip(SCAN, found, strict=False)
            for objects in generation
        )
        everything = [objects for generation in found for objects in generation]
        collected = sum(objects.number for objects in everything if not objects.alive)
        for generation in found:
            generation.clear()
        self.generations[min(number + 1, 2)] += [each for each in everything if each.alive]
        self._counts[: number + 1] = [0] * (number + 1)
        if number < 2:
            self._counts[number + 1] += 1
        self._stats[number]["collections"] += 1
        self._stats[number]["collected"] += collected
        self._tell("stop", number, collected)
        return collected

    def _tell(self, phase: str, generation: int, collected: int) -> None:
        info = {"generation": generation, "collected": collected, "uncollectable": 0}
        for callback in list(self.callbacks):
            callback(phase, info)

    def clock(self) -> float:
        """Return seconds."""
        return self.now

    def count(self) -> tuple[int, int, int]:
        """Return what `gc.get_count` would."""
        young, middle, old = self._counts
        return young, middle, old

    def middle(self) -> int:
        """Return the objects in the middle generation."""
        return sum(objects.number for objects in self.generations[1])

    def trim(self) -> int:
        """Return 0: this allocator keeps nothing."""
        return 0

    def stats(self) -> list[dict[str, Any]]:
        """Return what `gc.get_stats` would."""
        return [dict(generation) for generation in self._stats]

    def is_enabled(self) -> bool:
        """Return whether automatic collection is on."""
        return self.enabled

    def get_threshold(self) -> tuple[int, int, int]:
        """Return the thresholds of automatic collection."""
        return self._thresholds

    def set_threshold(self, *thresholds: int) -> None:
        """Set the first thresholds and keep the rest."""
        first, middle, old = (*thresholds, *self._thresholds[len(thresholds) :])
        self._thresholds = first, middle, old

    def _read_resident(self) -> int:
        return self.size()


@contextlib.contextmanager
def simulated(runtime: SimulatedRuntime | None = None) -> Iterator[SimulatedRuntime]:
    """Let gcwise decide over a simulated heap inside the block, knowing nothing at its beginning.

    For tests of code that asks gcwise: `make` garbage, `spend` time, and see what is decided. The
    process's own garbage, settings and automatic collection are left alone, and everything that
    gcwise had learned is back at the end. Windows that are open must be closed on the side of the
    border that they were opened on. Not for several threads.

    Args:
        runtime: The heap; by default a fresh `SimulatedRuntime()`.

    Returns:
        A block with the heap as its target.

    Raises:
        TypeError: `runtime` is no `SimulatedRuntime`.

    >>> with simulated() as runtime:
    ...     garbage = runtime.make(50_000)
    ...     runtime.spend(0.1)
    ...     gcwise.maybe_collect("job").generation
    0
    """
    runtime = SimulatedRuntime() if runtime is None else runtime
    if not isinstance(runtime, SimulatedRuntime):
        raise TypeError(
            f"runtime must be a SimulatedRuntime or None, got {given(runtime)}; "
            "as in simulated(SimulatedRuntime(live=1_000))"
        )
    parts = collector, collector.window, collector.quiet, collector.history
    # In place, since scopes have looked up the methods of each.
    kept = [dict(vars(part)) for part in parts]
    try:
        History.__init__(collector.history, runtime)
        Window.__init__(collector.window, runtime)
        Quiet.__init__(collector.quiet, runtime, collector.history, collector.window.last)
        collector.begin(runtime)
        yield runtime
    finally:
        for part, attributes in zip(parts, kept, strict=True):
            vars(part).clear()
            vars(part).update(attributes)
