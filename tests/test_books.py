"""The books: how readings, and collections by others, come to the ledger."""

import math

import pytest

from gcwise._books import Books
from gcwise._policy import OBJECT_BYTES
from gcwise._site import Site
from gcwise._window import BATCH, Window
from tests.fakes import FakeRuntime

MIB = 2**20


@pytest.fixture
def runtime():
    """Return a simulated heap."""
    return FakeRuntime()


@pytest.fixture
def window(runtime):
    """Return the windows over it, one of them open, in which collections are counted."""
    window = Window(runtime)
    window.open(BATCH, "scope")
    return window


@pytest.fixture
def books(runtime, window):
    """Return books that have been looked at once."""
    books = Books(runtime, window)
    look(books, runtime)
    books.ledger.decided()
    return books


def look(books, runtime):
    """Bring the books up to date."""
    return books.observe(Site(), runtime.size())


class TestGrowth:
    """Memory that grew is shared among all objects made meanwhile."""

    def test_no_collection_meanwhile(self, books, runtime):
        """All of it is that of the objects that wait."""
        runtime.spend(1.0)
        runtime.make(100, 10 * MIB)
        look(books, runtime)
        assert books.ledger.generations[0].size == 10 * MIB

    def test_collections_meanwhile(self, books, runtime):
        """Those that wait have their part of it."""
        runtime.make(9_900, 9 * MIB)
        runtime.collect(0)
        runtime.make(100, MIB)
        runtime.spend(1.0)
        look(books, runtime)
        assert books.ledger.generations[0].size == pytest.approx(10 * MIB / 100)

    def test_at_last(self, books, runtime):
        """However often they come, growth is not laid upon the few that wait at each look."""
        for _ in range(20):
            runtime.make(10_000, MIB // 10)
            runtime.collect(0)
            runtime.make(10)
            runtime.spend(0.01)
            look(books, runtime)
        assert books.ledger.generations[0].size <= 20 * OBJECT_BYTES


class TestPace:
    """How fast young objects come, collected or not."""

    def test_at_first(self, books):
        """It is not known, and taken for so fast that nothing was held."""
        assert books.seconds_of(1_000) == 0

    def test_none_collected(self, books, runtime):
        """Their number over the time."""
        runtime.make(1_000)
        runtime.spend(2.0)
        look(books, runtime)
        assert books.seconds_of(500) == pytest.approx(1.0)

    def test_some_collected(self, books, runtime):
        """With those that others have collected since."""
        runtime.make(3_000)
        runtime.collect(0)
        runtime.make(1_000)
        runtime.spend(2.0)
        look(books, runtime)
        assert books.seconds_of(2_000) == pytest.approx(1.0, rel=0.01)

    def test_only_what_is_new(self, books, runtime):
        """What waited at the last look does not count again."""
        for _ in range(2):
            runtime.make(1_000)
            runtime.spend(1.0)
            look(books, runtime)
        assert books.seconds_of(1_000) == pytest.approx(1.0)

    def test_nothing_new(self, books, runtime):
        """Where none came, what waits was held for as long as you like."""
        runtime.make(1_000)
        for _ in range(2):
            runtime.spend(1.0)
            look(books, runtime)
        assert books.seconds_of(1_000) == math.inf


class TestSurvivors:
    """What a collection by others has promoted is counted before it is believed."""

    def young_collection(self, books, runtime, middle):
        """Let others free a third of 9,000 objects, and `middle` be promoted."""
        runtime.make(3_000, alive=False)
        runtime.make(6_000)
        runtime.collect(0)
        runtime.middle = lambda: middle
        site = Site()
        books.observe(site, runtime.size())
        assert site.tracked == 1.0  # That of other objects than its own.
        return books.ledger.generations[1].objects

    def test_none_where_the_middle_has_not_grown(self, books, runtime):
        """Dicts and tuples of numbers look young, but are never examined."""
        assert self.young_collection(books, runtime, 0) == 0

    def test_as_many_as_the_middle_has_grown_by(self, books, runtime):
        """What was examined and not freed is there."""
        assert self.young_collection(books, runtime, 2_000) == pytest.approx(2_000)

    def test_not_counted_where_few_survived(self, books, runtime):
        """Counting what is large would cost more than a wrong guess about little."""
        books.ledger.generations[1].objects = 10**6
        assert self.young_collection(books, runtime, 0) == pytest.approx(10**6 + 6_000, rel=1e-3)
