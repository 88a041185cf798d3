"""The ledger: garbage expected in each generation, its debt, and what collecting it would cost."""

import pytest

import gcwise
from gcwise._ledger import (
    COUNTING,
    FEW,
    MIDDLE_EFFICIENCY,
    MOST_GARBAGE,
    OLD_EFFICIENCY,
    SAVED,
    Ledger,
)
from gcwise._policy import OBJECT_BYTES, TRIVIAL
from gcwise._prices import OVERHEAD
from gcwise._site import LEAST_EFFICIENCY, YOUNG_EFFICIENCY, Site
from gcwise.testing import SimulatedRuntime, simulated

RESIDENT = 100e6


@pytest.fixture
def site():
    """Return a site that has learned nothing."""
    return Site()


@pytest.fixture
def ledger():
    """Return a ledger of a process of 100 MB, whose first decision was at 0 s."""
    ledger = Ledger(0.0, RESIDENT)
    ledger.decided()
    return ledger


def share_of(garbage):
    """Return the ratio of so many bytes of garbage to the rest of the process's memory."""
    return garbage / (RESIDENT - garbage)


def debts(ledger):
    """Return what holding each generation's garbage has cost."""
    return [generation.debt for generation in ledger.generations]


class TestDebts:
    """Garbage held is charged for by its share of memory and by time."""

    def test_nothing_waiting_costs_nothing(self, ledger, site):
        """Time alone makes no debt."""
        ledger.observe(site, 0, RESIDENT, 1000.0)
        assert debts(ledger) == [0.0, 0.0, 0.0]

    def test_garbage_that_came_bit_by_bit_was_held_half_the_time_on_average(self, ledger, site):
        """The debt is the share of memory times half the time that it took to come."""
        ledger.observe(site, 10_000, RESIDENT, 2.0)
        share = share_of(10_000 * OBJECT_BYTES)
        assert ledger.generations[0].share == pytest.approx(share)
        assert debts(ledger) == pytest.approx([share, 0.0, 0.0])

    def test_garbage_that_stays_is_charged_for_all_the_time(self, ledger, site):
        """From the second look on it was there from the first."""
        ledger.observe(site, 10_000, RESIDENT, 2.0)
        before = debts(ledger)[0]
        ledger.observe(site, 10_000, RESIDENT, 3.0)
        assert debts(ledger)[0] - before == pytest.approx(ledger.generations[0].share)

    def test_growth_of_memory_counts_where_objects_do_not_tell(self, ledger, site):
        """A few young objects are charged for the bytes by which memory grew."""
        ledger.observe(site, 4, 2 * RESIDENT, 1.0)
        assert ledger.generations[0].share == pytest.approx(1.0)

    def test_what_was_built_before_the_first_decision_is_nobodys_garbage(self, site):
        """Automatic collection was on, and has looked through it."""
        ledger = Ledger(0.0, RESIDENT)
        ledger.observe(site, 4, 2 * RESIDENT, 1.0)
        assert debts(ledger) == pytest.approx([0.0, 0.0, 0.0], abs=1e-4)

    def test_a_share_is_never_of_nearly_all_memory(self, ledger, site):
        """However much the counts claim."""
        ledger.observe(site, 10**12, RESIDENT, 1.0)
        assert ledger.generations[0].share == pytest.approx(share_of(MOST_GARBAGE * RESIDENT))

    def test_what_a_teardown_left_behind_is_charged_to_its_generation(self, ledger, site):
        """No count shows it, so what was learned there is taken for it."""
        site.yields = [0.0, 0.0, 50_000.0]
        ledger.hint(site)
        ledger.observe(site, 0, RESIDENT, 1.0)
        young, middle, old = debts(ledger)
        assert young == middle == 0
        assert old == pytest.approx(share_of(50_000 * OBJECT_BYTES))
        assert round(ledger.outlooks()[2].expected) == 50_000


