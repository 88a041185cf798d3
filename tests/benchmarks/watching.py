"""Measure what `python -m gcwise watch` costs: ``python -m tests.benchmarks.watching``.

Each program runs plainly, under the watch and, where it is installed, under pygcprofiler, in turns.
Of the ratios of neighbours' CPU times the median is given, all processes that take part included,
and beside it that of the same program run plainly once more.
With ``--inside`` the programs' own CPU time is compared, without anybody's start and report.
With ``--within`` one process is watched and not watched in turns: between processes, where their
objects happen to lie makes as much of a difference as the watch.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from .measure import ROOT

PROGRAMS = {
    # Only what lives on: collections take most of the time, and find nothing.
    "heavy": """
class Node:
    def __init__(self, value):
        self.value, self.children = value, [value]
def load(number): return [[Node(i) for i in range(60)] for _ in range(number)]
live = [load(600) for _ in range(80)]
""",
    # Trees with links to their parents, taken apart again.
    "trees": """
import ast, pathlib, sysconfig
def link(tree):
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node): child.parent = node
live = [{"id": n, "tags": [n]} for n in range(100_000)]
for path in sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py"))[:110]:
    for _ in range(2): link(ast.parse(path.read_text(encoding="utf-8", errors="replace")))
""",
    # Hardly any containers.
    "numbers": "print(sum(number * number % 7 for number in range(40_000_000)))",
    "sphinx": f"""
import tempfile
from sphinx.cmd.build import main
with tempfile.TemporaryDirectory() as out:
    assert main(["-q", "-E", "-b", "html", {str(ROOT / "docs")!r}, out]) == 0
""",
    "pytest": """
import networkx, os, pytest
tests = os.path.join(os.path.dirname(networkx.__file__), "algorithms", "tests")
assert pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", tests, tests]) == 0
""",
    "matplotlib": """
import io, matplotlib
matplotlib.use("agg")
from matplotlib import pyplot
for number in range(40):
    figure, axes = pyplot.subplots(2, 2)
    for each in axes.flat: each.plot(range(200), [n * number % 7 for n in range(200)])
    figure.savefig(io.BytesIO())
    pyplot.close(figure)
""",
}
# The first two in pieces: what has to be there, and what is repeated.
PIECES = {
    "heavy": (
        """
class Node:
    def __init__(self, value):
        self.value, self.children = value, [value]
def load(number): return [[Node(i) for i in range(60)] for _ in range(number)]
old = [load(600) for _ in range(10)]
""",
        "[load(600) for _ in range(12)]",
    ),
    "trees": (
        """
import ast, pathlib, sysconfig
def link(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node): child.parent = node
old = [{"id": n, "tags": [n]} for n in range(100_000)]
paths = sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py"))[:25]
sources = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
""",
        "[link(source) for source in sources]",
    ),
}
# The ratio of neighbours' CPU seconds, and collections in each.
WITHIN = """
import gc, statistics, sys, time
sys.path.insert(0, sys.argv[1])
from gcwise_recorder import Recorder
setup, piece = sys.argv[3:]
exec(setup)
piece = compile(piece, "piece", "eval")
def work(observed):
    gc.collect()
    if observed: recorder.watch()
    started = time.process_time()
    made = eval(piece)
    took = time.process_time() - started
    recorder.stop()
    return took
recorder = Recorder("{}")
work(False)
rounds, ratios, plain = int(sys.argv[2]), [], []
for number in range(rounds):
    took = {observed: work(observed) for observed in (number % 2 > 0, number % 2 == 0)}
    ratios.append(took[True] / took[False])
    plain.append(took[False])
each = len(recorder.took) / rounds
more = statistics.median(ratios) - 1
print(f"{100 * more:+.1f} %, {1e6 * more * statistics.median(plain) / each:.1f} us for each of "
      f"{each / statistics.median(plain):,.0f} collections a second")
"""
INSIDE = ROOT / "gcwise" / "_watch" / "inside"
BEFORE, AFTER = (
    "import time; started = time.process_time()",
    "print('CPU', time.process_time() - started)",
)
WATCH = (sys.executable, "-m", "gcwise", "watch")
OTHER = (sys.executable, "-m", "gc_monitor", "run", "--stats-only")


def cpu_seconds(command: list[str], *, inside: bool) -> float:
    """Return the CPU seconds that a command takes with all its processes, or tells itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if inside:
        return float(done.stdout.rpartition("CPU ")[2])
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(script: Path, rounds: int, *, inside: bool) -> dict[str, list[float]]:
    """Return the CPU seconds of each round: plainly, watched, and under pygcprofiler."""
    # The second tells what a difference between two runs of the same means.
    ways = {"plain": (sys.executable,), "plain again": (sys.executable,), "watch": WATCH}
    if (
        subprocess.run(
            [sys.executable, "-c", "import gc_monitor"], check=False, capture_output=True
        ).returncode
        == 0
    ):
        ways["pygcprofiler"] = OTHER
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        order = list(ways) if number % 2 else list(reversed(ways))
        for name in order:
            times[name].append(cpu_seconds([*ways[name], str(script)], inside=inside))
    return times


def main() -> None:
    """Measure all programs, and print the medians."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.watching", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--inside", action="store_true", help="compare the programs' own CPU time")
    parser.add_argument("--within", action="store_true", help="watch one process in turns")
    parser.add_argument("--programs", nargs="*", default=list(PROGRAMS), choices=list(PROGRAMS))
    options = parser.parse_args()
    if options.within:
        for name, texts in PIECES.items():
            print(f"{name:<10}", end=" ", flush=True)
            command = [sys.executable, "-c", WITHIN, str(INSIDE), str(options.rounds), *texts]
            subprocess.run(command, check=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in options.programs:
            # Not by the name of what it imports.
            script = Path(folder, f"program_{name}.py")
            script.write_text(f"{BEFORE}\n{PROGRAMS[name]}\n{AFTER}\n", encoding="utf-8")
            times = measure(script, options.rounds, inside=options.inside)
            plain = times.pop("plain")
            told = [f"{name:<10} plain {median(plain):.2f} s"]
            for way, seconds in times.items():
                ratios = [mine / base for mine, base in zip(seconds, plain, strict=True)]
                told.append(f"{way} {100 * (median(ratios) - 1):+.1f} %")
            print(", ".join(told), flush=True)


if __name__ == "__main__":
    main()
