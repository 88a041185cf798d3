"""Batches of whole libraries: figures, ORM sessions, failed tasks, images, a web service."""

from __future__ import annotations

import io
import json
import random
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from . import documents
from .parsing import scrape, summarise
from .registry import Job, scaled, workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.policies import Policy


def draw(plt: Any, rng: random.Random) -> int:
    """Draw a figure of two plots and return its size as PNG."""
    figure, axes = plt.subplots(1, 2, figsize=(6, 3))
    for axis in axes:
        axis.plot([rng.random() for _ in range(200)], label="measured")
        axis.set_title("a report")
        axis.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return len(out.getvalue())


@workload
def figures(scale: float) -> Job:
    """matplotlib: a figure drawn, saved and closed in each batch."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    rng = random.Random(6)
    draw(plt, rng)

    def job(policy: Policy) -> None:
        for _ in range(scaled(20, scale)):
            with policy.batch():
                draw(plt, rng)

    return job


class Library:
    """A data base in memory with authors and books that know each other through the ORM.

    ``expire`` says whether a commit makes objects forget what was loaded, and so each other.
    """

    def __init__(self, rng: random.Random, authors: int, *, expire: bool) -> None:
        import sqlalchemy as sa
        from sqlalchemy import orm

        self.orm, self.sa, self.expire = orm, sa, expire
        registry = orm.registry()
        metadata = registry.metadata
        key = sa.Integer
        author = sa.Table(
            "author", metadata, sa.Column("id", key, primary_key=True), sa.Column("name", sa.String)
        )
        book = sa.Table(
            "book",
            metadata,
            sa.Column("id", key, primary_key=True),
            sa.Column("title", sa.String),
            sa.Column("author_id", sa.ForeignKey("author.id"), index=True),
        )
        self.Author = type("Author", (), {})
        self.Book = type("Book", (), {})
        registry.map_imperatively(
            self.Author, author, properties={"books": orm.relationship(self.Book, backref="author")}
        )
        registry.map_imperatively(self.Book, book)
        self.engine = sa.create_engine("sqlite://")
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            names = [{"name": documents.sentence(rng, 2)} for _ in range(authors)]
            titles = [
                {"title": documents.sentence(rng, 3), "author_id": 1 + rng.randrange(authors)}
                for _ in range(authors * 8)
            ]
            connection.execute(author.insert(), names)
            connection.execute(book.insert(), titles)

    def revise(self, first: int, count: int) -> int:
        """Load some authors with their books, change titles, and return how many changed."""
        with self.orm.Session(self.engine, expire_on_commit=self.expire) as session:
            query: Any = (
                self.sa.select(self.Author)
                .where(self.Author.id.between(first, first + count))  # type: ignore[attr-defined]
                .options(self.orm.selectinload(self.Author.books))  # type: ignore[attr-defined]
            )
            changed = 0
            for author in session.scalars(query):
                for book in author.books[::10]:
                    book.title = book.author.name + " again"
                    changed += 1
            session.commit()
            return changed


@workload
def orm_sessions(scale: float) -> Job:
    """SQLAlchemy: a session for each batch; authors and books refer to each other."""
    rng = random.Random(7)
    library = Library(rng, 600, expire=False)

    def job(policy: Policy) -> None:
        for _ in range(scaled(220, scale)):
            with policy.batch():
                library.revise(rng.randrange(500), 80)

    return job


def attempt(text: str) -> Future[Any]:
    """Read a message as an executor would run it: the future keeps an error and so this frame."""
    future: Future[Any] = Future()
    rows: list[Any] = []
    try:
        rows.extend(json.loads(line) for line in text.splitlines())
        future.set_result(rows)
    except ValueError as error:
        future.set_exception(error)
    return future


@workload
def failures(scale: float) -> Job:
    """Tasks that fail: each error's traceback keeps a frame, which keeps the error's future."""
    rng = random.Random(8)
    texts = [
        "\n".join([*(documents.records_json(rng, 4) for _ in range(rng.randrange(60, 300))), "{"])
        for _ in range(20)
    ]

    def job(policy: Policy) -> None:
        for n in range(scaled(520, scale)):
            with policy.batch():
                attempt(texts[n % len(texts)])

    return job


class Image:
    """An image whose filters are its own bound methods: a cycle that holds an array."""

    def __init__(self, np: Any, generator: Any) -> None:
        self.np = np
        self.pixels = generator.random((256, 256))
        self.filters = [self.blur, self.scale]

    def blur(self) -> None:
        """Mix each row with the next."""
        self.pixels = (self.pixels + self.np.roll(self.pixels, 1, axis=0)) / 2

    def scale(self) -> None:
        """Make dark parts lighter."""
        self.pixels = self.np.sqrt(self.pixels)

    def apply(self) -> float:
        """Run all filters and return the mean."""
        for step in self.filters:
            step()
        return float(self.pixels.mean())


@workload
def images(scale: float) -> Job:
    """numpy: a few objects in cycles that hold half a megabyte each."""
    import numpy as np

    generator = np.random.default_rng(9)

    def job(policy: Policy) -> None:
        for _ in range(scaled(600, scale)):
            with policy.batch():
                for _ in range(3):
                    Image(np, generator).apply()

    return job


@workload
def web_service(scale: float) -> Job:
    """A service with three sites: one makes no cycles, one small ones, one large ones."""
    import bs4  # noqa: F401 - loading it is no part of the job

    rng = random.Random(10)
    library = Library(rng, 300, expire=True)
    page = documents.page_html(rng, 120)
    table, known = documents.table_csv(rng, 400), documents.records_json(rng, 100)
    handlers: dict[str, Callable[[], object]] = {
        "report": lambda: summarise(table, known),
        "revise": lambda: library.revise(rng.randrange(250), 10),
        "import": lambda: scrape(page),
    }
    visits = rng.choices(list(handlers), weights=[70, 25, 5], k=scaled(700, scale))

    def job(policy: Policy) -> None:
        for site in visits:
            with policy.batch(site):
                handlers[site]()

    return job