class TestLearning:
    """What a collection found is remembered, and the debts begin anew."""

    def test_a_collection_clears_the_debts_up_to_its_generation(self, ledger, site):
        """Older generations keep theirs."""
        site.yields = [0.0, 0.0, 50_000.0]
        ledger.hint(site)
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(1, site, 10_000, 0.001, RESIDENT)
        young, middle, old = debts(ledger)
        assert young == middle == 0 < old
        rested = [outlook.rested for outlook in ledger.outlooks()]
        assert rested == [0.0, 0.0, 1.0]

    def test_survivors_are_promoted(self, ledger, site):
        """What a young collection did not free waits in the middle generation, then in the old."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(0, site, 4_000, 0.001, RESIDENT)
        waiting = [generation.waiting for generation in ledger.generations]
        assert waiting == pytest.approx([0, 6_000, 0])
        ledger.settle(1, site, 0, 0.001, RESIDENT)
        assert [g.waiting for g in ledger.generations] == pytest.approx([0, 0, 6_000])
        ledger.settle(2, site, 0, 0.001, RESIDENT)
        assert [g.waiting for g in ledger.generations] == [0, 0, 0]

    def test_efficiency_follows_what_was_found(self, ledger, site):
        """Fruitless collections halve it down to a least, fruitful ones bring it back."""
        seen = []
        for collected in [0] * 10 + [10_000] * 10:
            ledger.observe(site, 10_000, RESIDENT, ledger.now + 1)
            ledger.settle(0, site, collected, 0.001, RESIDENT)
            seen.append(site.efficiency)
        assert seen[0] == YOUNG_EFFICIENCY / 2
        assert seen[9] == LEAST_EFFICIENCY == min(seen)
        assert seen[10] > 0.5
        assert seen[-1] == pytest.approx(1.0, abs=0.01)

    def test_efficiency_is_never_more_than_all(self, ledger, site):
        """Counts can miss objects, so more may be freed than seemed to wait."""
        ledger.observe(site, 10, RESIDENT, 1.0)
        ledger.settle(0, site, 10_000, 0.001, RESIDENT)
        assert site.efficiency == 1.0
        assert ledger.generations[1].waiting == 0

    def test_generations_share_what_was_freed_as_it_was_expected_of_them(self, ledger, site):
        """A collection of two generations teaches both."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(0, site, 0, 0.001, RESIDENT)
        ledger.observe(site, 10_000, RESIDENT, 2.0)
        ledger.settle(1, site, 20_000, 0.002, RESIDENT)
        young, middle, old = ledger.generations
        assert young.efficiency > 0.5
        assert middle.efficiency > MIDDLE_EFFICIENCY
        assert old.efficiency == OLD_EFFICIENCY

    def test_a_collection_of_unknown_young_teaches_no_site(self, ledger, site):
        """Somebody else's collection may have examined anybody's objects."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(0, None, 0)
        assert site.efficiency == YOUNG_EFFICIENCY
        assert debts(ledger)[0] == 0

    def test_memory_that_was_not_read_after_it_is_estimated(self, ledger, site):
        """What was freed is taken off the growth, and what was not stays as the new base."""
        ledger.observe(site, 1000, 2 * RESIDENT, 1.0)
        ledger.settle(0, site, 1000)
        ledger.observe(site, 0, RESIDENT, 2.0)
        assert ledger.generations[0].size == 0
        ledger.observe(site, 0, 3 * RESIDENT, 3.0)
        assert ledger.generations[0].size == pytest.approx(2 * RESIDENT)

    def test_growth_that_young_collections_did_not_undo_is_the_old_generations(self, ledger, site):
        """Memory above that after the last full collection makes one due."""
        ledger.observe(site, 1000, 3 * RESIDENT, 1.0)
        ledger.settle(0, site, 0, 0.001, 3 * RESIDENT)
        ledger.observe(site, 0, 3 * RESIDENT, 2.0)
        held = ledger.generations[2].share
        assert held > 0
        ledger.settle(2, site, 0, 0.1, 3 * RESIDENT)
        ledger.observe(site, 0, 3 * RESIDENT, 3.0)
        assert ledger.generations[2].share == 0


class TestCounting:
    """Survivors are counted: dicts and tuples of numbers look young, but are never examined."""

    def test_only_what_seems_to_have_survived_is_worth_counting(self, ledger, site):
        """Neither a few objects nor what is few beside the middle generation."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        assert ledger.worth_counting(0)
        assert not ledger.worth_counting(10_000 - FEW)
        ledger.generations[1].objects = 11_000
        assert not ledger.worth_counting(0)

    def test_large_generations_are_not_counted(self, ledger, site):
        """Which takes as long as to examine them: more than a trivial share of the time."""
        ledger.observe(site, 150_000, RESIDENT, 1.0)
        assert ledger.worth_counting(0)
        ledger.observe(site, 250_000, RESIDENT, 1.0)
        assert not ledger.worth_counting(0)

    def test_counting_takes_a_trivial_share_of_the_time(self, ledger, site):
        """However often many seem to survive; what was not used is saved up for a second."""
        counted = 0
        for step in range(1, 1_001):
            ledger.generations[1].objects = 0
            ledger.observe(site, 10_000, RESIDENT, step / 100)
            if ledger.worth_counting(0):
                ledger.count(site, 0, 10_000)
                counted += 1
        assert counted * 10_000 * COUNTING == pytest.approx(TRIVIAL * (10 + SAVED), rel=0.02)
        ledger.observe(site, 10_000, RESIDENT, 3_000.0)
        in_a_row = 0
        while ledger.worth_counting(0):
            ledger.count(site, 0, 10_000)
            in_a_row += 1
        assert in_a_row == pytest.approx(TRIVIAL * SAVED / (10_000 * COUNTING), abs=1)

    def test_objects_that_are_not_examined_are_no_survivors(self, ledger, site):
        """Where the middle generation has not grown, all that was examined was garbage."""
        for now in range(1, 9):
            ledger.observe(site, 10_000, RESIDENT, now)
            ledger.count(site, 3_000, 0)
            ledger.settle(0, site, 3_000, 0.001, RESIDENT)
        assert site.tracked == pytest.approx(0.3, abs=0.02)
        assert site.efficiency == 1.0
        assert ledger.generations[1].objects == 0
        ledger.observe(site, 10_000, RESIDENT, 9.0)
        assert ledger.outlooks()[0].candidates == pytest.approx(3_000, rel=0.05)
        assert ledger.young == 10_000

    def test_true_survivors_are(self, ledger, site):
        """The middle generation has grown by them, and by no more than there seemed to be."""
        ledger.generations[1].objects = 500
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.count(site, 3_000, 4_500)
        ledger.settle(0, site, 3_000, 0.001, RESIDENT)
        assert site.efficiency == pytest.approx((1 + 3 / 7) / 2)
        assert ledger.generations[1].objects == pytest.approx(4_500)
        ledger.observe(site, 1_000, RESIDENT, 2.0)
        ledger.count(site, 0, 10**6)
        assert site.tracked <= 1.0


