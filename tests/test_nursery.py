"""What automatic collections inside a window teach about when the next should come."""

import pytest

from gcwise._nursery import Nursery
from gcwise._quiet import LONG_QUIET
from gcwise._runtime import READ_INTERVAL
from tests.fakes import ToldRuntime


@pytest.fixture
def runtime():
    """Return a collector whose clock stands still."""
    return ToldRuntime()


@pytest.fixture
def nursery(runtime):
    """Return a nursery over that collector."""
    return Nursery(runtime)


class TestNursery:
    """How many young objects a batch admits is learned from the automatic collections inside."""

    def collection(self, runtime, nursery, admitted, *, freed, took, young=None, waited=1.0):
        """Let an automatic collection run that came because `admitted` was exceeded."""
        runtime.now += waited
        runtime.young = admitted + 1 if young is None else young
        nursery.started()
        runtime.now += took
        nursery.stopped(0, admitted, freed)
        return nursery.size

    def test_unknown_at_first(self, nursery):
        """Before the first collection it claims nothing."""
        assert nursery.size == 0

    def test_fruitless_grows(self, runtime, nursery):
        """A collection that frees nothing raises it."""
        assert self.collection(runtime, nursery, 1_000, freed=0, took=1e-3) >= 2_000

    def test_productive_shrinks(self, runtime, nursery):
        """A collection that frees what was dear to hold lowers it."""
        assert self.collection(runtime, nursery, 10_000, freed=10_000, took=1e-3) <= 5_000

    def test_balanced_keeps(self, runtime, nursery):
        """Where holding costs about what collecting wastes, it stays."""
        held = 5_000 * 128 / 2**30 / 2
        # Examining the other half is taken for a sixth of the time: a fifth of what freeing takes.
        took = held * 6

        size = self.collection(runtime, nursery, 9_999, freed=5_000, took=took)

        assert size == pytest.approx(10_000, rel=0.01)

    def test_slow_for_its_number(self, runtime, nursery):
        """A collection of garbage only wastes nothing, however long it takes to free."""
        assert self.collection(runtime, nursery, 1_000, freed=1_001, took=10.0) < 1_000

    def test_bounded_by_memory(self, runtime, nursery):
        """However fruitless, young objects may not outgrow the memory in use."""
        size = 1_000
        for _ in range(30):
            size = int(self.collection(runtime, nursery, size, freed=0, took=1.0))

        assert 10_000 < size * 128 <= 2**30 / 2

    def test_bounded_by_the_limit(self, runtime, nursery):
        """Where memory is about to run out, hardly any are admitted."""
        runtime.limit = runtime.bytes + 2 * 128 * 100

        size = self.collection(runtime, nursery, 1_000, freed=0, took=1.0)

        assert size <= 200

    def test_large_objects_count_for_more(self, runtime, nursery):
        """Objects by which memory grew fast are dear: fewer of them are admitted."""
        admitted, sizes = 2**14 - 1, []
        for grown in (0, 2**30):
            self.collection(runtime, nursery, admitted, freed=0, took=1e-3)
            runtime.bytes += grown
            sizes.append(self.collection(runtime, nursery, admitted, freed=0, took=1e-3))

        assert sizes[1] < sizes[0]
        assert sizes[1] * 2**30 / 2**14 <= runtime.bytes / 2

    def test_explicit_collection_in_a_pause_teaches_nothing(self, runtime, nursery):
        """Where none are admitted, so many young objects do not say what a batch leaves."""
        assert self.collection(runtime, nursery, 0, freed=0, took=1e-3, young=5_000) == 0

    def test_counted_until_taken(self, runtime, nursery):
        """Collections and what they examined are counted until somebody takes note."""
        for young in (5, 7):
            self.collection(runtime, nursery, 1_000, freed=0, took=1e-3, young=young)

        assert nursery.take() == (2, 12)
        assert nursery.take() == (0, 0)


