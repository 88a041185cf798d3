"""The report as text: aligned for terminals and logs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gcwise._watch.advice import advice, named, objects, seconds, share
from gcwise._watch.attribution import callers, longest
from gcwise._watch.run import total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gcwise._watch.run import Run

__all__ = ["text"]

# The upper ends of the classes that durations are counted in, seconds.
CLASSES = (1e-3, 1e-2, 1e-1, 1.0)
CALLERS = 10


def text(run: Run) -> str:
    """Return the whole report."""
    sections = [
        head(run),
        by_generation(run),
        interrupted(run),
        callers_table(run),
        at_the_end(run),
        [f"- {each}" for each in advice(run)],
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def head(run: Run) -> Iterator[str]:
    """Yield what ran and what it took."""
    everything = total(run.collections)
    yield f"gcwise watched {run.program}"
    yield (
        f"{seconds(run.elapsed)}, {seconds(run.cpu)} of CPU; in collections "
        f"{seconds(everything.seconds)}, {share(everything.seconds / run.elapsed)} of the time; "
        f"memory at most {mib(run.peak)}, at the end {mib(run.data['memory'][1])}"
    )
    yield from caveats(run)


def caveats(run: Run) -> Iterator[str]:
    """Yield what the figures do not tell."""
    missing = sum(each["collections"] for each in run.data["stats"]) - len(run.collections)
    if not run.data["present"]:
        yield (
            f"The program took the observer out of gc.callbacks: {missing:,} collections after "
            "that are not in these figures."
        )
    elif run.is_full:
        yield (
            f"Only the first {len(run.collections):,} collections are in these figures, of "
            f"{seconds(run.watched)}."
        )
    if run.data["forks"]:
        number = run.data["forks"]
        yield f"Not watched: the {number:,} process{'' if number == 1 else 'es'} that it forked."


def by_generation(run: Run) -> list[str]:
    """Return what each kind of collection came to."""
    rows = []
    for name, explicit in (("automatic", False), ("explicit", True)):
        for generation in (0, 1, 2):
            each = total(run.of(explicit=explicit, generation=generation))
            if each.calls:
                rows.append(
                    [
                        name,
                        str(generation),
                        f"{each.calls:,}",
                        seconds(each.seconds),
                        share(each.seconds / run.elapsed),
                        seconds(each.seconds / each.calls),
                        seconds(each.longest),
                        f"{each.freed:,}",
                        share(each.fruitless / each.calls),
                    ]
                )
    heads = ["", "generation", "number", "time", "share", "mean", "longest", "freed", "fruitless"]
    return aligned(heads, rows) + list(classes(run)) if rows else []


def classes(run: Run) -> Iterator[str]:
    """Yield how long the collections were."""
    told = []
    for lower, upper in zip((0.0, *CLASSES), (*CLASSES, math.inf), strict=True):
        number = sum(lower <= each.seconds < upper for each in run.collections)
        limits = f"below {upper:g} s" if upper < math.inf else f"of {lower:g} s or more"
        if number:
            told.append(f"{number:,} {limits}")
    yield f"durations: {', '.join(told)}"


def interrupted(run: Run) -> list[str]:
    """Return the longest collections and where they fell."""
    rows = []
    for each, place, own in longest(run):
        where = named(run, place)
        if own is not None and (place is None or own[:2] != place[:2]):
            where += f", in {own.function}"
        kind = "explicit" if each.explicit else "automatic"
        rows.append(
            [
                seconds(each.seconds),
                kind,
                str(each.generation),
                f"{each.freed:,}",
                f"{each.began:,.2f} s",
                where,
            ]
        )
    return aligned(["longest", "", "generation", "freed", "at", " interrupted"], rows)


def callers_table(run: Run) -> list[str]:
    """Return who called `gc.collect()`, and what that was worth."""
    found = callers(run)
    rows = []
    for place, calls, beneath in found[:CALLERS]:
        where = named(run, place)
        if beneath is not None and beneath[:2] != place[:2]:
            where += f", from {beneath.function}"
        rows.append([f"{calls.calls:,}", seconds(calls.seconds), f"{calls.freed:,}", where])
    lines = aligned(["calls", "time", "freed", " gc.collect() called at"], rows)
    if len(found) > CALLERS:
        lines.append(f"and at {len(found) - CALLERS:,} more places")
    return lines


def at_the_end(run: Run) -> Iterator[str]:
    """Yield how the collector was left."""
    data = run.data
    tracked, looked_at, types = data["objects"]
    if tracked:
        most = ", ".join(f"{share(number / looked_at)} {name}" for name, number in types[:4])
        yield f"at the end: {objects(tracked)} tracked ({most})"
    enabled = "on" if data["enabled"] else "off"
    uncollectable = sum(each["uncollectable"] for each in data["stats"])
    yield (
        f"automatic collection {enabled}, "
        f"thresholds {data['thresholds']}, counts {data['counts']}; "
        f"{objects(uncollectable)} uncollectable, {data['garbage']:,} in gc.garbage"
    )


def aligned(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Return rows in columns: numbers to the right, names to the left."""
    if not rows:
        return []
    table = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    left = {n for n, column in enumerate(zip(*rows, strict=True)) if not column[0][:1].isdigit()}
    return [
        "  ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def mib(size: int) -> str:
    """Return bytes for people."""
    return f"{size / 2**20:,.1f} MiB"
