"""Tens of thousands of batches, each a fraction of a millisecond."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING
from xml.dom import minidom

from . import documents
from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


@workload
def tiny_messages(scale: float) -> Job:
    """A broker of small JSON messages: 50,000 batches without cycles."""
    rng = random.Random(18)
    texts = [json.dumps([documents.record(rng, n) for n in range(8)]) for _ in range(50)]
    totals: dict[str, int] = {}

    def handle(text: str) -> None:
        for entry in json.loads(text):
            for order in entry["orders"]:
                totals[order["sku"]] = totals.get(order["sku"], 0) + order["n"]

    def job(policy: Policy) -> None:
        for n in range(scaled(50_000, scale)):
            with policy.batch():
                handle(texts[n % len(texts)])

    return job


@workload
def tiny_cycles(scale: float) -> Job:
    """A broker of small XML messages: 50,000 batches that leave some 20 objects each."""
    rng = random.Random(19)
    texts = [
        f'<message id="{n}"><to>{rng.choice(documents.VOCABULARY)}</to><n>{n}</n></message>'
        for n in range(50)
    ]
    totals: dict[str, int] = {}

    def handle(text: str) -> None:
        message = minidom.parseString(text).documentElement
        to, count = (child.firstChild.data for child in message.childNodes)  # type: ignore[union-attr]
        totals[to] = totals.get(to, 0) + int(count)

    def job(policy: Policy) -> None:
        for n in range(scaled(50_000, scale)):
            with policy.batch():
                handle(texts[n % len(texts)])

    return job