class TestReading:
    """Reading memory takes as long as a small collection."""

    @pytest.mark.parametrize(
        ("admitted", "age"), [(1_000, READ_INTERVAL), (2_000, LONG_QUIET), (0, LONG_QUIET)]
    )
    def test_explicit_collections_do_with_an_older_reading(
        self, runtime, nursery, monkeypatch, admitted, age
    ):
        """They come at every batch's end, and what may go on inside is not up to them."""
        ages = []
        monkeypatch.setattr(runtime, "resident", lambda _, age: ages.append(age) or (2**30, True))
        runtime.now += LONG_QUIET
        runtime.young = 1_001
        nursery.started()
        nursery.stopped(0, admitted, 0)
        assert ages == [age]

    def test_explicit_collections_do_without_for_a_while(self, runtime, nursery, monkeypatch):
        """Where none would make room for more than there is."""
        ages = []
        monkeypatch.setattr(runtime, "resident", lambda _, age: ages.append(age) or (2**30, True))

        def changed(young):
            runtime.young = young
            nursery.started()
            return nursery.stopped(0, 2_000, young)

        assert [changed(young) for young in (900, 900, 100, 950, 900)] == [1, 0, 0, 1, 0]
        runtime.now += LONG_QUIET
        assert changed(900)
        assert ages == [LONG_QUIET] * 3
        assert nursery.take() == (6, 4_650)


class TestRoom:
    """Batches like those before, which collections inside were no use to, are not interrupted."""

    def inside(self, runtime, nursery, *, freed, generation=0):
        """Let an automatic collection of 1,001 young objects run."""
        runtime.young = 1_001
        nursery.started()
        nursery.stopped(generation, 1_000, freed)
        nursery.size = 1_000

    def end(self, runtime, nursery, young, admitted=1_000):
        """Return what a batch is admitted after one that left so many young objects."""
        runtime.young = young
        nursery.started()
        nursery.stopped(0, admitted, young)
        return nursery.size

    def test_not_interrupted(self, runtime, nursery):
        """There is room for twice what a batch left, and no less when the next leaves less."""
        assert [self.end(runtime, nursery, young) for young in (900, 100, 700)] == [1_800] * 3

    def test_interrupted_in_vain(self, runtime, nursery):
        """What was in use inside had room to be promoted at the end."""
        self.inside(runtime, nursery, freed=300)
        self.inside(runtime, nursery, freed=0)
        assert self.end(runtime, nursery, 500) == 2 * (701 + 1_001 + 500)
        assert self.end(runtime, nursery, 600) == 2 * (701 + 1_001 + 500)

    def test_interrupted_with_a_yield(self, runtime, nursery):
        """Where they freed most of what they found, the next batch is interrupted, too."""
        self.inside(runtime, nursery, freed=1_001)
        self.inside(runtime, nursery, freed=0)
        self.inside(runtime, nursery, freed=1_001)
        assert self.end(runtime, nursery, 900) == 1_000
        assert self.end(runtime, nursery, 900) == 1_800

    def test_long_batches(self, runtime, nursery):
        """However much batches make of which most is freed inside, they get no more room for it."""
        for _ in range(100):
            for _ in range(50):
                self.inside(runtime, nursery, freed=900)
            assert self.end(runtime, nursery, 999) == 1_000

    def test_bounded_by_memory(self, runtime, nursery):
        """As by all collections inside: to what half of resident memory would hold."""
        assert self.end(runtime, nursery, 10**9, 10**9) == runtime.bytes / 2 / 128

    def test_the_middle_collected(self, runtime, nursery):
        """What was promoted was looked through, and is no part of a batch any more."""
        self.inside(runtime, nursery, freed=0)
        self.inside(runtime, nursery, freed=0, generation=1)
        assert self.end(runtime, nursery, 700) == 1_400