class TestTold:
    """What a teardown tells of says nothing about the rest."""

    def test_a_trial_teaches_no_generation(self, ledger, site):
        """That it freed all there was, or nothing, was for it to find out."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(0, site, 0, 0.001, RESIDENT, told=True)
        ledger.observe(site, 0, RESIDENT, 2.0)
        ledger.settle(1, site, 10_000, 0.001, RESIDENT, told=True)
        assert site.efficiency == YOUNG_EFFICIENCY
        assert ledger.generations[1].efficiency == MIDDLE_EFFICIENCY

    def test_what_was_told_is_taken_off_what_was_found(self, ledger, site):
        """A collection that frees just that was fruitless for the rest."""
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        ledger.settle(0, site, 0, 0.001, RESIDENT)
        site.yields = [0.0, 5_000.0, 0.0]
        ledger.hint(site)
        ledger.observe(site, 0, RESIDENT, 2.0)
        ledger.settle(1, site, 5_000, 0.001, RESIDENT)
        assert ledger.generations[1].efficiency == MIDDLE_EFFICIENCY / 2

    def test_what_survives_beside_it_is_not_taken_for_large(self, ledger, site):
        """Memory has grown by what was told of, however large each object of that was."""
        site.object_bytes = 1e6
        site.yields = [90.0, 0.0, 0.0]
        ledger.observe(site, 100, 2 * RESIDENT, 1.0)
        ledger.hint(site)
        ledger.settle(0, site, 90, 0.001, 2 * RESIDENT, told=True)
        middle = ledger.generations[1]
        assert middle.objects == pytest.approx(10)
        assert middle.size == pytest.approx(10 * OBJECT_BYTES)


def test_the_old_are_no_more_likely_garbage_than_the_middle_aged(ledger, site):
    """Until they were collected themselves, for they have survived more."""
    middle, old = ledger.generations[1:]
    assert old.efficiency == OLD_EFFICIENCY
    for _ in range(4):
        middle.objects = 1_000
        ledger.settle(1, site, 0, 0.001, RESIDENT)
    assert old.efficiency == middle.efficiency < OLD_EFFICIENCY
    learned = old.efficiency
    old.objects = 1_000
    ledger.settle(2, site, 1_000, 0.001, RESIDENT)
    assert old.efficiency > learned
    middle.objects = 1_000
    ledger.settle(1, site, 0, 0.001, RESIDENT)
    assert old.efficiency > middle.efficiency


class TestCosts:
    """The price of a collection: what it spends on objects that survive it."""

    def test_a_collection_of_nothing_costs_its_call(self, ledger):
        """With nothing young the two younger generations cost the same little."""
        young, middle, _ = ledger.outlooks()
        assert young.cost == middle.cost == OVERHEAD

    def test_garbage_is_never_waste(self, ledger, site):
        """Where all is expected to be garbage, more of it does not cost more."""
        ledger.observe(site, 1_000_000, RESIDENT, 1.0)
        assert ledger.outlooks()[0].cost == OVERHEAD

    def test_survivors_are_waste(self, ledger, site):
        """Where nearly all survive, the cost grows with their number."""
        site.efficiency = LEAST_EFFICIENCY
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        few = ledger.outlooks()[0].cost - OVERHEAD
        ledger.observe(site, 20_000, RESIDENT, 2.0)
        assert ledger.outlooks()[0].cost - OVERHEAD == pytest.approx(2 * few)
        assert few > 0

    @pytest.mark.parametrize("number", [0, 1])
    def test_survivors_that_will_be_garbage_are_dearer(self, ledger, site, number):
        """By as much longer as freeing them takes once they are no longer in the caches."""
        site.efficiency = 0.5
        ledger.observe(site, 20_000, RESIDENT, 1.0)
        before = ledger.outlooks()[number].cost
        ledger.generations[number + 1].found = 0.25
        price = ledger.prices.seconds
        dearer = 10_000 * 0.25 * (price.freed_cold - price.freed)
        assert ledger.outlooks()[number].cost - before == pytest.approx(dearer)

    def test_what_survivors_become_is_learned(self, ledger, site):
        """From collections of where they were promoted to; until then they are no dearer."""
        found = []
        for collected in (20_000, 10_000, 0):
            found.append(ledger.generations[1].found)
            ledger.observe(site, 20_000, RESIDENT, ledger.now + 1.0)
            ledger.settle(0, site, 0, None, RESIDENT)
            ledger.settle(1, None, collected, None, RESIDENT)
        assert [*found, ledger.generations[1].found] == [0.0, 0.5, 0.5, 0.25]

    def test_what_a_teardown_told_of_makes_none_dearer(self, ledger, site):
        """It says nothing about what collections promote."""
        ledger.observe(site, 20_000, RESIDENT, 1.0)
        ledger.settle(0, site, 0, None, RESIDENT)
        ledger.settle(1, site, 20_000, None, RESIDENT, told=True)
        assert ledger.aged(1) == 0.0

    def test_a_full_collection_costs_the_live_heap(self, site):
        """It is estimated by bytes: twice the memory, twice the cost."""
        costs = [Ledger(0.0, size).outlooks()[2].cost for size in (RESIDENT, 2 * RESIDENT)]
        assert costs[1] - OVERHEAD == pytest.approx(2 * (costs[0] - OVERHEAD))
        assert costs[0] > 0.01

    @pytest.mark.parametrize("number", [0, 1])
    def test_a_collection_that_took_longer_makes_survivors_dearer(self, ledger, site, number):
        """What examining an object costs is measured wherever most survive."""
        site.efficiency = LEAST_EFFICIENCY
        ledger.observe(site, 10_000, RESIDENT, 1.0)
        before = ledger.outlooks()[0]
        ledger.settle(number, site, 0, 0.1, RESIDENT)
        ledger.observe(site, 10_000, RESIDENT, 2.0)
        assert ledger.outlooks()[0].cost > 1.5 * before.cost

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_collection_that_freed_most_tells_the_price_of_freeing(self, ledger, site, number):
        """Freeing is measured apart, so that it is not taken for waste."""
        before = ledger.prices.seconds
        ledger.observe(site, 10_000_000, RESIDENT, 1.0)
        ledger.settle(number, site, 10_000_000, 10.0, RESIDENT)
        after = ledger.prices.seconds
        assert after.freed > 1.4 * before.freed
        assert (after.young, after.middle) == (before.young, before.middle)

    def test_a_full_collection_tells_what_the_heap_costs(self, ledger, site):
        """Before long the next one is expected to take as long as the last."""
        for _ in range(12):
            ledger.observe(site, 0, RESIDENT, ledger.now + 1.0)
            ledger.settle(2, site, 0, 2.5, RESIDENT)
        assert ledger.outlooks()[2].cost == pytest.approx(2.5, rel=0.01)


class TestOverhead:
    """Fruitless full collections have a share of the time, and no more."""

    def test_after_a_fruitless_one_the_next_has_to_wait(self, ledger, site):
        """A second spent at 5 % is paid off after twenty."""
        ledger.observe(site, 0, RESIDENT, 100.0)
        assert ledger.old_allowed(0.05)
        ledger.settle(2, site, 0, 1.0, RESIDENT)
        ledger.observe(site, 0, RESIDENT, 119.0)
        assert not ledger.old_allowed(0.05)
        assert ledger.old_allowed(0.20)
        ledger.observe(site, 0, RESIDENT, 121.0)
        assert ledger.old_allowed(0.05)

    def test_a_fruitful_one_leaves_the_way_free(self, ledger, site):
        """Where all that was expected was freed the next may follow at once."""
        site.yields = [0.0, 0.0, 50_000.0]
        ledger.hint(site)
        ledger.settle(2, site, 50_000, 1.0, RESIDENT)
        assert ledger.old_allowed(0.05)


class TestGap:
    """The time to the next decision is expected to be like those before."""

    def test_the_first_decision_tells_nothing(self, site):
        """It takes two to measure a gap, and nobody decides between import and the first."""
        ledger = Ledger(0.0, RESIDENT)
        ledger.observe(site, 0, RESIDENT, 1000.0)
        ledger.decided()
        assert ledger.gap == 0.0

    def test_it_follows_the_gaps(self, ledger, site):
        """After many decisions a second apart, it is a second."""
        gaps = []
        for second in range(30):
            ledger.observe(site, 0, RESIDENT, float(second))
            ledger.decided()
            gaps.append(ledger.gap)
        assert gaps == sorted(gaps)
        assert gaps[-1] == pytest.approx(1.0, rel=0.01)


def test_no_more_is_expected_to_be_garbage_than_there_is_to_examine():
    """A full collection examines the garbage as well as the heap: all of it at most is garbage."""
    kept = None
    with simulated(SimulatedRuntime(live=5_000)) as runtime:
        for _ in range(3):
            made = runtime.make(300_000, 300_000 * 64, alive=True)
            if kept is not None:
                kept.die()
            kept = made
            runtime.spend(1.0)
            decision = gcwise.maybe_collect("rerun")
            assert decision.expected <= decision.candidates
