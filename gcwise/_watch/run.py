"""What the recorder has handed over, as figures that can be asked for."""

from __future__ import annotations

import os
import shlex
import sysconfig
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Collection", "Place", "Run", "Sample", "Total", "total"]

EXPLICIT = 4
# As many as the recorder keeps.
MOST = 1 << 20
# Seconds that freeing one object takes, at the upper end of what was measured, 57 to 160 ns. What a
# collection takes beyond that is spent on objects that survive it.
FREEING = 150e-9
GCWISE = str(Path(__file__).parent.parent)
LIBRARIES = (GCWISE, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


class Collection(NamedTuple):
    """One collection, in seconds since the program's start."""

    began: float
    seconds: float
    generation: int
    explicit: bool
    freed: int

    @property
    def wasted(self) -> float:
        """Seconds spent on objects that were no garbage."""
        return max(0.0, self.seconds - self.freed * FREEING)


class Place(NamedTuple):
    """A line of a function; line 0 for the function as such."""

    file: str
    function: str
    line: int


class Sample(NamedTuple):
    """Where the program was at the end of a collection.

    Attributes:
        number: The collection's.
        thread: The thread's, counted from 0.
        functions: Those on the stack, each once, and whether the call is one that an earlier sample
            has met. None where only the place was noted.
        place: The line that was interrupted, or None.
        resident: Bytes; 0 where not read.
    """

    number: int
    thread: int
    functions: dict[Place, bool] | None
    place: Place | None
    resident: int


class Total(NamedTuple):
    """Several collections together."""

    calls: int
    seconds: float
    longest: float
    freed: int
    wasted: float
    fruitless: int


class Run:
    """A program's run."""

    def __init__(self, data: dict[str, Any], own: str) -> None:
        self.data, self.own = data, own
        self.elapsed: float = data["elapsed"]
        self.cpu: float = data["cpu"]
        # What a program that waits most of the time could save is a share of its work.
        self.busy: float = min(self.elapsed, self.cpu)
        self.functions = [self._place(*described) for described in data["functions"]]
        self.collections = list(self._collections())
        self.samples = list(self._samples())

    def _place(self, file: str, function: str, line: int) -> Place:
        if not file.startswith("<"):
            file = os.path.normpath(Path(self.data["folder"], file))
        return Place(file, function, line)

    def _collections(self) -> Iterator[Collection]:
        began, took, kinds, freed = (
            decoded(code, each) for code, each in zip("dfBI", self.data["events"], strict=True)
        )
        clock = self.data["clock"]
        for at, seconds, kind, objects in zip(began, took, kinds, freed, strict=True):
            explicit, generation = divmod(kind, EXPLICIT)
            yield Collection(at - clock, seconds, generation, bool(explicit), objects)

    def _samples(self) -> Iterator[Sample]:
        values = decoded("q", self.data["samples"])
        stacks = [
            {self.functions[n if n >= 0 else ~n]: n >= 0 for n in stack}
            for stack in self.data["stacks"]
        ]
        places = [
            self.functions[number]._replace(line=line) for number, line in self.data["places"]
        ]
        for number, thread, stack, place, resident in zip(*[iter(values)] * 5, strict=True):
            yield Sample(
                number,
                thread,
                stacks[stack] if stack >= 0 else None,
                places[place] if place >= 0 else None,
                resident,
            )

    @property
    def peak(self) -> int:
        """The most resident memory, in bytes."""
        peak: int = self.data["memory"][2]
        return max(peak, *(size for _, size in self.memory()))

    @property
    def watched(self) -> float:
        """The seconds that the collections on record cover."""
        last = self.collections[-1]
        return last.began + last.seconds if self.is_full else self.elapsed

    @property
    def is_full(self) -> bool:
        """Whether there was no room for all collections."""
        return len(self.collections) >= MOST

    @property
    def program(self) -> str:
        """What was run, as on the command line."""
        return shlex.join(self.data["arguments"][1:])

    def memory(self) -> Iterator[tuple[float, int]]:
        """Yield times and resident bytes, where they were read."""
        first, last, _ = self.data["memory"]
        yield 0.0, first
        for sample in self.samples:
            if sample.resident:
                each = self.collections[sample.number]
                yield each.began + each.seconds, sample.resident
        yield self.elapsed, last

    def of(self, *, explicit: bool, generation: int | None = None) -> Iterator[Collection]:
        """Yield the collections of a kind, and of a generation."""
        for each in self.collections:
            if each.explicit == explicit and generation in (None, each.generation):
                yield each

    def is_candidate(self, place: Place) -> bool:
        """Tell whether a function is the program's own, and can be made a batch."""
        return self.is_own(place) and is_function(place)

    def is_own(self, place: Place) -> bool:
        """Tell whether a function is the program's own, and not of a library."""
        if is_installed(place.file):
            return False
        return is_within(place.file, self.own) or not is_library(place.file)

    def is_callable(self, place: Place) -> bool:
        """Tell whether a function is the program's or an installed package's."""
        return is_function(place) and (self.is_own(place) or is_installed(place.file))


def is_function(place: Place) -> bool:
    """Tell whether it can be called or decorated: no part of an expression, no package's body."""
    part = place.function.rpartition(".")[2]
    return not part.startswith("<") or (part == "<module>" and not is_installed(place.file))


def is_installed(file: str) -> bool:
    """Tell whether a file is of an installed package."""
    folders = Path(file).parts
    return "site-packages" in folders or "dist-packages" in folders


def is_library(file: str) -> bool:
    """Tell whether a file is of the standard library, of gcwise, or none."""
    known = any(is_within(file, folder) for folder in LIBRARIES)
    return known or file.startswith("<")


def is_within(file: str, folder: str) -> bool:
    """Tell whether a file is this one, or lies in this folder."""
    return file == folder or file.startswith(folder + os.sep)


def decoded(code: str, data: bytes) -> array[Any]:
    """Return an array of numbers as the recorder had it."""
    numbers: array[Any] = array(code)
    numbers.frombytes(data)
    return numbers


def total(collections: Iterable[Collection]) -> Total:
    """Add collections up."""
    several = list(collections)
    return Total(
        len(several),
        sum(each.seconds for each in several),
        max((each.seconds for each in several), default=0.0),
        sum(each.freed for each in several),
        sum(each.wasted for each in several),
        sum(not each.freed for each in several),
    )
