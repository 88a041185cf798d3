"""The real incremental collector, CPython 3.14.0 to 3.14.4: what batches and teardowns do there."""

import gc
import weakref

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import collector
from gcwise._runtime import Incremental

pytestmark = pytest.mark.skipif(
    type(collector.runtime) is not Incremental,
    reason="this interpreter's collector is not the incremental one",
)
MANY = 20_000


class Node:
    """A cycle of its own."""

    def __init__(self):
        self.me = self


def test_batch():
    """What a batch leaves behind is freed by a collection of the young."""
    for _ in range(5):
        with gcwise.batch("cycles") as scope:
            nodes = [Node() for _ in range(MANY)]
            last = weakref.ref(nodes[-1])
            del nodes

    assert last() is None
    assert scope.decision.generation == 0
    assert scope.decision.collection.collected > MANY / 2


def test_nothing_left():
    """Where reference counting has freed it all, none is run, or one of next to nothing."""
    gc.collect()
    for _ in range(5):
        with gcwise.collect_after("numbers") as scope:
            sum(len([number]) for number in range(MANY))

        assert scope.decision.generation in {None, 0}
        assert scope.decision.candidates < MANY / 100


def test_teardown():
    """An old structure is found by a full collection, and never looked for by an increment."""
    nodes = [Node() for _ in range(MANY)]
    gc.collect()
    last = weakref.ref(nodes[-1])

    with gcwise.teardown("close") as scope:
        nodes.clear()

    assert last() is None
    assert scope.decision.generation == 2


@pytest.mark.parametrize(("asked", "done"), [(0, 0), (1, 2), (2, 2)])
def test_schedule(asked, done):
    """A schedule of the middle generation collects all, which frees what it expects."""
    policy = Policy.every(2, asked)

    decisions = [gcwise.maybe_collect("schedule", policy=policy) for _ in range(4)]

    assert [decision.generation for decision in decisions] == [None, done] * 2


@pytest.mark.parametrize("window", [gcwise.batch, gcwise.paused])
def test_windows(window):
    """Thresholds are raised inside, and come back as they were found."""
    found = gc.get_threshold()

    with window(), window():
        assert gc.get_threshold()[0] > found[0]

    assert gc.get_threshold() == found
