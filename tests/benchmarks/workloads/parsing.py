"""Batches that read documents: some without any cycle, some as trees with links to parents."""

from __future__ import annotations

import ast
import collections
import csv
import io
import json
import random
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

from . import documents
from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from tests.benchmarks.policies import Policy


def summarise(table: str, records: str) -> str:
    """Join a CSV table with JSON records and return sums by region as JSON."""
    rows = list(csv.DictReader(io.StringIO(table)))
    known = {entry["id"]: entry for entry in json.loads(records)}
    sums: collections.Counter[str] = collections.Counter()
    for row in rows:
        owner = known[int(row["id"]) % len(known)]
        sums[row["region"] + owner["name"]] += int(row["amount"]) * len(owner["orders"])
    return json.dumps(sums)


@workload
def records(scale: float) -> Job:
    """CSV joined with JSON: no cycles at all."""
    rng = random.Random(1)
    pairs = [(documents.table_csv(rng, 1_500), documents.records_json(rng, 400)) for _ in range(10)]

    def job(policy: Policy) -> None:
        for n in range(scaled(250, scale)):
            with policy.batch():
                summarise(*pairs[n % len(pairs)])

    return job


# ast keeps one object for each operator and each load or store mark: such have no one parent.
SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def with_parents(source: str) -> ast.Module:
    """Parse a source and link each node to its parent, as linters do."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, SHARED):
                child.parent = node  # type: ignore[attr-defined]
    return tree


def enclosing(node: Any) -> str:
    """Return the name of the function or class around a node."""
    while not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
        node = node.parent
    return str(getattr(node, "name", "module"))


def count_calls(tree: ast.Module) -> collections.Counter[str]:
    """Count the calls in each function of a linked tree."""
    return collections.Counter(
        enclosing(node) for node in ast.walk(tree) if isinstance(node, ast.Call)
    )


def lint(source: str) -> int:
    """Return how many functions of a source make calls."""
    return len(count_calls(with_parents(source)))


@workload
def syntax_trees(scale: float) -> Job:
    """A linter: syntax trees with links to parents, dropped after each file."""
    sources = documents.sources()

    def job(policy: Policy) -> None:
        for n in range(scaled(190, scale)):
            with policy.batch():
                lint(sources[n % len(sources)])

    return job


def order_total(text: str) -> float:
    """Sum up an order's lines through the DOM."""
    document = minidom.parseString(text)
    total = 0.0
    for line in document.getElementsByTagName("line"):
        amount = line.getElementsByTagName("amount")[0].firstChild
        price = line.getElementsByTagName("price")[0].firstChild
        total += float(amount.data) * float(price.data)  # type: ignore[union-attr]
    return total


@workload
def xml_orders(scale: float) -> Job:
    """xml.dom.minidom: a middling document for each batch, never unlinked."""
    rng = random.Random(3)
    texts = [documents.order_xml(rng, rng.randrange(20, 500)) for _ in range(20)]

    def job(policy: Policy) -> None:
        for n in range(scaled(270, scale)):
            with policy.batch():
                order_total(texts[n % len(texts)])

    return job


def scrape(page: str) -> list[tuple[str, str]]:
    """Return the links of a page."""
    import bs4

    soup = bs4.BeautifulSoup(page, "html.parser")
    return [(str(link["href"]), link.get_text()) for link in soup.select("tr.row a")]


@workload
def web_pages(scale: float) -> Job:
    """A scraper: one BeautifulSoup for each page, never decomposed."""
    import bs4  # noqa: F401 - loading it is no part of the job

    rng = random.Random(4)
    pages = [documents.page_html(rng, rng.randrange(20, 120)) for _ in range(20)]

    def job(policy: Policy) -> None:
        for n in range(scaled(130, scale)):
            with policy.batch():
                scrape(pages[n % len(pages)])

    return job


@workload
def templates(scale: float) -> Job:
    """A mailer that compiles its Jinja template for each letter: small cycles of code."""
    import jinja2

    environment = jinja2.Environment(autoescape=True)
    rng = random.Random(5)
    text = (
        "<h1>{{ title }}</h1>{% macro row(r) %}<tr><td>{{ r.name }}</td><td>{{ r.tags|join(', ') }}"
        "</td></tr>{% endmacro %}{% for r in rows if r.id %}{{ row(r) }}{% else %}none{% endfor %}"
        "{% if rows|length > 9 %}<p>{{ rows|length }} rows, {{ title|upper }}</p>{% endif %}"
    )
    rows = [documents.record(rng, n) for n in range(150)]

    def job(policy: Policy) -> None:
        for n in range(scaled(400, scale)):
            with policy.batch():
                environment.from_string(text).render(title=f"Letter {n}", rows=rows)

    return job
