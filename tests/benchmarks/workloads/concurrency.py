"""Batches that overlap: in threads, and in tasks that wait for each other."""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import documents
from .parsing import order_total
from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


@workload
def overlapping_threads(scale: float) -> Job:
    """Four threads, each with batches of its own that leave trees behind."""
    rng = random.Random(20)
    texts = [documents.order_xml(rng, rng.randrange(50, 400)) for _ in range(20)]

    def job(policy: Policy) -> None:
        def task(number: int) -> None:
            with policy.batch():
                order_total(texts[number % len(texts)])

        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(task, range(scaled(300, scale))):
                pass

    return job


async def fetch(page: str) -> str:
    """Receive a page in four parts, letting other tasks run in between."""
    parts = []
    for quarter in range(4):
        await asyncio.sleep(0)
        parts.append(page[quarter * len(page) // 4 : (quarter + 1) * len(page) // 4])
    return "".join(parts)


@workload
def tasks_in_flight(scale: float) -> Job:
    """asyncio: twelve tasks, never all at rest; each batch holds a tree across an await."""
    import bs4

    rng = random.Random(21)
    pages = [documents.page_html(rng, rng.randrange(10, 60)) for _ in range(20)]

    async def handle(page: str) -> str:
        soup = bs4.BeautifulSoup(await fetch(page), "html.parser")
        await asyncio.sleep(0)
        links = [link["href"] for link in soup.find_all("a")]
        await asyncio.sleep(0)
        return json.dumps({"links": links, "text": soup.get_text()})

    async def worker(policy: Policy, numbers: list[int]) -> None:
        while numbers:
            number = numbers.pop()
            with policy.batch():
                await handle(pages[number % len(pages)])

    async def serve(policy: Policy) -> None:
        numbers = list(range(scaled(350, scale)))
        await asyncio.gather(*(worker(policy, numbers) for _ in range(12)))

    def job(policy: Policy) -> None:
        asyncio.run(serve(policy))

    return job
