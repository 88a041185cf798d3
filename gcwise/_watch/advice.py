"""What to change in the program, in plain sentences with numbers, or why nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gcwise._watch.attribution import Caller, Function, callers, functions_worth_wrapping
from gcwise._watch.run import GCWISE, Place, Run, is_installed, is_within, total

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["advice", "least_gain", "named", "objects", "seconds", "share", "times"]

# A gain below 2 % of the run does not show against the differences between two runs of the same
# program, and below a tenth of a second nobody notices it.
LEAST_SHARE, LEAST_SECONDS = 0.02, 0.1
# Pieces of advice of each kind: what comes after them is worth less than they are.
MOST = 3
# An explicit call whose time went mostly into freeing has done what it was for.
MOSTLY = 0.5


def advice(run: Run) -> list[str]:
    """Return what is worth changing, one sentence each; if nothing is, why not."""
    found = [*about_callers(run), *about_functions(run)]
    return found or [nothing_to_gain(run)]


def least_gain(run: Run) -> float:
    """Return the seconds that a change has to save."""
    return max(LEAST_SHARE * run.busy, LEAST_SECONDS)


def about_callers(run: Run) -> list[str]:
    """Say which calls of `gc.collect()` are not worth their time."""
    poor = [
        caller
        for caller in callers(run)
        if caller.total.wasted >= least_gain(run)
        and caller.total.wasted >= MOSTLY * caller.total.seconds
        and not is_within(caller.place.file, GCWISE)
    ]
    return [about_caller(run, caller) for caller in poor[:MOST]]


def about_caller(run: Run, caller: Caller) -> str:
    """Say what the calls at one place came to, and what to do about them."""
    place, calls = caller.place, caller.total
    did = (
        f"the gc.collect() at {located(run, place)} was called {times(calls.calls)}, "
        f"took {seconds(calls.seconds)}, freed {objects(calls.freed)}"
    )
    if not run.is_own(place):
        return f"{did}: it is not yours, so put the work that calls it in gcwise.intercept()"
    if calls.freed:
        return f"{did}: write gcwise.maybe_collect(), which collects when that is worth it"
    return f"{did}: delete it or write gcwise.maybe_collect()"


def about_functions(run: Run) -> list[str]:
    """Say which functions to make batches of."""
    found = []
    for function in functions_worth_wrapping(run, least_gain(run)):
        found.append(about_function(run, function))
        if len(found) == MOST:
            break
    return found


def about_function(run: Run, function: Function) -> str:
    """Say what automatic collections did in a function, and what a batch would save."""
    inside = function.total
    freed = "freed nothing" if not inside.freed else f"freed {objects(inside.freed)}"
    number = f"{inside.calls:,} automatic collection{'' if inside.calls == 1 else 's'}"
    return (
        f"{wrap(run, function.place)} in gcwise.batch(): {number} inside it, "
        f"{share(function.share)} of its time ({seconds(inside.seconds)}), {freed}; "
        f"up to {seconds(inside.wasted)} of {seconds(run.elapsed)} could be saved"
    )


def wrap(run: Run, place: Place) -> str:
    """Name what should be put in a block."""
    where = located(run, place)
    if place.function == "<module>":
        return f"wrap the top level of {where.rpartition(':')[0]}"
    if is_installed(place.file):
        return f"`{place.function}` ({where}) is a library's: call it"
    return f"wrap `{place.function}` ({where})"


def nothing_to_gain(run: Run) -> str:
    """Say why no change is advised."""
    everything, least = total(run.collections), least_gain(run)
    if not everything.calls:
        return "nothing to gain here: no collection ran"
    spent = seconds(everything.seconds)
    took = f"collections took {share(everything.seconds / run.elapsed)} of the time ({spent})"
    if everything.seconds < least:
        return f"nothing to gain here: {took}"
    if everything.wasted < least:
        return (
            f"nothing to gain from other collections: {took}, but to free "
            f"{objects(everything.freed)}; to have fewer cycles, see gcwise.explain()"
        )
    decided = total(run.collections[each] for each in decided_by_gcwise(run))
    if everything.wasted - decided.wasted < least:
        return (
            f"nothing more to gain here: {took}, {seconds(decided.seconds)} of it in "
            f"{decided.calls:,} that gcwise decided on"
        )
    return (
        f"nothing to gain by a change at one place: {took}, but no function or call of "
        f"gc.collect() wasted the {seconds(least)} from which on a change shows"
    )


def decided_by_gcwise(run: Run) -> Iterator[int]:
    """Yield the numbers of the collections that gcwise has run."""
    for sample in run.samples:
        explicit = run.collections[sample.number].explicit
        if explicit and sample.place is not None and is_within(sample.place.file, GCWISE):
            yield sample.number


def located(run: Run, place: Place) -> str:
    """Return file and line, the file as short as it can be."""
    return f"{shortened(run, place.file)}:{place.line}"


def shortened(run: Run, file: str) -> str:
    """Return a path relative to where the program was started, or to where libraries are."""
    for folder in (run.data["folder"], str(Path(os.__file__).parent)):
        if is_within(file, folder):
            file = os.path.relpath(file, folder)
    _, mark, tail = file.rpartition(f"site-packages{os.sep}")
    return tail if mark else file


def named(run: Run, place: Place | None) -> str:
    """Return file, line and function."""
    if place is None:
        return "unknown"
    return f"{located(run, place)} {place.function}"


def objects(number: int) -> str:
    """Return a number of objects."""
    return f"{number:,} object{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """Return how often."""
    return "once" if number == 1 else f"{number:,} times"


def seconds(number: float) -> str:
    """Return seconds in a unit that fits."""
    if number >= 10:
        return f"{number:,.1f} s"
    if number >= 1:
        return f"{number:.2f} s"
    if number >= 1e-3:
        return f"{number * 1e3:.3g} ms"
    return f"{number * 1e6:.3g} us"


def share(part: float) -> str:
    """Return a share in per cent."""
    return f"{100 * part:.1f} %" if part < 0.1 else f"{100 * part:.0f} %"