class TestMiddle:
    """What has survived inside has its turn when holding it has cost what examining it would."""

    def collection(
        self, runtime, nursery, *, freed=0, generation=0, waited=1e-2, took=1e-2, admitted=100_000
    ):
        """Let a collection of 100,001 young objects run; an explicit one where 0 are admitted."""
        runtime.now += waited
        runtime.young = 100_001
        nursery.started()
        runtime.now += took
        nursery.stopped(generation, admitted, freed)

    def until_due(self, runtime, nursery):
        """Tell how many collections it takes until the middle generation is due."""
        for times in range(1, 10_000):
            self.collection(runtime, nursery)
            if nursery.turn:
                return times
        raise AssertionError

    def test_nothing_survives(self, runtime, nursery):
        """Where all young objects were garbage there is nothing to look through."""
        for _ in range(100):
            self.collection(runtime, nursery, freed=100_001)

        assert not nursery.turn

    @pytest.mark.parametrize("times", [1, 4, 9])
    def test_explicit_ones_are_taken_in_together(self, runtime, nursery, times):
        """They tell what one of as many objects would, and that these were held as long."""
        self.collection(runtime, nursery, admitted=0, waited=LONG_QUIET)
        middle = nursery._middle
        objects, size, debt, share = middle.objects, middle.size, middle.debt, middle.share
        waited = LONG_QUIET / times - 1e-4
        for _ in range(times):
            assert nursery._middle.objects == objects
            self.collection(runtime, nursery, admitted=0, waited=waited, took=2e-4)
        assert middle.objects == objects + times * 100_001
        assert middle.size == size + times * 100_001 * 128
        held = times * waited + (times - 1) * 2e-4
        assert middle.debt - debt == pytest.approx((share + middle.share) / 2 * held)

    def test_held_for_long(self, runtime, nursery):
        """What is cheap to examine and was held for long is due."""
        self.collection(runtime, nursery, admitted=0, waited=1_000.0)

        assert nursery.turn

    def test_too_many_young(self, runtime, nursery):
        """It is not, as long as it would promote many young past it to free what waits there."""
        self.collection(runtime, nursery, waited=1_000.0)
        assert not nursery.turn
        young = nursery.size

        times = 1
        while not nursery.turn:
            self.collection(runtime, nursery, admitted=0, waited=1_000.0)
            times += 1
        assert times * 100_001 >= 10 * 0.5 * young

    def test_in_use_in_the_middle(self, runtime, nursery):
        """That the young are garbage at a batch's end does not say that they are so inside."""
        self.collection(runtime, nursery, waited=1_000.0)
        for _ in range(60):
            self.collection(runtime, nursery, admitted=0, freed=90_000, waited=1_000.0)

        assert not nursery.turn

    def test_dear_to_examine(self, runtime, nursery):
        """What has just survived, and took long to examine, is not."""
        self.collection(runtime, nursery, waited=1e-3, took=1.0)

        assert not nursery.turn

    def test_fruitless(self, runtime, nursery):
        """Each time that it frees nothing, the next turn comes later, but it always comes."""
        self.until_due(runtime, nursery)
        self.collection(runtime, nursery, generation=1, freed=10**9)
        times = []
        for _ in range(8):
            times.append(self.until_due(runtime, nursery))
            self.collection(runtime, nursery, generation=1)
            assert not nursery.turn

        assert times[1] > times[0]
        assert times == sorted(times)
        assert times[-1] == times[-2]

    def test_short_memory(self, runtime, nursery):
        """What may hold half of the memory that is left is looked through in any case."""
        runtime.limit = runtime.bytes + 3 * 100_000 * 128
        self.collection(runtime, nursery, waited=1e-9, took=1.0)
        assert not nursery.turn
        self.collection(runtime, nursery, waited=1e-9, took=1.0)
        assert nursery.turn

    def test_productive(self, runtime, nursery):
        """Where it frees what waited the next turn comes sooner again."""
        for _ in range(4):
            late = self.until_due(runtime, nursery)
            self.collection(runtime, nursery, generation=1)
        for _ in range(4):
            soon = self.until_due(runtime, nursery)
            self.collection(runtime, nursery, generation=1, freed=100_001 * soon)

        assert soon < late
