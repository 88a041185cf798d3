"""The demonstration's job, and how it is measured under several policies side by side."""

from __future__ import annotations

import ast
import functools
import gc
import multiprocessing
import os
import sys
import sysconfig
import time
import tokenize
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import gcwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection

__all__ = ["measure"]

FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda

# Those of a group take turns, batch by batch: when a shared machine slows down, it does so for all.
# The two that examine the live heap all the time are alone on a processor each, then the two whose
# times are compared have the machine, and its caches, to themselves.
GROUPS = (("automatic",), ("collect_each",)), (("off", "gcwise"),)
# Files parsed for one batch, containers in the live heap beside them, seconds between samples.
BATCH, LIVE, SAMPLE = 5, 200_000, 0.002


def measure() -> list[dict[str, Any]]:
    """Run the job under each policy, each in a fresh process, and return what each took."""
    files = sources()
    print(f"parsing {len(files)} files under four policies ", end="", file=sys.stderr, flush=True)
    results = []
    with ThreadPoolExecutor() as side_by_side:
        for groups in GROUPS:
            for group in side_by_side.map(functools.partial(in_turns, files), groups):
                results += group
    print(file=sys.stderr)
    return results


def in_turns(files: list[str], policies: tuple[str, ...]) -> list[dict[str, Any]]:
    """Parse the files under these policies in turns, and return what each took."""
    jobs = [Job(policy, files) for policy in policies]
    for first in range(0, len(files), BATCH):
        for job in jobs:
            job.turn()
        if first % (20 * BATCH) == 0:
            print(".", end="", file=sys.stderr, flush=True)
    return [job.result() for job in jobs]


class Job:
    """The job in a fresh process, which works only when it is its turn."""

    def __init__(self, policy: str, files: list[str]) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._policy = policy
        self._pipe, theirs = fresh.Pipe()
        process = fresh.Process(target=run_job, args=(policy, files, theirs), daemon=True)
        process.start()
        theirs.close()
        self._memory = psutil.Process(process.pid).memory_info
        self._sizes: list[int] = []
        self._hear()

    def turn(self) -> None:
        """Let the job do its next batch, and sample its memory from outside meanwhile."""
        self._pipe.send(None)
        self._sizes.append(self._memory().rss)
        while not self._pipe.poll(SAMPLE):
            self._sizes.append(self._memory().rss)
        self._hear()

    def result(self) -> dict[str, Any]:
        """Return what all its turns together took."""
        report = self._hear()
        mib = [size / 2**20 for size in self._sizes]
        memory = {"mean_mib": round(sum(mib) / len(mib), 1), "peak_mib": round(max(mib), 1)}
        return {"policy": self._policy, "cpu_s": report.pop("cpu_s"), **memory, **report}

    def _hear(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise SystemExit(
                f"the job failed under policy {self._policy!r}; its error is printed above"
            ) from None


def run_job(policy: str, files: list[str], pipe: Connection) -> None:
    """Parse the files in batches under one policy, each when told to; report at the end."""
    live = [{"id": number, "tags": [number]} for number in range(LIVE // 2)]
    gcwise.set_active(True)
    around, decisions = surroundings(policy)
    timer = CollectionTimer()
    started = time.process_time()
    unused = spared = 0
    for first in range(0, len(files), BATCH):
        pipe.send("ready")
        pipe.recv()
        with around():
            for path in files[first : first + BATCH]:
                findings = review(path)
                unused += findings[0]
                spared += findings[1]
    pipe.send("ready")
    report = {
        "cpu_s": round(time.process_time() - started, 3),
        "collections": timer.collections,
        "longest_s": round(timer.longest, 6),
        "sentences": [str(decision) for decision in decisions],
    }
    pipe.send(report)
    assert unused
    assert spared
    assert live
    os._exit(0)  # Taking the heap down is not part of the job.


def surroundings(
    policy: str,
) -> tuple[Callable[[], AbstractContextManager[object]], list[gcwise.Decision]]:
    """Return what a policy puts around each batch, and a list for the decisions worth telling."""
    decisions: list[gcwise.Decision] = []

    @contextmanager
    def collect_each() -> Iterator[None]:
        yield
        gc.collect()

    @contextmanager
    def decided() -> Iterator[None]:
        with gcwise.batch("parse") as scope:
            yield
        # Only the first and the last: each was made among its batch's garbage, and holds an arena
        # of the allocator afterwards.
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


def review(path: str) -> tuple[int, int]:
    """Compile one module, count its unused variables and what its comments and layout take."""
    try:
        with tokenize.open(path) as file:
            source = file.read()
        tree = ast.parse(source)
        compile(tree, path, "exec")
    except (SyntaxError, UnicodeDecodeError):
        return 0, 0  # The library ships some on purpose.
    return count_unused(tree), len(source) - len(ast.unparse(tree))


def count_unused(tree: ast.AST) -> int:
    """Count the variables that are set in functions and never read."""
    link_parents(tree)
    written: set[tuple[ast.AST, str]] = set()
    read: set[tuple[ast.AST, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            around = functions_around(node)
            if not isinstance(node.ctx, ast.Store):
                read.update((function, node.id) for function in around)
            elif around:
                written.add((around[0], node.id))
    return len(written - read)


def functions_around(node: ast.AST) -> list[ast.AST]:
    """Return the functions that a node stands in, the innermost first."""
    found: list[ast.AST] = []
    while not isinstance(node, ast.Module):
        if isinstance(node, FUNCTIONS):
            found.append(node)
        node = node.parent  # type: ignore[attr-defined]
    return found


def link_parents(tree: ast.AST) -> None:
    """Give each node its parent, which makes the tree one cycle; shared nodes are left alone."""
    shared = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    nodes = [tree]
    for parent in nodes:
        for child in ast.iter_child_nodes(parent):
            if not isinstance(child, shared):
                child.parent = parent  # type: ignore[attr-defined]
                nodes.append(child)


class CollectionTimer:
    """Count collections, automatic or explicit, and time the longest."""

    def __init__(self) -> None:
        self.collections: int = 0
        self.longest: float = 0.0
        self._started: float = 0.0
        # PyPy has none, and its collections are not told of.
        getattr(gc, "callbacks", []).append(self)

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        """Take note of a collection's begin or end."""
        now = time.perf_counter()
        if phase == "start":
            self._started = now
        else:
            self.collections += 1
            self.longest = max(self.longest, now - self._started)
