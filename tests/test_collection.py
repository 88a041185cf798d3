"""One explicit collection: what it reports, and several of them summed up."""

import warnings

import pytest

from gcwise import Collection
from gcwise._collection import LONGEST, SHORTEST, SURE, Inherited, collect, total_of


def test_what_it_did(runtime):
    """It tells what was freed, and how long it took by the runtime's clock."""
    runtime.make(1_000, alive=False)
    runtime.make(500)
    before = runtime.now

    done = collect(runtime, 0, 1_500)

    assert runtime.collections == [0]
    assert done == Collection(0, 1_500, 1_000, 0, runtime.now - before, None)
    assert done.duration > 0


def test_no_fewer_were_examined_than_freed(runtime):
    """Counts are hints: what was freed was examined."""
    runtime.make(1_000, alive=False)

    assert collect(runtime, 1, 10).candidates == 1_000


def test_another_under_way(runtime):
    """While another collection runs nothing is done, and nothing reported."""
    runtime.make(1_000, alive=False)
    runtime.under_way = True

    assert collect(runtime, 0, 1_000) is None


def test_total():
    """Freed objects and seconds add up; the oldest generation and the most candidates stay."""
    first = Collection(0, 900, 800, 1, 0.25, None)
    second = Collection(1, 400, 30, 2, 0.5, 4096)

    assert total_of([first, second]) == Collection(1, 900, 830, 3, 0.75, 4096)
    assert total_of([second, second._replace(memory_freed=1)]).memory_freed == 4097
    assert total_of([first]).memory_freed is None


class TestInherited:
    """A collector that a forked child has inherited: alive, or dead for good."""

    @pytest.fixture
    def inherited(self, runtime):
        """Return what is known at the fork."""
        inherited = Inherited(runtime)
        inherited.forked()
        return inherited

    def miss(self, runtime, inherited, times):
        """Try as soon as it may, so many times in vain; return the seconds between."""
        started, rests = runtime.now, []
        for _ in range(times):
            inherited.missed()
            assert inherited.resting()
            while inherited.resting():
                runtime.spend(SHORTEST / 2)
            started, rests = runtime.now, [*rests, runtime.now - started]
        return rests

    def test_without_a_fork_it_is_alive(self, runtime):
        """A process that was never forked only waits for another collection to end."""
        inherited = Inherited(runtime)
        inherited.missed()
        assert not inherited.resting()

    def test_the_rests_grow(self, runtime, inherited):
        """Each lasts twice as long as the one before, up to a minute."""
        with pytest.warns(RuntimeWarning):
            rests = self.miss(runtime, inherited, 16)
        assert rests[:3] == pytest.approx(
            [SHORTEST, 2 * SHORTEST, 4 * SHORTEST], abs=0.6 * SHORTEST
        )
        assert rests[-2:] == pytest.approx([LONGEST, LONGEST], abs=0.6 * SHORTEST)

    def test_it_warns_once_when_it_is_sure(self, runtime, inherited):
        """Some seconds in vain are enough; a collection with slow finalizers takes less."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            waited = self.miss(runtime, inherited, 8)
            assert not caught
            self.miss(runtime, inherited, 8)
        assert sum(waited) >= SURE
        (warning,) = caught
        assert warning.category is RuntimeWarning
        assert "forked while another thread" in str(warning.message)
        assert "spawn or forkserver" in str(warning.message)

    def test_a_collection_ends_the_doubt(self, runtime, inherited):
        """Whoever ran it: what did nothing before that was only too early."""
        self.miss(runtime, inherited, 3)
        inherited.missed()
        runtime.collect(0)
        assert not inherited.resting()
        for _ in range(20):
            inherited.missed()
            assert not inherited.resting()

    def test_each_fork_is_doubted_anew(self, runtime, inherited):
        """A child of a live child can be dead."""
        runtime.collect(0)
        inherited.missed()
        inherited.forked()
        inherited.missed()
        assert inherited.resting()
