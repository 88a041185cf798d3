"""A part of networkx's own test-suite, alone and with the recipe, in pairs.

`python -m tests.recipes.pytest_suite.measure [PACKAGE ...]`
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = 3
SUITE = sys.argv[1:] or ["networkx.algorithms.centrality", "networkx.algorithms.isomorphism"]
COMMAND = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
HERE = Path(__file__).parent


def run(*options):
    """Run the suite; return wall and CPU seconds, peak memory in MiB, and how many passed."""
    began = time.perf_counter()
    with subprocess.Popen(
        [*COMMAND, *options, "--pyargs", *SUITE],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[2]}", "PYTHONHASHSEED": "0"},
        cwd="/",
    ) as child:
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    assert child.returncode == 0, printed[-2000:]
    passed = int(re.findall(r"(\d+) passed", printed)[-1])
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, passed


def main():
    """Print the medians of both, and of the ratios of the pairs."""
    pairs = []
    for number in range(ROUNDS):
        order = [(), ("-p", "hold_gc")][:: 1 if number % 2 == 0 else -1]
        runs = {len(options): run(*options) for options in order}
        pairs.append((runs[0], runs[2]))
    print(f"{'':<13} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'passed':>7}")
    for name, runs in zip(("alone", "with hold_gc"), zip(*pairs, strict=True), strict=True):
        wall, cpu, peak, passed = map(median, zip(*runs, strict=True))
        print(f"{name:<13} {wall:>8.2f} {cpu:>8.2f} {peak:>9.1f} {passed:>7,.0f}")
    ratios = [[held / alone for alone, held in zip(*pair, strict=True)] for pair in pairs]
    wall, cpu, peak, _ = map(median, zip(*ratios, strict=True))
    print(f"{'ratio':<13} {wall:>8.2f} {cpu:>8.2f} {peak:>9.2f}")


if __name__ == "__main__":
    main()
