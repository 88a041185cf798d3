"""Questions: one looks, the other acts, and both decide alike."""

import gc
import time
import weakref

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import collector
from tests.interpreters import needs_generations, real


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


@pytest.fixture
def still():
    """Keep automatic collection out of the test, and start without garbage."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def runs():
    """Tell how often each generation has been collected."""
    return [generation["collections"] for generation in real.stats()]


def garbage(number):
    """Leave that many dead objects behind, each a cycle of its own."""
    for _ in range(number):
        cycle = []
        cycle.append(cycle)


class TestQuestions:
    """`should_collect` looks, `maybe_collect` acts, and both decide alike."""

    def test_look_changes_nothing(self, still):
        """A look that finds a collection worth it runs none, and frees nothing."""
        dead = weakref.ref(Node())
        before = runs()

        decision = gcwise.should_collect("look", policy=Policy.always())

        assert decision
        assert decision.collection is None
        assert runs() == before
        assert dead() is not None

    @needs_generations
    def test_act(self, still):
        """`maybe_collect` runs the collection, and frees."""
        dead = weakref.ref(Node())

        decision = gcwise.maybe_collect("act", policy=Policy.always(0))

        assert dead() is None
        assert decision.collection.collected >= 1

    @pytest.mark.parametrize(
        "policy", [None, Policy(memory_weight=1e-9), Policy.never(), Policy.always(1)]
    )
    @pytest.mark.parametrize("number", [0, 20_000])
    def test_same_decision(self, policy, number, still):
        """What the look says is what is acted upon."""
        collector.after_fork()
        time.sleep(0.05)  # Long enough for what is next to nothing, before both.
        garbage(number)

        look = gcwise.should_collect("same", policy=policy)
        act = gcwise.maybe_collect("same", policy=policy)

        assert (look.generation, look.site) == (act.generation, act.site)
        assert (act.collection is not None) == bool(look)
        if look:
            assert look.reason is act.reason

    @needs_generations
    def test_same_figures(self, still):
        """A wish is granted on the figures that the look gave."""
        collector.after_fork()
        time.sleep(0.05)  # Held for no time, nothing is due.
        garbage(20_000)

        look = gcwise.should_collect("figures")
        act = gcwise.maybe_collect("figures")

        assert look
        assert look.candidates == pytest.approx(20_000, rel=0.05)
        assert look.candidates == pytest.approx(act.candidates, rel=0.01)
        assert look.expected == pytest.approx(act.expected, rel=0.01)

    def test_same_schedule(self):
        """On a schedule the look tells of the coming turn, and takes none itself."""
        policy = Policy.every(3, 0)
        looks, acts = [], []
        for _ in range(6):
            looks += [gcwise.should_collect("test_same_schedule", policy=policy)] * 2
            acts.append(gcwise.maybe_collect("test_same_schedule", policy=policy))

        assert [bool(act) for act in acts] == [False, False, True] * 2
        assert [bool(look) for look in looks[::2]] == [bool(act) for act in acts]

    def wish(self, name):
        """Return a granted wish of a place, with 50,000 young objects waiting there."""
        collector.after_fork()
        time.sleep(0.05)  # Held for no time, nothing is due.
        keep = [[number] for number in range(50_000)]
        decision = gcwise.should_collect(name)
        return decision, keep

    @needs_generations
    def test_own_collection_of_survivors_is_learned_from(self, still):
        """A collection that the user runs on advice, and that frees nothing, lowers hopes there."""
        name = "test_own_collection_of_survivors"
        decision, keep = self.wish(name)
        assert decision

        gc.collect(decision.generation)
        gcwise.should_collect(name)

        assert len(keep) == 50_000
        assert collector.sites[name].efficiency < 0.75

    @needs_generations
    def test_own_collection_of_garbage_is_learned_from(self, still):
        """One that freed all of it keeps hopes high."""
        name = "test_own_collection_of_garbage"
        collector.after_fork()
        time.sleep(0.05)  # Held for no time, nothing is due.
        garbage(50_000)
        decision = gcwise.should_collect(name)
        assert decision

        gc.collect(decision.generation)
        gcwise.should_collect(name)

        assert collector.sites[name].efficiency > 0.9

    @needs_generations
    def test_own_collection_is_learned_where_it_was_advised(self, still):
        """What is learned belongs to the place that looked, not to the one that notices."""
        name = "test_own_collection_elsewhere"
        decision, _keep = self.wish(name)

        gc.collect(decision.generation)
        gcwise.should_collect("elsewhere")

        assert collector.sites[name].efficiency < 0.75
        assert collector.sites["elsewhere"].efficiency == 1.0
