"""What each job takes under automatic gc, with gc.collect() after each item, and with gcwise.

`python -m tests.recipes.data.measure` runs all, `... measure figures` one of them.
"""

from __future__ import annotations

import gc
import io
import random
import sys
import tempfile
from pathlib import Path

import gcwise
from tests.recipes.beside import compare, run

POLICIES = ("automatic gc", "collect each", "gcwise")
ROUNDS = 3
COLUMNS = ("CPU s", "mean MiB", "peak MiB", "collections", "longest ms")


def figures(after):
    """Draw 60 pictures."""
    from tests.recipes.data.figures import draw

    draw([1, 2], io.BytesIO())
    yield
    for number in range(60):
        draw([number * each % 97 for each in range(1_000)], io.BytesIO())
        after()


def _crawl(after, links_of):
    from tests.recipes.data.crawl import crawl
    from tests.recipes.data.pages import pages

    site = {f"http://site/{name}": page for name, page in pages(150).items()}

    def counted(page):
        found = links_of(page)
        after()
        return found

    yield
    crawl(lambda url: site.get(url, "<html></html>"), "http://site/index.html", counted)


def soup(after):
    """Crawl pages by BeautifulSoup."""
    from tests.recipes.data import crawl

    yield from _crawl(after, crawl.links_of_soup)


def lxml(after):
    """Crawl pages by lxml."""
    from tests.recipes.data import crawl

    yield from _crawl(after, gcwise.batch("lxml")(crawl.links_of_lxml))


def _chunks(after, work):
    import pandas as pd

    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.csv")
        lines = (f"c{random.randrange(500)},{random.randrange(9_999)}" for _ in range(1_000_000))
        path.write_text("\n".join(["customer,amount", *lines]))
        read = pd.read_csv

        def read_csv(*args, **kwargs):
            for chunk in read(*args, **kwargs):
                yield chunk
                del chunk
                after()

        pd.read_csv = read_csv
        yield
        work(path, 10_000)


def chunks(after):
    """Sum up 100 chunks by pandas."""
    from tests.recipes.data.chunks import totals

    yield from _chunks(after, totals)


def objects(after):
    """Make objects of 100 chunks."""
    from tests.recipes.data.chunks import largest

    yield from _chunks(after, largest)


def _library(url, authors):
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from tests.recipes.data.sessions import Author, Base, Book

    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for _ in range(authors):
            session.add(Author(books=[Book(pages=number) for number in range(10)]))
        session.commit()
    return engine


def sessions(after):
    """Load 500 authors and their books in each of 60 sessions."""
    from tests.recipes.data.sessions import pages_by_author

    engine = _library("sqlite://", 500)
    yield
    for _ in range(60):
        pages_by_author(engine)
        after()


def tenants(after):
    """Serve 150 tenants, each with an engine of its own."""
    from tests.recipes.data.sessions import serve_tenant

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/library.db"
        _library(url, 20).dispose()
        yield
        for _ in range(150):
            serve_tenant(url)
            after()


JOBS = {job.__name__: job for job in (figures, soup, lxml, chunks, objects, sessions, tenants)}


def child(name, policy):
    """Be the process of one run."""
    gcwise.set_active(policy == "gcwise")
    job = JOBS[name](gc.collect if policy == "collect each" else lambda: None)
    next(job)
    run(lambda: [None for _ in job] and None)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        child(*sys.argv[1:])
    for name in sys.argv[1:] or JOBS:
        compare("tests.recipes.data.measure", name, POLICIES, rounds=ROUNDS, columns=COLUMNS)
