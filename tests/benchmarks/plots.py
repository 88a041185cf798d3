"""Draw the plots: ratios of all policies, memory over time, cost against the heap's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt

from .table import OURS, Cells, best_other, ratios, typical

if TYPE_CHECKING:
    from pathlib import Path

TELLING = ("failures", "replaced_network", "evicting_cache")
"""Workloads whose memory is drawn: fresh garbage, an old structure, garbage of middling age."""

COLOURS = {
    "automatic": "#4c78a8",
    "off": "#9d9d9d",
    "collect_each": "#b279a2",
    "off_collect": "#d6a5c9",
    "off_collect0": "#54a24b",
    "dask": "#eeca3b",
    "every50": "#f58518",
    "synapse": "#72b7b2",
    "disable_gc": "#9d755d",
    OURS: "#d62728",
}


def save(figure: Any, folder: Path, name: str) -> None:
    """Write a figure as SVG, the same bytes for the same figures."""
    plt.rcParams["svg.hashsalt"] = "gcwise"
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def mark(policy: str) -> dict[str, Any]:
    """Return how a policy's points look: gcwise stands out."""
    if policy == OURS:
        return {"color": COLOURS[policy], "s": 70, "marker": "D", "zorder": 3}
    return {"color": COLOURS[policy], "s": 28, "marker": "o", "zorder": 2, "alpha": 0.85}


def draw_ratios(cells: Cells, folder: Path) -> None:
    """Draw every policy's space-time ratio to the best of the other nine, workload by workload."""
    table = ratios(cells)
    order = sorted(table, key=lambda workload: -max(table[workload].values()))
    figure, axis = plt.subplots(figsize=(9, 0.32 * len(order) + 1.6))
    policies = dict.fromkeys(policy for row in table.values() for policy in row)
    for policy in policies:
        places = [n for n, workload in enumerate(order) if policy in table[workload]]
        values = [table[order[n]][policy] for n in places]
        axis.scatter(values, places, label=policy, **mark(policy))
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xticks([1, 1.5, 2, 3, 5, 10, 20], ["1", "1.5", "2", "3", "5", "10", "20"])
    axis.minorticks_off()
    axis.set_yticks(range(len(order)), order)
    axis.grid(axis="both", linewidth=0.3)
    axis.set_xlabel("CPU seconds x mean resident memory, as a ratio to the best but gcwise")
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    save(figure, folder, "ratios")


def draw_memory(cells: Cells, folder: Path) -> None:
    """Draw the memory of three workloads over time, for the policies that tell most."""
    chosen = [workload for workload in TELLING if workload in cells]
    if not chosen:
        return
    figure, axes = plt.subplots(1, len(chosen), figsize=(4.4 * len(chosen), 3.2), squeeze=False)
    for axis, workload in zip(axes[0], chosen, strict=True):
        shown = dict.fromkeys(["off", "automatic", best_other(cells[workload])[0], OURS])
        for policy in shown:
            for run in cells[workload].get(policy, [])[:1]:
                times, sizes = zip(*run.samples, strict=True)
                width = 2.0 if policy == OURS else 1.2
                axis.plot(times, sizes, label=policy, color=COLOURS[policy], linewidth=width)
        axis.set_title(workload)
        axis.set_xlabel("seconds")
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False, fontsize="small")
    axes[0][0].set_ylabel("resident memory, MiB")
    save(figure, folder, "memory")


def draw_durations(cells: Cells, folder: Path) -> None:
    """Draw the longest collection inside a batch of automatic gc and of gcwise."""
    shown = [w for w, row in cells.items() if {"automatic", OURS} <= set(row)]
    if not shown:
        return
    figure, axis = plt.subplots(figsize=(9, 0.32 * len(shown) + 1.2))
    for policy in ("automatic", OURS):
        values = [max(0.01, typical(cells[w][policy], "longest_inside") * 1e3) for w in shown]
        axis.scatter(values, range(len(shown)), label=policy, **mark(policy))
    axis.set_xscale("log")
    axis.set_yticks(range(len(shown)), shown)
    axis.grid(linewidth=0.3)
    axis.set_xlabel("longest collection inside a batch, ms (0.01: none)")
    axis.legend(frameon=False)
    save(figure, folder, "durations")


def draw_heaps(heaps: dict[str, dict[str, dict[str, float]]], folder: Path) -> None:
    """Draw what a batch's end that collects takes against the number of live objects."""
    colours = {"gcwise": COLOURS[OURS], "collect_0": "#54a24b", "collect_2": "#b279a2"}
    labels = {"gcwise": "gcwise.batch", "collect_0": "gc.collect(0)", "collect_2": "gc.collect()"}
    figure, axis = plt.subplots(figsize=(5, 3.4))
    for ender, row in heaps.items():
        sizes = [int(size) for size in row]
        times = [ends["median_collecting"] * 1e3 for ends in row.values()]
        axis.plot(sizes, times, marker="o", label=labels[ender], color=colours[ender])
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("live objects")
    axis.set_ylabel("duration of a batch's end, ms")
    axis.grid(linewidth=0.3)
    axis.legend(frameon=False)
    save(figure, folder, "heaps")


def draw(cells: Cells, micro: dict[str, Any] | None, folder: Path) -> None:
    """Draw all plots that there are figures for into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if cells:
        draw_ratios(cells, folder)
        draw_memory(cells, folder)
        draw_durations(cells, folder)
    if micro:
        draw_heaps(micro["heaps"], folder)
