"""CPU time of the steps of the plain loop beside an index of 100,000 samples, under four policies.

`python -m tests.recipes.training.measure`
"""

from __future__ import annotations

import argparse
import ast
import gc
import inspect
import sys
import tarfile
import time
import typing
from contextlib import nullcontext
from statistics import quantiles
from unittest import mock

import gcwise
from tests.recipes.beside import compare, run

POLICIES = ("automatic gc", "every 50", "gcwise", "gcwise every 50")
ROUNDS = 3
STEPS = 200
COLUMNS = ("p50 ms", "p99 ms", "slowest ms", "CPU s", "mean MiB", "peak MiB", "collections")


class Sample:
    """One of many in a data set's index."""

    __slots__ = ("label", "offsets", "path")

    def __init__(self, number):
        self.path, self.label, self.offsets = f"shard-{number % 977}", number % 7, [number]


def samples():
    """Return functions of the standard library of about the same size."""
    from tests.recipes.training.trees import functions

    modules = (argparse, ast, inspect, mock, tarfile, typing)
    found = [each for module in modules for each in functions(inspect.getsource(module))]
    return [each for each in found if 40 < sum(1 for _ in ast.walk(ast.parse(each))) < 90]


def steps(policy):
    """Train, and return the times that the steps took."""
    import torch

    from tests.recipes.training import loop
    from tests.recipes.training.trees import TreeNet

    torch.set_num_threads(1)
    torch.manual_seed(1)
    sources, model = samples(), TreeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    index = [Sample(number) for number in range(100_000)]
    gcwise.set_active(policy.startswith("gcwise"))
    step = loop.step
    if policy == "every 50":
        gc.disable()
    if policy == "gcwise every 50":
        every = gcwise.Policy.every(50, generation=1)
        step = gcwise.batch("step", policy=every)(loop.step.__wrapped__)

    def timed(number):
        batch = [sources[(4 * number + n) % len(sources)] for n in range(4)]
        began = time.process_time()
        step(model, optimizer, batch)
        if policy == "every 50" and number % 50 == 49:
            gc.collect()
        return 1e3 * (time.process_time() - began)

    def train():
        with gcwise.paused() if policy == "gcwise every 50" else nullcontext():
            times = [timed(number) for number in range(STEPS)]
        assert index
        percent = quantiles(times, n=100)
        return {"p50 ms": percent[49], "p99 ms": percent[98], "slowest ms": max(times)}

    return train


if __name__ == "__main__":
    if len(sys.argv) == 3:
        run(steps(sys.argv[2]))
    compare("tests.recipes.training.measure", "step", POLICIES, rounds=ROUNDS, columns=COLUMNS)
