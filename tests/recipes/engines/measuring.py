"""The same tasks without gcwise and with it, in turn, as a table."""

import platform
import statistics
from importlib.metadata import version

TASKS = 200
ROUNDS = 3
# The first tasks of a worker find its memory still growing to what it needs anyway.
WARM = 10
MIB = 2**20


def compare(runs, *packages):
    """Print the medians of all rounds of each run: a function that returns its tasks' samples."""
    figures = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            figures[name].append(_figures(run()))
    width = max(map(len, runs))
    print(f"{'':<{width}} {'CPU s':>7} {'mean MiB':>9} {'peak MiB':>9} {'last MiB':>9}")
    for name, rounds in figures.items():
        cpu, mean, peak, last = map(statistics.median, zip(*rounds, strict=True))
        print(f"{name:<{width}} {cpu:>7.2f} {mean:>9.0f} {peak:>9.0f} {last:>9.0f}")
    versions = [f"{package} {version(package)}" for package in packages]
    print(f"\nCPython {platform.python_version()}, {', '.join(versions)}, {platform.system()}")


def _figures(samples):
    """Return the CPU seconds of all workers, and mean, peak and last memory of one of them."""
    cpu, memory, last = 0.0, [], []
    for worker in {sample.worker for sample in samples}:
        mine = [sample for sample in samples if sample.worker == worker][WARM:]
        if mine:
            cpu += max(each.cpu for each in mine) - min(each.cpu for each in mine)
            memory += [each.resident / MIB for each in mine]
            last += [max(mine, key=lambda each: each.cpu).resident / MIB]
    return cpu, statistics.fmean(memory), max(memory), max(last)
