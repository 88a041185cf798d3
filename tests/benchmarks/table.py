"""Turn runs into tables for people and figures for the summary."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from .measure import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = "gcwise"
# The space-time until the process is gone, and of the job alone.
WHOLE, JOB = "space_time", "job_space_time"
Cells = dict[str, dict[str, list[Run]]]


def by_workload(runs: list[Run]) -> Cells:
    """Group runs by workload and policy, their times stated at the machine's usual pace."""
    usual = median([run.pace for run in runs if run.pace] or [1.0])
    cells: Cells = {}
    for run in (run.at_pace(usual) for run in runs):
        cells.setdefault(run.workload, {}).setdefault(run.policy, []).append(run)
    return cells


def typical(runs: list[Run], figure: str) -> float:
    """Return the median of one figure over the rounds."""
    return float(median(getattr(run, figure) for run in runs))


def costs(policies: dict[str, list[Run]], figure: str = WHOLE) -> dict[str, float]:
    """Return each policy's space-time product in MiB seconds."""
    return {policy: typical(runs, figure) for policy, runs in policies.items()}


def known(runs: list[Run], figure: str = WHOLE) -> bool:
    """Tell whether a median is one: what a stopped run would have cost in the end is not known.

    Where it was the dearest of several anyway, it does not matter.
    """
    most = median(getattr(run, figure) if run.finished else math.inf for run in runs)
    return bool(most == typical(runs, figure))


def best_other(policies: dict[str, list[Run]], figure: str = WHOLE) -> tuple[str, float]:
    """Return the best policy but gcwise, chosen with hindsight, and its cost.

    A lower bound must not win.
    """
    ended = {
        policy: runs for policy, runs in policies.items() if policy != OURS and known(runs, figure)
    }
    return min(costs(ended or policies, figure).items(), key=lambda item: item[1])


def row(policy: str, runs: list[Run], best: float) -> str:
    """Return one policy's line of a workload's table."""
    ended = " " if known(runs) else ">"
    collections = "/".join(str(round(median(run.collections[g] for run in runs))) for g in range(3))
    return (
        f"  {policy:<13}{ended}{typical(runs, WHOLE) / best:7.2f}"
        f"{typical(runs, 'cpu'):9.3f}{typical(runs, 'mean_mib'):9.0f}"
        f"{typical(runs, 'peak_mib'):9.0f}{typical(runs, 'gc_seconds'):9.3f}"
        f"{typical(runs, 'longest_inside') * 1e3:10.1f}   {collections}"
    )


HEAD = (
    f"  {'policy':<14}{'ratio':>7}{'CPU s':>9}{'mean MiB':>9}{'peak MiB':>9}{'gc s':>9}"
    f"{'longest ms':>11}  collections"
)


def workload_table(workload: str, policies: dict[str, list[Run]]) -> str:
    """Return the table of one workload, the cheapest policy first."""
    _, best = best_other(policies)
    order = sorted(policies, key=lambda policy: costs(policies)[policy])
    return "\n".join([workload, HEAD, *(row(policy, policies[policy], best) for policy in order)])


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


def ratios(cells: Cells, figure: str = WHOLE) -> dict[str, dict[str, float]]:
    """Return every policy's ratio to the best of the other nine, for each workload."""
    return {
        workload: {
            policy: cost / best_other(policies, figure)[1]
            for policy, cost in costs(policies, figure).items()
        }
        for workload, policies in cells.items()
    }


def held_out(cells: Cells, figure: str = WHOLE) -> dict[str, float]:
    """Return gcwise's ratios where each round's best policy is chosen by the other rounds.

    The best of nine medians is the luckiest, too; a policy that is judged by runs that did not
    choose it is not.
    """
    found = {}
    for workload, policies in cells.items():
        one = [_apart(policies, run.round, figure) for run in policies.get(OURS, [])]
        if known := [ratio for ratio in one if ratio is not None]:
            found[workload] = geometric_mean(known)
    return found


def _apart(policies: dict[str, list[Run]], number: int, figure: str) -> float | None:
    others = {p: [run for run in runs if run.round != number] for p, runs in policies.items()}
    if not all(others.values()):
        return None
    best, _ = best_other(others, figure)
    theirs, ours = (
        [getattr(run, figure) for run in policies[policy] if run.round == number]
        for policy in (best, OURS)
    )
    return float(ours[0] / theirs[0]) if theirs else None


def storm(policies: dict[str, list[Run]]) -> dict[str, float]:
    """Return the figures of the storm of blind calls: what ran, what it freed, how fast it went."""
    ours, blind, off = (policies[name] for name in (OURS, "collect_each", "off"))
    return {
        "collections_share": typical(ours, "granted") / typical(ours, "calls"),
        "freed_share": typical(ours, "collected") / typical(blind, "collected"),
        "throughput_share": typical(off, "job_cpu") / typical(ours, "job_cpu"),
    }


def summary(cells: Cells) -> dict[str, Any]:
    """Return the figures that the targets are about."""
    table = ratios(cells)
    ours = {workload: row[OURS] for workload, row in table.items() if OURS in row}
    figures: dict[str, Any] = {}
    if ours:
        worst = max(ours, key=lambda workload: ours[workload])
        figures["geometric_mean"] = geometric_mean(ours.values())
        figures["worst"] = [worst, ours[worst]]
        jobs = {workload: row[OURS] for workload, row in ratios(cells, JOB).items() if OURS in row}
        worst = max(jobs, key=lambda workload: jobs[workload])
        figures["job"] = {
            "geometric_mean": geometric_mean(jobs.values()),
            "worst": [worst, jobs[worst]],
        }
    against = {w: ours[w] / table[w]["automatic"] for w in ours if "automatic" in table[w]}
    if against:
        worst = max(against, key=lambda workload: against[workload])
        figures["against_automatic_worst"] = [worst, against[worst]]
    calls = cells.get("blind_calls", {})
    if {OURS, "collect_each", "off"} <= set(calls):
        figures["storm"] = storm(calls)
    figures["policies"] = {
        policy: {
            "geometric_mean": geometric_mean(row[policy] for row in rows),
            "worst": max(row[policy] for row in rows),
        }
        for policy in dict.fromkeys(p for row in table.values() for p in row)
        if (rows := [row for row in table.values() if policy in row])
    }
    return figures


def summary_text(figures: dict[str, Any]) -> str:
    """Return the summary for people."""
    lines = ["Space-time ratio to the best policy but gcwise, over all workloads"]
    lines += [
        f"  {policy:<13} geometric mean {f['geometric_mean']:6.2f}   worst {f['worst']:7.2f}"
        for policy, f in sorted(
            figures["policies"].items(), key=lambda item: float(item[1]["geometric_mean"])
        )
    ]
    if "worst" in figures:
        lines.append(f"gcwise is worst on {figures['worst'][0]}: {figures['worst'][1]:.2f}")
    if "job" in figures:
        workload, ratio = figures["job"]["worst"]
        lines.append(
            f"Of the job alone: geometric mean {figures['job']['geometric_mean']:.2f}, "
            f"worst {ratio:.2f} ({workload})"
        )
    if "against_automatic_worst" in figures:
        workload, ratio = figures["against_automatic_worst"]
        lines.append(f"gcwise against automatic gc, at worst: {ratio:.2f} ({workload})")
    if "storm" in figures:
        shares = figures["storm"]
        lines.append(
            f"Storm of blind calls: {shares['collections_share']:.1%} of the calls collected, "
            f"{shares['freed_share']:.1%} of the garbage freed, "
            f"throughput {shares['throughput_share']:.1%} of gc off"
        )
    return "\n".join(lines)
