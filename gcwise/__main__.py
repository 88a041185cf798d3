"""`python -m gcwise demo`: the same real job under four policies, measured."""

from __future__ import annotations

import argparse
import ast
import gc
import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
import tokenize
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import gcwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

POLICIES = ("automatic", "collect_each", "off", "gcwise")
# Files parsed for one batch, containers in the live heap beside them, seconds between samples.
BATCH, LIVE, SAMPLE = 8, 300_000, 0.002


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gcwise", description="Collect cyclic garbage when it is worth it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="parse the standard library under four policies, and compare"
    )
    demo.add_argument("--json", action="store_true", help="print the figures for programs")
    demo.add_argument("--job", choices=POLICIES, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.job:
        run_job(arguments.job)
    else:
        show_demo(as_json=arguments.json)


def show_demo(*, as_json: bool) -> None:
    """Run the job once for each policy, each in a fresh process, and print what it took."""
    results, sentences = [], []
    for policy in POLICIES:
        print(f"{policy}: ", end="", file=sys.stderr, flush=True)
        result = measure(policy)
        print(f" {result['cpu_s']:.2f} s", file=sys.stderr, flush=True)
        sentences += result.pop("sentences")
        results.append(result)
    if as_json:
        print(json.dumps({"results": results}, indent=2))
        return
    print(table(results))
    print("\nWhat gcwise said at some of its batches:")
    for sentence in sentences:
        print(f"  {sentence}")


def table(results: list[dict[str, Any]]) -> str:
    lines = ["policy        CPU s  mean MiB  peak MiB  collections  longest ms"]
    lines += [
        f"{r['policy']:<12} {r['cpu_s']:6.2f} {r['mean_mib']:9.1f} {r['peak_mib']:9.1f}"
        f" {r['collections']:12,} {r['longest_s'] * 1e3:11.1f}"
        for r in results
    ]
    return "\n".join(lines)


def measure(policy: str) -> dict[str, Any]:
    """Run the job in a fresh process, and sample that process's memory from outside."""
    command = [sys.executable, "-m", "gcwise", "demo", "--job", policy]
    environment = {key: value for key, value in os.environ.items() if key != "GCWISE_ACTIVE"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as job:
        assert job.stdout is not None
        job.stdout.readline()  # The live heap is built, the work begins.
        with sampled(job.pid) as sizes:
            line = job.stdout.readline()
    if job.returncode:
        raise SystemExit(f"the job failed under policy {policy!r}; its error is printed above")
    report: dict[str, Any] = json.loads(line)
    mib = [size / 2**20 for size in sizes]
    memory = {"mean_mib": round(sum(mib) / len(mib), 1), "peak_mib": round(max(mib), 1)}
    return {"policy": policy, "cpu_s": report.pop("cpu_s"), **memory, **report}


@contextmanager
def sampled(pid: int) -> Iterator[list[int]]:
    """Collect the resident memory of a process, in bytes, every two milliseconds."""
    process, done = psutil.Process(pid), threading.Event()
    sizes = [process.memory_info().rss]

    def watch() -> None:
        while not done.wait(SAMPLE):
            sizes.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        done.set()
        watcher.join()


def run_job(policy: str) -> None:
    """Parse the standard library in batches under one policy; report in JSON."""
    live = [{"id": number, "tags": [number]} for number in range(LIVE // 2)]
    around, decisions = surroundings(policy)
    files = sources()
    timer = CollectionTimer()
    print("ready", flush=True)
    started = time.process_time()
    functions = 0
    for first in range(0, len(files), BATCH):
        with around():
            functions += sum(count_functions(path) for path in files[first : first + BATCH])
        if first % (len(files) // 10) < BATCH:
            print(".", end="", file=sys.stderr, flush=True)
    report = {
        "cpu_s": round(time.process_time() - started, 3),
        "collections": timer.collections,
        "longest_s": round(timer.longest, 6),
        "sentences": telling(decisions),
    }
    print(json.dumps(report), flush=True)
    assert functions
    assert live
    os._exit(0)  # Taking the heap down is not part of the job.


def surroundings(
    policy: str,
) -> tuple[Callable[[], AbstractContextManager[object]], list[gcwise.Decision]]:
    """Return what a policy puts around each batch, and the list its decisions will be in."""
    decisions: list[gcwise.Decision] = []

    @contextmanager
    def collect_each() -> Iterator[None]:
        yield
        gc.collect()

    @contextmanager
    def decided() -> Iterator[None]:
        with gcwise.batch("parse") as scope:
            yield
        # What is kept was made among garbage, and holds a whole arena of memory afterwards.
        del decisions[3:]
        decisions.extend([scope.decision] if scope.decision is not None else [])

    if policy == "off":
        gc.disable()
    blocks = {"collect_each": collect_each, "gcwise": decided}
    return blocks.get(policy, nullcontext), decisions


def sources() -> list[str]:
    """Return the paths of the standard library's modules, without its tests."""
    root = sysconfig.get_path("stdlib")
    left_out = {"site-packages", "dist-packages", "test", "tests", "idle_test"}
    return sorted(
        str(path)
        for path in Path(root).rglob("*.py")
        if not left_out.intersection(path.relative_to(root).parts)
    )


def count_functions(path: str) -> int:
    """Parse one module, link each node to its parent, and count the nested functions."""
    try:
        with tokenize.open(path) as file:
            tree = ast.parse(file.read())
    except (SyntaxError, UnicodeDecodeError):
        return 0  # The library ships some on purpose.
    link_parents(tree)
    return sum(
        isinstance(node, ast.FunctionDef) and isinstance(node.parent, ast.FunctionDef)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
    )


def link_parents(tree: ast.AST) -> None:
    """Give each node its parent, which makes the tree one cycle; shared nodes are left alone."""
    shared = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    nodes = [tree]
    for parent in nodes:
        for child in ast.iter_child_nodes(parent):
            if not isinstance(child, shared):
                child.parent = parent  # type: ignore[attr-defined]
                nodes.append(child)


def telling(decisions: list[gcwise.Decision]) -> list[str]:
    """Return the sentences of the first decisions and of the last."""
    chosen = [*decisions[:2], *decisions[len(decisions) // 2 :][:1], *decisions[-1:]]
    return [str(decision) for decision in chosen]


class CollectionTimer:
    """Count collections, automatic or explicit, and time the longest."""

    def __init__(self) -> None:
        self.collections: int = 0
        self.longest: float = 0.0
        self._started: float = 0.0
        gc.callbacks.append(self)

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        """Take note of a collection's begin or end."""
        now = time.perf_counter()
        if phase == "start":
            self._started = now
        else:
            self.collections += 1
            self.longest = max(self.longest, now - self._started)


if __name__ == "__main__":
    main()
