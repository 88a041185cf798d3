"""Figures, crawls, chunks and sessions: their cycles are gone once it was decided."""

import contextlib
import gc
import io
import threading
import urllib.request
import weakref
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import gcwise
from gcwise.testing import forced, recorded
from tests.interpreters import needs_generations

pytestmark = needs_generations


@contextlib.contextmanager
def followed(owner, name):
    """Note what a class makes, by weak references."""
    made, original = [], getattr(owner, name)

    def noting(self, *args, **kwargs):
        made.append(weakref.ref(self))
        original(self, *args, **kwargs)

    setattr(owner, name, noting)
    try:
        yield made
    finally:
        setattr(owner, name, original)


def alive(made):
    """Return how many of these objects are left."""
    return sum(each() is not None for each in made)


@pytest.fixture
def draw():
    """Return the recipe's function, with what pyplot keeps from the first picture on."""
    matplotlib = pytest.importorskip("matplotlib", reason="this recipe draws by matplotlib")
    matplotlib.use("Agg")
    from tests.recipes.data.figures import draw

    draw([1, 2], io.BytesIO())
    gc.collect()
    return draw


def test_closed_figures_are_gone(draw):
    """A closed figure is a cycle, which the decision after it frees."""
    from matplotlib.figure import Figure

    with followed(Figure, "__init__") as figures:
        with forced(False), gcwise.paused():
            draw([1, 2], io.BytesIO())
            assert alive(figures) == 1
        with forced(True):
            draw([1, 2], io.BytesIO())
        assert alive(figures) == 0


def test_few_figures_are_left_of_many(draw):
    """With nothing forced, no more than a few of thirty figures are there at any time."""
    from matplotlib.figure import Figure

    most = 0
    with followed(Figure, "__init__") as figures:
        for _ in range(30):
            draw([1, 2], io.BytesIO())
            most = max(most, alive(figures))
    assert len(figures) == 30
    assert most < 15


@pytest.fixture
def crawl():
    """Return the recipe, with what the parsers keep from the first page on."""
    pytest.importorskip("bs4", reason="this recipe parses by BeautifulSoup")
    pytest.importorskip("lxml", reason="this recipe parses by lxml")
    from tests.recipes.data import crawl

    assert crawl.links_of_soup("<a href=x>") == crawl.links_of_lxml("<a href=x>") == ["x"]
    gc.collect()
    return crawl


@pytest.fixture
def site():
    """Serve pages on this machine, and return their address."""
    from tests.recipes.data.pages import pages

    served = pages(8)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = served.get(self.path[1:])
            self.send_response(200)
            self.end_headers()
            self.wfile.write((page or "<html></html>").encode())

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


def fetch(url):
    """Return a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_soups_of_a_crawl_are_gone(crawl, site):
    """Each page's tree is freed by the decision after it."""
    from bs4 import BeautifulSoup

    with followed(BeautifulSoup, "__init__") as soups:
        with forced(False), gcwise.paused():
            crawl.links_of_soup(fetch(site))
            assert alive(soups) == 1
        with forced(True), recorded() as decisions:
            seen = crawl.crawl(fetch, site, crawl.links_of_soup)
        assert alive(soups) == 0
    assert len(seen) == len(decisions) > 8


def test_a_crawl_by_lxml_has_nothing_to_collect(crawl, site):
    """Reference counting frees lxml's trees: they leave no cycle behind at all."""
    page = fetch(site)
    with gcwise.testing.no_cycles():
        for _ in range(10):
            assert len(crawl.links_of_lxml(page)) == 8


def test_both_parsers_see_the_same_pages(crawl, site):
    """With nothing forced, either crawl visits them all."""
    by_soup = crawl.crawl(fetch, site, crawl.links_of_soup)
    assert by_soup == crawl.crawl(fetch, site, crawl.links_of_lxml)


@pytest.fixture
def orders(tmp_path):
    """Return the path of a table of 20,000 orders by 10 customers."""
    pytest.importorskip("pandas", reason="this recipe reads by pandas")
    path = tmp_path / "orders.csv"
    lines = (f"c{number % 10},{number}" for number in range(20_000))
    path.write_text("\n".join(["customer,amount", *lines]))
    return path


def test_chunks_summed_by_pandas_have_nothing_to_collect(orders):
    """Each chunk is decided on, and none leaves anything behind that only a collection frees."""
    from tests.recipes.data.chunks import totals

    totals(orders, 10_000)
    gc.collect()
    with recorded() as decisions, forced(True):
        assert totals(orders, 1_000)["c0"] == sum(range(0, 20_000, 10))
    assert len(decisions) == 20
    assert sum(each.collection.collected for each in decisions) < 100


def test_objects_made_of_chunks_are_gone(orders):
    """Customers and orders that name each other are freed by the decision after their chunk."""
    from tests.recipes.data import chunks

    with followed(chunks.Customer, "__init__") as customers:
        with forced(True):
            assert chunks.largest(orders, 1_000) == sum(range(19_009, 20_000, 10))
        assert len(customers) == 200
        assert alive(customers) == 0


@pytest.fixture
def library(tmp_path):
    """Return the address of a database with ten authors of ten books each."""
    pytest.importorskip("sqlalchemy", reason="this recipe uses SQLAlchemy")
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from tests.recipes.data.sessions import Author, Base, Book, pages_by_author

    url = f"sqlite:///{tmp_path}/library.db"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Author(books=[Book(pages=9) for _ in range(10)]) for _ in range(10)])
        session.commit()
    pages_by_author(engine)
    engine.dispose()
    del engine, session
    gc.collect()
    return url


def test_objects_of_a_session_are_gone(library):
    """Authors and books that were loaded together are freed by the decision after their session."""
    from sqlalchemy import create_engine, event

    from tests.recipes.data.sessions import Author, pages_by_author

    loaded = []

    @event.listens_for(Author, "load")
    def note(author, _context):
        loaded.append(weakref.ref(author))

    engine = create_engine(library)
    with forced(False), gcwise.paused():
        pages_by_author(engine)
        assert alive(loaded) == 10
    with forced(True):
        assert pages_by_author(engine) == dict.fromkeys(range(1, 11), 90)
    event.remove(Author, "load", note)
    engine.dispose()
    assert len(loaded) == 20
    assert alive(loaded) == 0


def test_the_pool_of_a_tenant_is_gone(library):
    """An engine and its pool are cyclic, and are freed once it is disposed of."""
    from sqlalchemy.pool import QueuePool

    from tests.recipes.data.sessions import serve_tenant

    with followed(QueuePool, "__init__") as pools:
        for _ in range(2):  # While it is learned what a teardown here leaves behind.
            assert sum(serve_tenant(library).values()) == 900
            assert alive(pools) == 0
    assert len(pools) == 4  # One more is made by each dispose().
