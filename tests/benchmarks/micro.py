"""Measure single operations: a batch's end on heaps of several sizes, bare overhead, importing.

What is compared is measured in turns and reported as the median of the ratios of neighbours, so
that a machine that is busy for a while does not count against one side.
"""

from __future__ import annotations

import contextlib
import gc
import json
import subprocess
import sys
import time
import timeit
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from .measure import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAPS = (100_000, 1_000_000, 5_000_000)
"""Live objects in the process when a batch's end is measured."""

GARBAGE = 5_000
"""Objects in cycles that each batch leaves behind."""

BATCHES = 200
ENDERS = ("gcwise", "collect_0", "collect_2")

IMPORTS = {
    "gcwise": "import psutil, time; t = time.perf_counter(); import gcwise",
    "psutil": "import time; t = time.perf_counter(); import psutil",
    "asyncio": "import psutil, time; t = time.perf_counter(); import asyncio",
}


def leave_garbage() -> None:
    """Leave cycles of two lists each."""
    for _ in range(GARBAGE // 2):
        first: list[Any] = []
        first.append([first])


def heap(objects: int) -> list[list[int]]:
    """Return so many live objects, all in the oldest generation."""
    gc.disable()
    live: list[list[int]] = [[] for _ in range(objects)]
    gc.collect()
    gc.enable()
    return live


def wise_end() -> tuple[float, bool]:
    """Return the seconds that gcwise takes at the end of a batch, and whether it collected."""
    import gcwise

    scope = gcwise.batch("measured")
    scope.__enter__()
    leave_garbage()
    start = time.perf_counter()
    scope.__exit__(None, None, None)
    seconds = time.perf_counter() - start
    return seconds, bool(scope.decision and scope.decision.collection)


def plain_end(generation: int) -> tuple[float, bool]:
    """Return the seconds that an explicit collection takes at the end of a batch."""
    gc.disable()
    leave_garbage()
    start = time.perf_counter()
    gc.collect(generation)
    seconds = time.perf_counter() - start
    gc.enable()
    return seconds, True


def batch_ends(objects: int, ender: str) -> dict[str, float]:
    """Return what the ends of batches take among so many live objects, in seconds.

    The mean says what they cost, as gcwise may let several batches pass and then collect for all;
    the median is taken over those ends that did collect.
    """
    live = heap(objects)
    # A full collection is dear and always the same: fewer of them will do.
    count = BATCHES // 20 if ender == "collect_2" else BATCHES
    end: Callable[[], tuple[float, bool]] = (
        wise_end if ender == "gcwise" else lambda: plain_end(int(ender.rpartition("_")[2]))
    )
    ends = [end() for _ in range(count)]
    assert len(live) == objects
    collecting = [seconds for seconds, collected in ends if collected]
    return {
        "mean": fmean(seconds for seconds, _ in ends),
        "median_collecting": median(collecting or [0.0]),
        "collecting_share": len(collecting) / count,
    }


@contextlib.contextmanager
def recipe() -> Iterator[None]:
    """Hold automatic collection off as everybody's own recipe does it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def in_turns(one: str, other: str, names: dict[str, Any]) -> dict[str, float]:
    """Time two statements in turns, and return the medians in seconds and that of the ratios."""
    loops, turns = 20_000, 41
    timers = [timeit.Timer(statement, globals=names) for statement in (one, other)]
    times = [[timer.timeit(loops) / loops for timer in timers] for _ in range(turns)]
    firsts, seconds = zip(*times, strict=True)
    return {
        "seconds": median(firsts),
        "other_seconds": median(seconds),
        "ratio": median(a / b for a, b in times),
    }


def overheads() -> dict[str, dict[str, float]]:
    """Return what gcwise's spellings cost with nothing to do, next to what they stand in for."""
    import gcwise

    names = {"gc": gc, "gcwise": gcwise, "recipe": recipe}
    return {
        "batch": in_turns("with gcwise.batch('x'): pass", "with recipe(): pass", names),
        "should_collect": in_turns("gcwise.should_collect('x')", "gc.get_stats()", names),
    }


def fresh(*arguments: str) -> Any:
    """Call one of this module's measurements in a fresh process, and return what it measured."""
    command = [sys.executable, "-m", "tests.benchmarks.micro", *arguments]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return json.loads(out)


def import_seconds(statement: str) -> float:
    """Return the seconds that an import takes in a fresh process."""
    command = [sys.executable, "-c", f"{statement}; print(time.perf_counter() - t)"]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def imports(turns: int) -> dict[str, float]:
    """Return the median seconds that imports take, measured in turns.

    gcwise comes after psutil, which it needs; asyncio is there for comparison.
    """
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(turns):
        for name, statement in IMPORTS.items():
            times[name].append(import_seconds(statement))
    return {name: median(seconds) for name, seconds in times.items()}


def heaps(turns: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return what a batch's end takes, medians over processes, by ender and live objects."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for _ in range(turns):
        for ender in ENDERS:
            for objects in map(str, HEAPS):
                row = found.setdefault(ender, {}).setdefault(objects, [])
                row.append(fresh("heap", objects, ender))
    return {
        ender: {
            objects: {key: median(one[key] for one in ends) for key in ends[0]}
            for objects, ends in row.items()
        }
        for ender, row in found.items()
    }


def run(rounds: int) -> dict[str, Any]:
    """Measure everything, and show it."""
    overhead = [fresh("overheads") for _ in range(rounds)]
    figures: dict[str, Any] = {
        "overheads": {
            name: {key: median(o[name][key] for o in overhead) for key in overhead[0][name]}
            for name in overhead[0]
        },
        "imports": imports(7 * rounds),
        "heaps": heaps(rounds),
    }
    print("\n" + text(figures))
    return figures


def text(figures: dict[str, Any]) -> str:
    """Return the figures for people."""
    batch, should = figures["overheads"]["batch"], figures["overheads"]["should_collect"]
    importing = ", ".join(f"{name} {s * 1e3:.1f}" for name, s in figures["imports"].items())
    wise, blind = batch["seconds"] * 1e6, should["seconds"] * 1e6
    lines = [
        f"with batch('x'): pass   {wise:.2f} us, {batch['ratio']:.2f} times the recipe",
        f"should_collect('x')     {blind:.2f} us, {should['ratio']:.2f} times gc.get_stats()",
        f"import, ms              {importing}",
        f"a batch's end after {GARBAGE:,} objects of garbage, ms:",
    ]
    for ender, row in figures["heaps"].items():
        for key in ("mean", "median_collecting"):
            ends = ", ".join(f"{int(n):,} live {one[key] * 1e3:.3f}" for n, one in row.items())
            first, last = row[str(HEAPS[0])][key], row[str(HEAPS[-1])][key]
            ratio = f"{last / first:.2f}" if first else "-"
            lines.append(f"  {ender:<10}{key:<18} {ends}; ratio {ratio}")
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line names, for `fresh`."""
    kind, *rest = sys.argv[1:]
    measured = batch_ends(int(rest[0]), rest[1]) if kind == "heap" else overheads()
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
