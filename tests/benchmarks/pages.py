"""Write the tables of ``docs/explanation/measured.md``, from the runs themselves."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from . import optimum
from .table import (
    JOB,
    OURS,
    WHOLE,
    Cells,
    best_other,
    geometric_mean,
    held_out,
    known,
    ratios,
    summary,
    summary_text,
    typical,
)
from .workloads import WORKLOADS, afterwards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .measure import Run

Ratios = dict[str, dict[str, float]]


def text(cells: Cells) -> str:
    """Return all tables: the ratios, their means by group, what gcwise did, and the summary."""
    whole = ratios(cells)
    policies = order(whole)
    parts = [
        ratio_table(cells, whole, policies),
        group_table(cells, policies),
        work_table(cells, whole),
        summary_text(summary(cells)),
    ]
    return "\n\n".join(parts)


def order(table: Ratios) -> list[str]:
    """Return gcwise and then the others, the best in the mean first."""
    policies = dict.fromkeys(policy for row in table.values() for policy in row)
    return sorted(policies, key=lambda policy: (policy != OURS, mean(table, policy)))


def mean(table: Ratios, policy: str) -> float:
    """Return a policy's geometric mean."""
    return geometric_mean(row[policy] for row in table.values() if policy in row)


def optimum_table(found: dict[str, dict[str, Any]]) -> str:
    """Return what holding and looking in vain cost, beside the best schedule in hindsight."""
    policies = [k for k in next(iter(found.values())) if k not in ("seconds", "ends", "optimum")]
    best = {w: f["optimum"] / f["seconds"] for w, f in found.items()}
    lines = head("share of the job's time: ratio", "optimum", *policies)
    for workload in sorted(found, key=lambda workload: -best[workload]):
        cells = (against(found[workload], policy) for policy in policies)
        lines.append(line(workload, f"{best[workload]:.2%}", *cells))
    means = (
        f"{fmean(optimum.cost(f, policy) / f['seconds'] for f in found.values()):.1%}"
        for policy in policies
    )
    return "\n".join([*lines, line("**mean**", f"{fmean(best.values()):.1%}", *means)])


def against(figures: dict[str, Any], policy: str) -> str:
    """Return a policy's cost as a share of the job's time, and as a ratio to the optimum's."""
    times = optimum.ratio(figures, policy)
    share = f"{optimum.cost(figures, policy) / figures['seconds']:.2%}"
    return share if times is None else f"{share}: {number(times)}"


def highest(table: Ratios, policy: str) -> float:
    """Return a policy's worst ratio."""
    return max(row[policy] for row in table.values() if policy in row)


def dearest_first(table: Ratios) -> list[str]:
    """Return the workloads that gcwise was measured with, the dearest for it first."""
    return sorted((w for w in table if OURS in table[w]), key=lambda w: -table[w][OURS])


def line(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def head(*titles: str) -> list[str]:
    """Return the two lines that a table begins with."""
    return [line(*titles), "|" + "---|" * len(titles)]


def number(ratio: float) -> str:
    """Return a ratio with two digits after the point, where that is not too much."""
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"


def cell(runs: list[Run], ratio: float | None) -> str:
    """Return a ratio, marked where it is a lower bound, or nothing where it was not measured."""
    if ratio is None:
        return ""
    return ("" if known(runs) else ">") + number(ratio)


def ratio_table(cells: Cells, table: Ratios, policies: list[str]) -> str:
    """Return each policy's ratio to the best but gcwise, the workloads dearest for it first."""
    lines = head("workload", *policies)
    for workload in dearest_first(table):
        row = (
            cell(cells[workload].get(policy, []), table[workload].get(policy))
            for policy in policies
        )
        lines.append(line(workload, *row))
    means = (f"{mean(table, policy):.2f}" for policy in policies)
    worst = (number(highest(table, policy)) for policy in policies)
    return "\n".join([*lines, line("**geometric mean**", *means), line("**worst**", *worst)])


def group_table(cells: Cells, policies: list[str]) -> str:
    """Return geometric mean and worst ratio, also by when the workloads were written."""
    new = {w for w in cells if WORKLOADS[w].prepare.__module__ == afterwards.__name__}
    lines = head("geometric mean (worst)", *policies, f"{OURS}, best chosen by other rounds")
    for about, figure in (("", WHOLE), (", the job alone", JOB)):
        for name, chosen in (
            ("all", set(cells)),
            ("known to the rule", set(cells) - new),
            ("written after it", new),
        ):
            some = {workload: cells[workload] for workload in cells if workload in chosen}
            if some:
                lines.append(line(f"{name}{about}", *group(some, policies, figure)))
    return "\n".join(lines)


def group(cells: Cells, policies: list[str], figure: str) -> Iterable[str]:
    """Yield the cells of one group."""
    table = ratios(cells, figure)
    for policy in policies:
        measured = any(policy in row for row in table.values())
        yield f"{mean(table, policy):.2f} ({number(highest(table, policy))})" if measured else ""
    apart = held_out(cells, figure)
    yield f"{geometric_mean(apart.values()):.2f}" if apart else ""


def work_table(cells: Cells, table: Ratios) -> str:
    """Return what gcwise did in each workload, beside the best other policy."""
    lines = head(
        "workload",
        "CPU s",
        "mean MiB",
        "peak MiB",
        "in collections s",
        "longest inside a batch ms",
        "collections 0/1/2",
        "best other: CPU s, mean MiB",
    )
    for workload in dearest_first(table):
        ours = cells[workload][OURS]
        best, _ = best_other(cells[workload])
        other = cells[workload][best]
        lines.append(
            line(
                workload,
                f"{typical(ours, 'cpu'):.2f}",
                f"{typical(ours, 'mean_mib'):.0f}",
                f"{typical(ours, 'peak_mib'):.0f}",
                f"{typical(ours, 'gc_seconds'):.2f}",
                f"{typical(ours, 'longest_inside') * 1e3:.1f}",
                "/".join(str(round(median(run.collections[g] for run in ours))) for g in range(3)),
                f"{best}: {typical(other, 'cpu'):.2f}, {typical(other, 'mean_mib'):.0f}",
            )
        )
    return "\n".join(lines)
