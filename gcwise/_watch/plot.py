"""Draw memory and collections over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from gcwise._watch.run import total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gcwise._watch.run import Collection, Run

__all__ = ["draw"]

# The columns that time is parted into: of many collections in one, the longest is drawn.
COLUMNS = 240
COLOURS = ("#9ecae1", "#4292c6", "#08519c")
EXPLICIT_COLOUR = "#d94801"
MEMORY_COLOUR = "#31a354"


def draw(run: Run, path: str) -> None:
    """Draw a run into a file, in the format that its name ends in."""
    mpl.rcdefaults()
    mpl.rcParams.update({"svg.hashsalt": "gcwise", "font.size": 9})
    figure = Figure(figsize=(9, 6), layout="constrained")
    memory, shares, durations = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 3))
    draw_memory(run, memory)
    draw_shares(run, shares)
    draw_durations(run, durations)
    durations.set_xlabel("seconds since the program's start")
    durations.set_xlim(0, run.elapsed)
    for axis in (memory, shares, durations):
        axis.grid(linewidth=0.3)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    durations.set_title(
        f"the longest of each kind in every {run.elapsed / COLUMNS:.2g} s", fontsize=8, loc="right"
    )
    figure.suptitle(title(run), x=0.01, ha="left", fontsize=10)
    metadata = {"Date": None} if path.endswith(".svg") else None
    figure.savefig(path, metadata=metadata)


def title(run: Run) -> str:
    """Return what ran, in one short line."""
    program = run.program
    return f"python {program}" if len(program) <= 100 else f"python {program[:97]}..."


def draw_memory(run: Run, axis: Any) -> None:
    """Draw resident memory as it was read, and its peak."""
    unit, name = (2**30, "GiB") if run.peak >= 10 * 2**30 else (2**20, "MiB")
    times, sizes = zip(*[(at, size / unit) for at, size in run.memory()], strict=True)
    peak = run.peak / unit
    axis.fill_between(times, sizes, color=MEMORY_COLOUR, alpha=0.2)
    axis.plot(times, sizes, color=MEMORY_COLOUR, label="resident memory")
    label = f"peak, {peak:,.0f} {name}"
    axis.axhline(peak, color="black", linewidth=0.8, linestyle="--", label=label)
    axis.set_ylim(0, 1.1 * peak or 1.0)
    axis.set_ylabel(f"memory, {name}")


def draw_shares(run: Run, axis: Any) -> None:
    """Draw which part of each column's time collections took."""
    width = run.elapsed / COLUMNS
    edges = [number * width for number in range(COLUMNS + 1)]
    automatic = spread(run.of(explicit=False), width)
    both = spread(run.collections, width)
    axis.stairs(automatic, edges, fill=True, color=COLOURS[1], label="automatic")
    if automatic != both:
        colour = EXPLICIT_COLOUR
        axis.stairs(both, edges, baseline=automatic, fill=True, color=colour, label="explicit")
    axis.set_ylim(0, 100 if max(both) > 50 else max(1.0, 1.15 * max(both)))
    axis.set_ylabel("in collections,\n% of time")


def spread(collections: Iterable[Collection], width: float) -> list[float]:
    """Return the per cent of each column's time that collections took."""
    columns = [0.0] * COLUMNS
    for each in collections:
        at, end = each.began, each.began + each.seconds
        while at < end:
            column = min(int(at / width), COLUMNS - 1)
            until = end if column == COLUMNS - 1 else min(end, (column + 1) * width)
            columns[column] += 100 * (until - at) / width
            # A column's end may round to where we are.
            at = max(until, math.nextafter(at, math.inf))
    return columns


def draw_durations(run: Run, axis: Any) -> None:
    """Draw the longest collection of each kind in each column."""
    axis.set_ylabel("duration, ms")
    for explicit in (False, True):
        for generation in (0, 1, 2):
            collections = list(run.of(explicit=explicit, generation=generation))
            if not collections:
                continue
            shown = longest_in_columns(collections, run.elapsed / COLUMNS)
            kind = "explicit" if explicit else "automatic"
            axis.scatter(
                [each.began for each in shown],
                [each.seconds * 1e3 for each in shown],
                s=(8, 14, 22)[generation],
                marker="D" if explicit else "o",
                color=EXPLICIT_COLOUR if explicit else COLOURS[generation],
                alpha=0.9,
                linewidths=0,
                label=f"{kind}, generation {generation} ({total(collections).calls:,})",
            )
    if not run.collections:
        axis.text(0.5, 0.5, "no collection", transform=axis.transAxes, ha="center", va="center")
        return
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def longest_in_columns(collections: Iterable[Collection], width: float) -> list[Collection]:
    """Return the longest collection of each column."""
    longest: dict[int, Collection] = {}
    for each in collections:
        column = int(each.began / width)
        if column not in longest or longest[column].seconds < each.seconds:
            longest[column] = each
    return list(longest.values())
