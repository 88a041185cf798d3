"""Measure a recipe with gcwise, beside it without: fresh processes in turns, medians of rounds."""

from __future__ import annotations

import gc
import json
import os
import select
import subprocess
import sys
import time
from statistics import median

import psutil

INTERVAL = 0.005
MIB = 2**20


def run(job, **more):
    """Run a job in this process, and tell the parent when it begins and what it took."""
    collections = []
    began = [0.0]

    def watch(phase, _info):
        if phase == "start":
            began[0] = time.perf_counter()
        else:
            collections.append(time.perf_counter() - began[0])

    gc.collect()
    gc.callbacks.append(watch)
    print("begin", flush=True)
    cpu, wall = time.process_time(), time.perf_counter()
    more.update(job() or {})
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    gc.callbacks.remove(watch)
    figures = {"CPU s": cpu, "wall s": wall, "collections": len(collections)}
    figures["longest ms"] = 1e3 * max(collections, default=0.0)
    print(json.dumps(figures | more), flush=True)
    os._exit(0)  # Taking the heap down is not part of the job.


def watched(module, *arguments):
    """Run `python -m module ...` with its memory sampled from outside; return its figures."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        memory, sizes = psutil.Process(child.pid).memory_info, []
        while not select.select([child.stdout], [], [], INTERVAL)[0]:
            sizes.append(memory().rss / MIB)
        figures = json.loads(child.stdout.read())
    return {**figures, "mean MiB": sum(sizes) / len(sizes), "peak MiB": max(sizes)}


def compare(module, job, policies, *, rounds, columns):
    """Print the medians of what a job took under each policy."""
    runs = {policy: [] for policy in policies}
    for number in range(rounds):
        # The other way around every second time, for a machine that slows down.
        for policy in policies if number % 2 == 0 else reversed(policies):
            runs[policy].append(watched(module, job, policy))
    width = max(map(len, (*policies, job)))
    print(f"{job:<{width}} " + " ".join(f"{column:>11}" for column in columns), flush=True)
    for policy in policies:
        medians = (median(run[column] for run in runs[policy]) for column in columns)
        row = (f"{m:>11,.0f}" if m >= 1000 or m == int(m) else f"{m:>11,.2f}" for m in medians)
        print(f"{policy:<{width}} " + " ".join(row), flush=True)
    print(flush=True)
