"""Run the benchmark: ``python -m tests.benchmarks`` from the root of the repository."""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import platform
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import child, policies, table
from .measure import ROOT, Run, measure
from .workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

SMOKE_SCALE = 0.02
COMPARED = (table.OURS, "off_collect0", "automatic")
"""Policies that are compared with the offline optimum."""


def names(text: str, known: list[str]) -> list[str]:
    """Split a list of names given with commas, and refuse unknown ones."""
    given = text.split(",")
    if unknown := sorted(set(given) - set(known)):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}; known: {', '.join(known)}"
        )
    return given


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    known_workloads, known_policies = list(WORKLOADS), list(policies.NAMES)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each pair; 0 for none")
    parser.add_argument(
        "--workloads", type=lambda text: names(text, known_workloads), default=known_workloads
    )
    parser.add_argument(
        "--policies", type=lambda text: names(text, known_policies), default=known_policies
    )
    parser.add_argument("--scale", type=float, default=1.0, help="amount of work of each job")
    parser.add_argument("--times", type=int, default=1, help="do each job so often in its process")
    parser.add_argument(
        "--limit", type=float, default=8.0, help="CPU seconds after which a run is stopped"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the plots there")
    parser.add_argument("--markdown", action="store_true", help="print the tables of the docs")
    parser.add_argument(
        "--from-json", type=Path, nargs="+", metavar="FILE", help="read runs, run nothing"
    )
    parser.add_argument("--smoke", action="store_true", help="only show that everything runs")
    parser.add_argument("--micro", action="store_true", help="measure single operations as well")
    parser.add_argument("--optimum", action="store_true", help="compare with the offline optimum")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="give a constant of the rule another value",
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--events", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


Pair = tuple[str, str, int]


def pairs(options: argparse.Namespace) -> Iterator[Pair]:
    """Yield workload, policy and round, the policies interleaved and in a rotated order."""
    for round_number in range(options.rounds):
        for index, workload in enumerate(options.workloads):
            turn = (round_number + index) % len(options.policies)
            for policy in options.policies[turn:] + options.policies[:turn]:
                yield workload, policy, round_number


def line(run: Run) -> str:
    """Return what to show of a run that has just ended."""
    ended = "" if run.finished else "  (stopped early)"
    return (
        f"{run.workload:<24}{run.policy:<14}{run.cpu:8.3f} s{run.mean_mib:8.0f} MiB"
        f"{run.gc_seconds:8.3f} s in gc{ended}"
    )


def run_all(options: argparse.Namespace) -> list[Run]:
    """Run every pair, one after the other, showing each as it ends.

    An interrupt, or a request to terminate, ends it early with the runs there are.
    """
    runs: list[Run] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        run_into(runs, options)
    return runs


def run_into(runs: list[Run], options: argparse.Namespace) -> None:
    """Run every pair and add it to a list."""
    todo = list(pairs(options))
    for number, (workload, policy, round_number) in enumerate(todo, 1):
        limit = max(options.limit, WORKLOADS[workload].limit or 0.0)
        try:
            run = measure(
                workload,
                policy,
                round_number,
                scale=options.scale,
                times=options.times,
                limit=limit,
                constants=options.set,
            )
        except RuntimeError as error:
            print(f"[{number}/{len(todo)}] {error}", flush=True)
            continue
        runs.append(run)
        print(f"[{number}/{len(todo)}] {line(run)}", flush=True)


def smoke(options: argparse.Namespace) -> None:
    """Run each workload at a small scale under gcwise and one other in turn, judging nothing."""
    others = [policy for policy in options.policies if policy != table.OURS]
    todo = [
        (workload, policy)
        for index, workload in enumerate(options.workloads)
        for policy in (table.OURS, others[index % len(others)])
        if policy in options.policies
    ]

    def one(pair: tuple[str, str]) -> Run:
        return measure(*pair, scale=SMOKE_SCALE)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for run in pool.map(one, todo):
            print(f"ok {run.workload:<24}{run.policy}", flush=True)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d"),
    }


def optima(options: argparse.Namespace) -> dict[str, Any]:
    """Compare runs with the offline optimum, one workload after the other."""
    from . import optimum

    shown = [policy for policy in COMPARED if policy in options.policies]
    figures = {}
    for workload in options.workloads:
        try:
            figures[workload] = optimum.compare(workload, shown, options.scale, 120.0)
        except RuntimeError as error:
            print(f"{workload}: {error}", flush=True)
            continue
        print(optimum.line(workload, figures[workload], shown), flush=True)
    return figures


def show(runs: list[Run]) -> dict[str, Any]:
    """Print the tables and return the figures that the targets are about."""
    cells = table.by_workload(runs)
    for workload, by_policy in cells.items():
        print("\n" + table.workload_table(workload, by_policy))
    figures = table.summary(cells)
    print("\n" + table.summary_text(figures))
    return {"summary": figures, "ratios": table.ratios(cells)}


def load(paths: list[Path]) -> tuple[dict[str, Any], list[Run]]:
    """Read the figures and runs of earlier benchmarks, whose rounds follow on each other."""
    figures: dict[str, Any] = {}
    runs: list[Run] = []
    for path in paths:
        more = json.loads(path.read_text(encoding="utf-8"))
        optimum = figures.get("optimum", {}) | more.get("optimum", {})
        figures |= more | {"optimum": optimum}
        first = 1 + max((run.round for run in runs), default=-1)
        read = (Run(**run) for run in more["runs"])
        runs += [replace(run, round=run.round + first) for run in read]
    return figures, runs


def benchmark(options: argparse.Namespace) -> tuple[dict[str, Any], list[Run]]:
    """Measure all that the command line asks for."""
    # As pip does. Where Python may not keep what it has compiled, each process does it anew, and
    # the memory that this takes would be taken for gcwise's own: 1 MiB.
    for package in ("gcwise", "tests/benchmarks"):
        compileall.compile_dir(ROOT / package, quiet=1)
    figures: dict[str, Any] = {"machine": machine()}
    runs = run_all(options) if options.rounds else []
    if options.optimum:
        figures["optimum"] = optima(options)
    if options.micro:
        from . import micro

        figures["micro"] = micro.run(max(1, options.rounds))
    return figures, runs


def main() -> None:
    """Run what the command line asks for."""
    options = arguments()
    if options.child:
        workload, policy = options.child
        child.main(
            workload,
            policy,
            options.scale,
            options.times,
            events=options.events,
            constants=options.set,
        )
    elif options.list:
        print("\n".join(f"{w.name:<24}{w.about}" for w in WORKLOADS.values()))
    elif options.smoke:
        smoke(options)
    else:
        figures, runs = load(options.from_json) if options.from_json else benchmark(options)
        figures |= show(runs) if runs else {}
        if options.markdown:
            from . import pages

            print("\n" + pages.text(table.by_workload(runs)) if runs else "")
            print("\n" + pages.optimum_table(figures["optimum"]) if figures.get("optimum") else "")
        if options.json:
            figures["runs"] = [asdict(run) for run in runs]
            options.json.write_text(json.dumps(figures), encoding="utf-8")
        if options.plots:
            from . import plots

            plots.draw(table.by_workload(runs), figures.get("micro"), options.plots)


if __name__ == "__main__":
    main()
