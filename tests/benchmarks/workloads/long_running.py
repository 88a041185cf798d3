"""Jobs of one single batch, and a program full of blind calls."""

from __future__ import annotations

import difflib
import json
import random
from typing import TYPE_CHECKING, Any

from . import documents
from .lifetimes import Entry, index
from .parsing import count_calls, with_parents
from .registry import Job, patient_workload, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


def analyse(sources: list[str], count: int, checkpoint: Any) -> dict[str, Any]:
    """Analyse so many files: of each the tree dies, and what was found in it stays."""
    found: dict[str, Any] = {}
    for n in range(count):
        tree = with_parents(sources[n % len(sources)])
        for name, calls in count_calls(tree).items():
            found[f"{n}:{name}"] = {"calls": [calls], "file": [n]}
        checkpoint()
    return found


@workload
def long_batch(scale: float) -> Job:
    """One single batch that makes garbage and survivors, with no place to stop."""
    sources = documents.sources()

    def job(policy: Policy) -> None:
        with policy.batch():
            analyse(sources, scaled(260, scale), lambda: None)

    return job


@workload
def long_batch_checkpoints(scale: float) -> Job:
    """The same, with a checkpoint after each file, where each policy may act."""
    sources = documents.sources()

    def job(policy: Policy) -> None:
        with policy.batch() as batch:
            analyse(sources, scaled(260, scale), batch.checkpoint)

    return job


@workload
def long_building(scale: float) -> Job:
    """One single batch that only builds: an index and the records of a data set."""
    sources = documents.sources()
    rng = random.Random(16)
    texts = [documents.records_json(rng, 2_000) for _ in range(5)]

    def job(policy: Policy) -> None:
        words: dict[str, Entry] = {}
        records: list[Any] = []
        with policy.batch():
            for n in range(scaled(120, scale)):
                index(words, sources[n % len(sources)])
                records.extend(json.loads(texts[n % len(texts)]))

    return job


class Watch:
    """A watched page: its last text and the differences seen."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.last: list[str] = []
        self.changes: list[str] = []


def check(watch: Watch, policy: Policy, sites: list[str]) -> None:
    """Check a page for changes, tidying up blindly after each of ten steps."""
    import bs4

    site = iter(sites)
    soup = bs4.BeautifulSoup(watch.page, "html.parser")
    policy.call(next(site))
    lines = soup.get_text("\n").splitlines()
    policy.call(next(site))
    links = [(link["href"], link.get_text()) for link in soup.find_all("a")]
    policy.call(next(site))
    soup = bs4.BeautifulSoup(str(soup.find("table")), "html.parser")
    policy.call(next(site))
    rows = [[cell.get_text() for cell in row.find_all("td")] for row in soup.find_all("tr")]
    policy.call(next(site))
    del soup
    policy.call(next(site))
    found = list(difflib.unified_diff(watch.last[:40], lines[:40]))
    policy.call(next(site))
    saved = json.dumps({"lines": lines, "links": links, "rows": rows})
    policy.call(next(site))
    restored = json.loads(saved)
    policy.call(next(site))
    watch.last, watch.changes = restored["lines"], [*watch.changes[-20:], *found]
    policy.call(next(site))


@patient_workload(120)
def blind_calls(scale: float) -> Job:
    """A page watcher with gc.collect() at 20 sites: 79 batches make 790 calls."""
    import bs4  # noqa: F401 - loading it is no part of the job

    rng = random.Random(17)
    watches = [Watch(documents.page_html(rng, rng.randrange(30, 120))) for _ in range(40)]
    # Pages are checked by one of two fetchers with sites of their own.
    sites = [[f"{fetcher}:{step}" for step in range(10)] for fetcher in ("plain", "browser")]

    def job(policy: Policy) -> None:
        for n in range(scaled(79, scale)):
            with policy.batch("check"):
                check(watches[n % len(watches)], policy, sites[n % 2])

    return job
