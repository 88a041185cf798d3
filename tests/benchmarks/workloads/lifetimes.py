"""Objects that live longer than the batch that made them, and then die, or never do."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

from . import documents
from .parsing import count_calls, order_total, summarise, with_parents
from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


@workload
def current_document(scale: float) -> Job:
    """A viewer: each batch replaces the one open document, whose tree is full of cycles."""
    rng = random.Random(11)
    texts = [documents.order_xml(rng, rng.randrange(200, 400)) for _ in range(20)]

    def job(policy: Policy) -> None:
        document: Any = None
        for n in range(scaled(420, scale)):
            with policy.batch():
                document = minidom.parseString(texts[n % len(texts)])
                document.getElementsByTagName("line")

    return job


@workload
def evicting_cache(scale: float) -> Job:
    """A language server: linked trees in an LRU cache, dropped some batches later."""
    import cachetools

    sources = documents.sources(3_000, 15_000)
    rng = random.Random(12)
    popular = [1 / (1 + rank) ** 0.5 for rank in range(len(sources))]
    wanted = rng.choices(range(len(sources)), weights=popular, k=scaled(900, scale))
    cache: Any = cachetools.LRUCache(maxsize=30)

    def request(number: int) -> int:
        if number not in cache:
            cache[number] = with_parents(sources[number])
        return len(count_calls(cache[number]))

    def job(policy: Policy) -> None:
        for number in wanted:
            with policy.batch():
                request(number)

    return job


class Stop:
    """A stop of a timetable that knows its network."""

    def __init__(self, network: Any, name: str) -> None:
        self.network = network
        self.name = name
        self.lines: list[Any] = []


def timetable(nx: Any, rng: random.Random, stops: int) -> Any:
    """Return a network of linked stops."""
    graph = nx.Graph()
    for n in range(stops):
        graph.add_node(n, stop=Stop(graph, documents.VOCABULARY[n % 90]))
    for n in range(stops):
        for other in (n + 1, rng.randrange(stops), rng.randrange(stops)):
            line = (graph.nodes[n]["stop"], graph.nodes[other % stops]["stop"], [n, other])
            graph.add_edge(n, other % stops, weight=1 + rng.random(), line=line)
            line[0].lines.append(line)
    return graph


@workload
def replaced_network(scale: float) -> Job:
    """networkx: routes in a large network that is loaded anew after every 40 batches."""
    import networkx as nx  # type: ignore[import-untyped]

    rng = random.Random(13)
    stops = scaled(16_000, scale)
    held = {"network": timetable(nx, rng, stops)}

    def reload(policy: Policy) -> None:
        with policy.teardown("drop"):
            del held["network"]
        with policy.batch("load"):
            held["network"] = timetable(nx, rng, stops)

    def route() -> int:
        network = held["network"]
        start, end = rng.randrange(stops), rng.randrange(stops)
        return len(nx.bidirectional_dijkstra(network, start, end)[1])

    def job(policy: Policy) -> None:
        for n in range(1, 1 + scaled(240, scale)):
            with policy.batch("route"):
                route()
            if n % 40 == 0:
                reload(policy)

    return job


@dataclass
class Entry:
    """What an index knows of one word: the places where it stands."""

    word: str
    places: list[Any] = field(default_factory=list)


@dataclass
class Place:
    """One place of a word in a source."""

    entry: Entry
    line: int
    column: int


def index(words: dict[str, Entry], source: str) -> None:
    """Add the names of a source to an index."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            entry = words.setdefault(node.id, Entry(node.id))
            entry.places.append(Place(entry, node.lineno, node.col_offset))


@workload
def index_building(scale: float) -> Job:
    """An indexer: each batch adds a file to an index, and nothing of it ever dies."""
    sources = documents.sources()
    words: dict[str, Entry] = {}

    def job(policy: Policy) -> None:
        for n in range(scaled(400, scale)):
            with policy.batch():
                index(words, sources[n % len(sources)])

    return job


@workload
def large_heap(scale: float) -> Job:
    """Three million live objects, and small batches that leave few cycles."""
    rng = random.Random(14)
    texts = [documents.order_xml(rng, 60) for _ in range(20)]
    tags = [documents.VOCABULARY[n : n + 3] for n in range(90)]
    # Seven containers for each record: itself, its tags, its parts, its two parts and their marks.
    records = [
        {"id": n, "tags": list(tags[n % 90]), "parts": [[n, [1]], [n, [2]]]}
        for n in range(scaled(430_000, scale))
    ]

    def job(policy: Policy) -> None:
        for n in range(scaled(1_200, scale)):
            with policy.batch():
                order_total(texts[n % len(texts)])
                records[n]["seen"] = n

    return job


@workload
def begins_clean(scale: float) -> Job:
    """One site that makes no cycles for half of the time, and then plenty."""
    rng = random.Random(15)
    table, known = documents.table_csv(rng, 1_500), documents.records_json(rng, 400)
    texts = [documents.order_xml(rng, rng.randrange(100, 300)) for _ in range(20)]
    half = scaled(200, scale)

    def job(policy: Policy) -> None:
        for n in range(2 * half):
            with policy.batch():
                if n < half:
                    summarise(table, known)
                else:
                    order_total(texts[n % len(texts)])

    return job


@workload
def begins_building(scale: float) -> Job:
    """One site that builds an index for half of the time, and then works and makes cycles."""
    sources = documents.sources()
    words: dict[str, Entry] = {}
    half = scaled(160, scale)

    def job(policy: Policy) -> None:
        for n in range(2 * half):
            with policy.batch():
                if n < half:
                    index(words, sources[n % len(sources)])
                else:
                    count_calls(with_parents(sources[n % len(sources)]))

    return job
