"""Programs written after the rule was, to see how it does where nobody had looked before."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


class Node:
    """A part of a tree that knows its parent."""

    def __init__(self, parent: Node | None, text: str) -> None:
        self.parent = parent
        self.text = text
        self.children: list[Node] = []
        if parent is not None:
            parent.children.append(self)


def tree(rng: random.Random, size: int) -> Node:
    """Build a random tree of so many nodes."""
    nodes = [Node(None, "root")]
    for number in range(size - 1):
        nodes.append(Node(nodes[rng.randrange(max(0, len(nodes) - 50), len(nodes))], f"n{number}"))
    return nodes[0]


@workload
def uneven_documents(scale: float) -> Job:
    """Trees with parent links, whose sizes differ by a factor of a thousand."""
    rng = random.Random(101)
    sizes = [min(int(rng.lognormvariate(5.5, 1.8)) + 1, 60_000) for _ in range(scaled(1200, scale))]

    def job(policy: Policy) -> None:
        for size in sizes:
            with policy.batch():
                sum(len(child.text) for child in tree(rng, size).children)

    return job


@workload
def alternating(scale: float) -> Job:
    """One place where every other batch builds and the others leave trees behind."""
    rng = random.Random(102)

    def job(policy: Policy) -> None:
        index: dict[str, Any] = {}
        for number in range(scaled(1_200, scale)):
            with policy.batch():
                if number % 2:
                    tree(rng, 1500)
                else:
                    for key in range(700):
                        index[f"{number}/{key}"] = {"seen": [number, key], "by": {"n": number}}

    return job


@workload
def waiting_threads(scale: float) -> Job:
    """Eight threads that wait for the network most of the time, and leave trees behind."""

    def job(policy: Policy) -> None:
        def handle(number: int) -> None:
            rng = random.Random(number)
            with policy.batch():
                time.sleep(0.004)
                root = tree(rng, 900)
                time.sleep(0.004)
                sum(len(child.text) for child in root.children)

        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(handle, range(scaled(900, scale))):
                pass

    return job


@workload
def growing_program(scale: float) -> Job:
    """Requests that leave trees behind, while what is kept grows to some million objects."""
    rng = random.Random(104)

    def job(policy: Policy) -> None:
        kept: list[Any] = []
        for number in range(scaled(1_400, scale)):
            with policy.batch():
                tree(rng, 700)
                kept.append([{"number": number, "row": [row]} for row in range(700)])

    return job


@workload
def recursive_closures(scale: float) -> Job:
    """Inner functions that call themselves: a small cycle at each call, by accident."""

    def count(limit: int) -> int:
        memo: dict[int, int] = {}

        def ways(n: int) -> int:
            if n < 2:
                return 1
            if n not in memo:
                memo[n] = ways(n - 1) + ways(n - 2)
            return memo[n]

        return ways(limit)

    def job(policy: Policy) -> None:
        for number in range(scaled(15_000, scale)):
            with policy.batch():
                for n in range(15):
                    count(20 + (number + n) % 30)

    return job


@workload
def arrays_in_failures(scale: float) -> Job:
    """Exceptions kept with the frames they passed, and an array in each frame."""
    import numpy as np

    def fit(rng: Any, size: int) -> float:
        data = rng.standard_normal((size, 60))
        return float(np.linalg.norm(data.T @ data)) / 0

    def attempt(rng: Any, size: int) -> str:
        try:
            fit(rng, size)
        except ZeroDivisionError as error:
            failure = error
        return str(failure)

    def job(policy: Policy) -> None:
        rng = np.random.default_rng(5)
        for number in range(scaled(400, scale)):
            with policy.batch():
                attempt(rng, 1_000 + number % 7 * 500)

    return job


@workload
def command_lines(scale: float) -> Job:
    """argparse: a parser with subcommands made for each command line."""
    import argparse

    def parse(number: int) -> int:
        parser = argparse.ArgumentParser("tool")
        commands = parser.add_subparsers(dest="command")
        for name in ("add", "remove", "list", "show"):
            command = commands.add_parser(name)
            for option in range(6):
                command.add_argument(f"--{name}-{option}", type=int, default=option)
        return int(parser.parse_args(["add", "--add-3", str(number)]).add_3)

    def job(policy: Policy) -> None:
        for number in range(scaled(1_400, scale)):
            with policy.batch():
                parse(number)

    return job


@workload
def timeouts(scale: float) -> Job:
    """asyncio: forty tasks at a time, a third of which time out with what they hold."""
    rng = random.Random(109)

    async def answer(number: int) -> int:
        root = tree(rng, 300)
        await asyncio.sleep(0.02 if number % 3 == 0 else 0.001)
        return len(root.children)

    async def ask(policy: Policy, number: int) -> None:
        with policy.batch():
            try:
                await asyncio.wait_for(answer(number), 0.01)
            except asyncio.TimeoutError as error:
                failure = error
                assert failure

    async def serve(policy: Policy) -> None:
        for start in range(scaled(120, scale)):
            await asyncio.gather(*(ask(policy, 40 * start + n) for n in range(40)))

    def job(policy: Policy) -> None:
        asyncio.run(serve(policy))

    return job


@workload
def simulation(scale: float) -> Job:
    """Frames of a game: 40,000 linked things, of which a few die and are born in each."""
    rng = random.Random(110)

    class Thing:
        def __init__(self) -> None:
            self.me = self
            self.at = [rng.random(), rng.random()]

    def job(policy: Policy) -> None:
        things = [Thing() for _ in range(40_000)]
        for _ in range(scaled(2_800, scale)):
            with policy.batch():
                for _ in range(400):
                    things[rng.randrange(40_000)] = Thing()
                for thing in things[::40]:
                    thing.at[0] += thing.at[1]

    return job


@workload
def pipeline(scale: float) -> Job:
    """Documents that go through eight stages, one in each batch, and are then dropped."""
    rng = random.Random(111)

    def job(policy: Policy) -> None:
        stages: deque[Node] = deque(maxlen=8)
        for _ in range(scaled(1_800, scale)):
            with policy.batch():
                stages.append(tree(rng, 900))
                for root in stages:
                    root.text += "."

    return job


@workload
def nested_batches(scale: float) -> Job:
    """Files of two hundred records: a batch for each record within one for each file."""
    rng = random.Random(112)

    def job(policy: Policy) -> None:
        for _ in range(scaled(48, scale)):
            with policy.batch("file"):
                found = []
                for _ in range(200):
                    with policy.batch("record"):
                        found.append(len(tree(rng, 150).children))

    return job


@workload
def mocks(scale: float) -> Job:
    """unittest.mock: tests that make a few mocks each, which are classes of their own."""
    from unittest import mock

    def test(number: int) -> None:
        with mock.patch("random.random", return_value=number):
            service = mock.MagicMock()
            service.fetch.return_value = {"n": number}
            service.store(service.fetch())
            service.store.assert_called_once_with({"n": number})

    def job(policy: Policy) -> None:
        for number in range(scaled(3_000, scale)):
            with policy.batch():
                test(number)

    return job
