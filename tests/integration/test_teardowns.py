"""Real structures taken apart: the generation that holds their garbage is learned and collected.

Automatic collection is off and the heap there was before is out of sight, so that all collections
counted are those that gcwise decided on, and what they cost is the test's own.
"""

import gc
import weakref

import pytest

import gcwise
from gcwise import Reason
from gcwise._collector import collector
from tests.interpreters import needs_settings

pytestmark = needs_settings

np, mpl, plt, sql, orm = (
    pytest.importorskip(name, reason=f"{name.partition('.')[0]} is not installed")
    for name in ("numpy", "matplotlib", "matplotlib.pyplot", "sqlalchemy", "sqlalchemy.orm")
)
mpl.use("Agg")


@pytest.fixture(autouse=True)
def _own_heap():
    """Start each test with an empty heap, nothing learned and automatic collection off."""
    gc.collect()
    gc.freeze()
    gc.disable()
    collector.after_fork()
    yield
    gc.enable()
    gc.unfreeze()


class Base(orm.DeclarativeBase):
    """The tables' common base."""


class Author(Base):
    """Has books."""

    __tablename__ = "author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author")


class Book(Base):
    """Has an author."""

    __tablename__ = "book"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sql.ForeignKey("author.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


class Entry:
    """What a pool holds: much memory, and itself."""

    def __init__(self):
        self.me = self
        self.data = np.ones(100_000)


def runs():
    """Tell how often each generation has been collected."""
    return [generation["collections"] for generation in gc.get_stats()]


def figure():
    """Draw a figure that only pyplot knows; return a weak reference to it."""
    drawn, axes = plt.subplots(2, 2)
    for each in axes.flat:
        each.plot(range(10))
    drawn.canvas.draw()
    return weakref.ref(drawn)


def database():
    """Fill a database and load from it; return engine, session and the objects."""
    engine = sql.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    session = orm.Session(engine)
    session.add_all(Author(books=[Book() for _ in range(5)]) for _ in range(50))
    session.commit()
    authors = session.query(Author).all()
    assert sum(len(author.books) for author in authors) == 250
    return [engine, session, *authors]


def test_young_figures():
    """Figures closed soon after they were drawn are gone when the closing function returns."""

    @gcwise.teardown
    def close():
        plt.close("all")

    before = runs()
    for _ in range(6):
        refs = [figure(), figure()]
        assert all(ref() is not None for ref in refs)
        close()
        assert not any(ref() for ref in refs)

    assert runs()[0] >= before[0] + 2
    assert runs()[2] <= before[2] + 3


def test_old_figures():
    """Figures that have grown old are gone too: the first time every generation is tried."""

    @gcwise.teardown("old figures")
    def close():
        plt.close("all")

    refs = [figure(), figure()]
    gc.collect()
    before = runs()
    close()

    assert not any(ref() for ref in refs)
    assert [new - old for old, new in zip(before, runs(), strict=True)] == [1, 1, 1]
    young, middle, old = collector.sites["old figures"].yields
    assert old > 1_000 > young + middle


def test_figure_in_a_block():
    """A block takes a figure apart as well, and tells what it freed."""
    ref = figure()

    with gcwise.teardown("figure in a block") as scope:
        plt.close("all")

    assert ref() is None
    assert scope.decision.reason is Reason.EXPLORING
    assert scope.decision.collection.collected > 1_000


@pytest.mark.parametrize("old", [False, True])
def test_database(old):
    """Engine, session and loaded objects are gone after the function that disposes of them."""

    @gcwise.teardown(f"database: {old}")
    def close(things):
        engine, session, *_ = things
        session.close()
        engine.dispose()
        things.clear()

    things = database()
    refs = [weakref.ref(thing) for thing in things]
    if old:
        gc.collect()
    close(things)

    assert not any(ref() for ref in refs)


def test_pool_without_cycles():
    """Where nothing is ever left behind, teardowns soon cost nothing."""
    gc.collect()  # Nothing of other tests either.
    reasons = []
    before = runs()

    for _ in range(24):
        pool = [[number] for number in range(5_000)]
        with gcwise.teardown("pool without cycles") as scope:
            pool.clear()
        reasons.append(scope.decision.reason)

    assert reasons[0] is Reason.EXPLORING
    assert Reason.FRUITLESS in reasons
    assert runs()[2] <= before[2] + 6


def test_young_pool():
    """Once it is learned that the garbage is young, the old are not collected for it."""
    decisions = []

    for _ in range(10):
        pool = [Entry() for _ in range(100)]
        refs = [weakref.ref(entry) for entry in pool]
        with gcwise.teardown("young pool") as scope:
            pool.clear()
        assert not any(ref() for ref in refs)
        decisions.append(scope.decision)

    assert decisions[0].reason is Reason.EXPLORING
    learned = [each for each in decisions if each.reason is not Reason.EXPLORING]
    assert learned
    assert {each.generation for each in learned} == {0}
    assert all(each.collection.collected >= 100 for each in decisions)


def test_old_pool():
    """Where the garbage is old, that is learned, and the old generation is collected for it."""
    decisions, held = [], []
    refs = []

    for _ in range(12):
        pool = [Entry() for _ in range(100)]
        refs += [weakref.ref(entry) for entry in pool]
        gc.collect()
        with gcwise.teardown("old pool") as scope:
            pool.clear()
        decisions.append(scope.decision)
        held.append(sum(ref() is not None for ref in refs))

    old = [each for each in decisions if each.generation == 2]
    assert decisions[0].generation == 2
    assert len(old) > 1
    assert all(each.collection.collected >= 100 for each in old)
    # 80 MB each: not many of them may wait.
    assert max(held) <= 600
