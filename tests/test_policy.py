"""The policy's knobs, and the pure rule case by case."""

import copy
import math
import pickle

import pytest

from gcwise import Policy, Reason
from gcwise._policy import (
    FEW,
    LATE,
    PRESSURE_FROM,
    PRESSURE_OVERHEAD,
    PRESSURE_TO,
    PRESSURE_WEIGHT,
    TRIVIAL,
    Outlook,
    decide,
    number_due,
    overhead_of,
    pressure,
    resize_nursery,
    weight_of,
)

# Nothing waits, and the last collection is so long ago that even dear ones are trivial.
EMPTY = Outlook(0, 0, 0.0, 0.0, 1.0, 0.0, 1e9)
# Half of what waits is garbage; its debt is below the cost; collected a moment ago.
WAITING = Outlook(20_000, 10_000, 0.1, 0.001, 0.010, 0.5, 0.020)
DUE = WAITING._replace(debt=0.011)


def verdict(young=EMPTY, middle=EMPTY, old=EMPTY, **readings):
    """Decide in an unhurried, unpressed process but for the readings given."""
    usual = {"gap": 0.0, "weight": 1.0, "old_allowed": True, "returning": False}
    return decide((young, middle, old), **(usual | readings))


def bytes_held(outlook, factor):
    """Return the outlook with garbage that takes more of the memory."""
    return outlook._replace(share=outlook.share * factor, debt=outlook.debt * factor)


class TestTheRule:
    """Each row of the table of cases, as readings in and a verdict out."""

    def test_reference_counting_already_freed_it_all(self):
        """With no objects waiting nothing is collected, however long ago the last one was."""
        assert verdict() == (None, Reason.NOT_DUE)

    def test_a_batch_left_cycles_behind(self):
        """Young garbage that has cost as much as collecting it would is collected young."""
        assert verdict(DUE, WAITING, WAITING) == (0, Reason.DUE)

    def test_the_debt_is_still_small(self):
        """Garbage held for a moment only is left for later."""
        assert verdict(WAITING, WAITING, WAITING) == (None, Reason.NOT_DUE)

    def test_the_next_chance_comes_too_late(self):
        """What would be overdue by the next decision is due at this one."""
        gap = (WAITING.cost - WAITING.debt) / WAITING.share
        assert verdict(WAITING, gap=gap * 0.99) == (None, Reason.NOT_DUE)
        assert verdict(WAITING, gap=gap * 1.01) == (0, Reason.DUE)

    def test_cycles_that_stay_alive_until_the_next_batch_replaces_them(self):
        """The less of the young is expected to be garbage, the more batches pass before."""
        hopeful, doubtful = WAITING, WAITING._replace(expected=1_000, share=0.01)
        gap = (hopeful.cost - hopeful.debt) / hopeful.share
        assert verdict(hopeful, gap=gap).generation == 0
        assert verdict(doubtful, gap=gap) == (None, Reason.NOT_DUE)

    def test_cycles_that_die_some_batches_later(self):
        """The middle generation is collected when its own debt is due, along with the young."""
        assert verdict(EMPTY, DUE, WAITING) == (1, Reason.DUE)
        assert verdict(DUE, DUE, WAITING) == (1, Reason.DUE)

    def test_an_older_one_waits_for_the_young(self):
        """Which may be in use as long as they are not worth it themselves."""
        assert verdict(WAITING, DUE) == (None, Reason.YOUNG_IN_USE)
        assert verdict(WAITING, WAITING, DUE) == (None, Reason.YOUNG_IN_USE)
        assert verdict(WAITING._replace(candidates=FEW - 1), DUE) == (1, Reason.DUE)
        assert verdict(WAITING, DUE, told=True) == (1, Reason.DUE)

    def test_it_does_not_wait_for_ever(self):
        """Only until it has cost so many times as much as collecting it."""
        late = WAITING._replace(debt=WAITING.cost * LATE)
        assert verdict(WAITING, late._replace(debt=late.debt * 0.99)).generation is None
        assert verdict(WAITING, late) == (1, Reason.DUE)
        assert verdict(WAITING, late, DUE) == (1, Reason.DUE)

    def test_an_old_structure_taken_apart(self):
        """A due full collection is run in place of the younger ones, which it contains."""
        assert verdict(DUE, DUE, DUE) == (2, Reason.DUE)
        assert verdict(EMPTY, EMPTY, DUE) == (2, Reason.DUE)

    def test_few_objects_with_many_bytes(self):
        """Objects count for the memory they hold: four arrays are due where four lists are not."""
        lists = WAITING._replace(candidates=4, expected=4, share=1e-9, debt=1e-9)
        assert verdict(lists) == (None, Reason.NOT_DUE)
        assert verdict(bytes_held(lists, 1e9)) == (0, Reason.DUE)

    def test_a_batch_that_only_builds(self):
        """Where nothing is expected to be garbage no number of objects is ever due."""
        built = Outlook(10_000_000, 0, 0.0, 0.0, 0.2, 0.0, 1.0)
        assert verdict(built, built, built, gap=1e6, weight=10.0) == (None, Reason.NOT_DUE)

    def test_memory_runs_short(self):
        """The weight of memory makes due what would not be otherwise."""
        assert verdict(WAITING, weight=9.0) == (None, Reason.NOT_DUE)
        assert verdict(WAITING, weight=PRESSURE_WEIGHT) == (0, Reason.DUE)

    def test_the_cost_is_trivial_next_to_the_time_since_the_last_one(self):
        """A collection that takes next to no share of the time needs no debt."""
        rested = WAITING.cost / TRIVIAL / WAITING.efficiency
        assert verdict(WAITING._replace(rested=rested * 0.99)) == (None, Reason.NOT_DUE)
        assert verdict(WAITING._replace(rested=rested * 1.01)) == (0, Reason.TRIVIAL)

    def test_a_generation_with_nothing_of_its_own_is_never_trivial(self):
        """No efficiency, no reason to promote the younger ones past it."""
        idle = WAITING._replace(share=0.0, efficiency=0.0, rested=1e9)
        assert verdict(WAITING, idle, idle) == (None, Reason.NOT_DUE)

    def test_fruitless_full_collections_have_had_their_share(self):
        """A due full collection waits for its share of time, and says so."""
        late = DUE._replace(debt=DUE.cost * LATE)
        assert verdict(EMPTY, WAITING, DUE, old_allowed=False) == (None, Reason.OVERHEAD)
        assert verdict(WAITING, WAITING, late, old_allowed=False) == (None, Reason.OVERHEAD)

    def test_the_young_need_not_wait_for_the_old(self):
        """While a full collection is not allowed, a due younger one is run."""
        assert verdict(DUE, WAITING, DUE, old_allowed=False) == (0, Reason.DUE)
        assert verdict(DUE, DUE, DUE, old_allowed=False) == (1, Reason.DUE)

    def test_automatic_collection_is_about_to_come_back(self):
        """It would examine the young at once, so collecting them is free; the old are not."""
        assert verdict(WAITING, WAITING, WAITING, returning=True) == (0, Reason.RETURNING)
        assert verdict(old=DUE, old_allowed=False, returning=True) == (0, Reason.RETURNING)
        assert verdict(WAITING, DUE, returning=True) == (1, Reason.DUE)

    def test_what_is_trivial_promotes_as_few_as_can_be(self):
        """Where several generations are trivial it is the youngest; but what is due comes first."""
        trivial = WAITING._replace(rested=1e9)
        assert verdict(trivial, trivial, trivial) == (0, Reason.TRIVIAL)
        assert verdict(trivial, DUE, trivial) == (1, Reason.DUE)

    def test_free_and_garbage_is_due_at_once(self):
        """Debt and cost are compared without a margin: equal is enough."""
        assert verdict(WAITING._replace(debt=0.25, cost=0.25)) == (0, Reason.DUE)


class TestNumberDue:
    """How many that come bit by bit make a collection worth it."""

    @pytest.mark.parametrize("wasted", [0.0, 1e-9, 1e-6])
    @pytest.mark.parametrize("held", [1e-15, 1e-12])
    def test_holding_so_many_costs_what_collecting_them_wastes(self, held, wasted):
        """What is held grows with the square of their number."""
        number = number_due(held, wasted, 20e-6)
        assert held * number**2 == pytest.approx(20e-6 + wasted * number)

    def test_nothing_held_is_never_due(self):
        """And no division by zero."""
        assert number_due(0.0, 1e-9, 1.0) == math.inf

    def test_what_is_held_without_end_is_due_at_once(self):
        """As where the clock stands still."""
        assert number_due(math.inf, 1e-9, 1.0) == 0.0


class TestPressure:
    """How short memory is, and what that does to its price and to the time granted."""

    def test_it_rises_between_its_two_ends(self):
        """Nothing below 70 %, all from 95 % on, in proportion between them."""
        assert pressure(PRESSURE_FROM * 100, 100) == 0.0
        assert pressure(1, 100) == 0.0
        assert pressure(PRESSURE_TO * 100, 100) == pytest.approx(1.0)
        assert pressure(200, 100) == 1.0
        assert pressure((PRESSURE_FROM + PRESSURE_TO) / 2, 1) == pytest.approx(0.5)

    @pytest.mark.parametrize("weight", [0.1, 1.0, 5.0])
    def test_the_weight_is_the_policys_own_and_up_to_ten_times_that(self, weight):
        """Pressure multiplies what the user has set."""
        policy = Policy(memory_weight=weight)
        assert weight_of(policy, 0.0) == weight
        assert weight < weight_of(policy, 0.5) < weight_of(policy, 1.0)
        assert weight_of(policy, 1.0) == pytest.approx(weight * PRESSURE_WEIGHT)

    def test_the_overhead_rises_to_a_fifth_of_the_time(self):
        """Under pressure fruitless full collections get more time, but never most of it."""
        assert overhead_of(Policy(), 0.0) == Policy().max_overhead
        assert Policy().max_overhead < overhead_of(Policy(), 0.5) < PRESSURE_OVERHEAD
        assert overhead_of(Policy(), 1.0) == pytest.approx(PRESSURE_OVERHEAD)

    def test_a_larger_overhead_of_the_users_own_stays(self):
        """Pressure never lowers what the user has granted."""
        assert overhead_of(Policy(max_overhead=0.5), 1.0) == 0.5


class TestNursery:
    """The young objects that a window admits before an automatic collection."""

    def test_wasted_collections_let_it_grow(self):
        """The more was wasted, the larger it gets, by a bounded step."""
        sizes = [resize_nursery(1000, wasted=wasted, held=1.0) for wasted in (2.0, 4.0, 1e9)]
        assert 1000 < sizes[0] < sizes[1] < sizes[2] < math.inf

    def test_holding_dear_garbage_lets_it_shrink(self):
        """The more holding has cost, the smaller it gets, by a bounded step."""
        sizes = [resize_nursery(1000, wasted=1.0, held=held) for held in (2.0, 4.0, 1e9)]
        assert 1000 > sizes[0] > sizes[1] > sizes[2] > 0

    def test_balance_leaves_it(self):
        """Where both cost the same the size is right."""
        assert resize_nursery(1000, wasted=1.0, held=1.0) == pytest.approx(1000)

    def test_no_garbage_at_all_lets_it_grow_as_fast_as_it_can(self):
        """Nothing held is no division by zero."""
        fastest = resize_nursery(1000, wasted=1e9, held=1.0)
        assert resize_nursery(1000, wasted=0.0, held=0.0) == fastest


class TestPolicy:
    """The knobs: what they accept, refuse and print."""

    def test_the_defaults(self):
        """Memory weighs as much as time, a twentieth of which may be fruitless."""
        policy = Policy()
        assert (policy.memory_weight, policy.max_overhead, policy.memory_limit) == (1.0, 0.05, None)
        assert policy.period is None

    def test_right_values_are_kept(self):
        """Whole numbers serve as well as broken ones; all can be given by name."""
        policy = Policy(memory_weight=3, max_overhead=1, memory_limit=2**30)
        assert (policy.memory_weight, policy.max_overhead, policy.memory_limit) == (3, 1, 2**30)

    @pytest.mark.parametrize(
        ("knob", "value", "error", "message"),
        [
            ("memory_weight", "1", TypeError, "memory_weight must be a number, got str: '1'"),
            ("memory_weight", True, TypeError, "memory_weight must be a number, got bool: True"),
            ("memory_weight", 0, ValueError, "memory_weight must be above 0 and finite, got 0"),
            ("memory_weight", -1.5, ValueError, "must be above 0 and finite, got -1.5"),
            ("memory_weight", math.inf, ValueError, "must be above 0 and finite, got inf"),
            ("memory_weight", math.nan, ValueError, "must be above 0 and finite, got nan"),
            ("memory_weight", 10**400, ValueError, "must be above 0 and finite, got 1000"),
            ("max_overhead", None, TypeError, "max_overhead must be a number, got NoneType: None"),
            ("max_overhead", 0.0, ValueError, "above 0 and at most 1, got 0.0"),
            ("max_overhead", 5, ValueError, "max_overhead is a share of time, above 0 and at most"),
            ("max_overhead", math.nan, ValueError, "above 0 and at most 1, got nan"),
            ("memory_limit", 1e9, TypeError, "or None to find the limit), got float: 1000000000.0"),
            ("memory_limit", True, TypeError, "memory_limit must be an integer (bytes, or None"),
            ("memory_limit", 0, ValueError, "memory_limit must be above 0 bytes, got 0"),
            ("memory_limit", -1, ValueError, "memory_limit must be above 0 bytes, got -1"),
        ],
    )
    def test_wrong_knobs_are_refused(self, knob, value, error, message):
        """The message names the knob, what was given and what is allowed."""
        with pytest.raises(error) as refusal:
            Policy(**{knob: value})
        assert type(refusal.value) is error
        assert message in str(refusal.value)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((2.0,), TypeError, "n must be an integer (a number of decisions), got float: 2.0"),
            ((True,), TypeError, "n must be an integer (a number of decisions), got bool: True"),
            ((0,), ValueError, "n must be at least 1, got 0; to collect never: Policy.never()"),
            ((-3,), ValueError, "n must be at least 1, got -3"),
            ((1, "2"), TypeError, "generation must be an integer (0, 1 or 2), got str: '2'"),
            ((1, False), TypeError, "generation must be an integer (0, 1 or 2), got bool: False"),
            ((1, 3), ValueError, "generation must be 0, 1 or 2, got 3"),
            ((1, -1), ValueError, "generation must be 0, 1 or 2, got -1"),
        ],
    )
    def test_wrong_schedules_are_refused(self, arguments, error, message):
        """A schedule needs a number of decisions and a generation."""
        with pytest.raises(error) as refusal:
            Policy.every(*arguments)
        assert message in str(refusal.value)

    def test_always_checks_its_generation(self):
        """Its one argument is refused like that of any schedule."""
        with pytest.raises(ValueError, match="generation must be 0, 1 or 2, got 3"):
            Policy.always(3)

    def test_always_is_every_first_decision(self):
        """Both are one schedule, of full collections unless told otherwise."""
        assert Policy.always() == Policy.every(1) == Policy.every(1, 2)
        assert Policy.always(0) == Policy.every(1, generation=0) != Policy.always(1)

    @pytest.mark.parametrize(
        ("policy", "shown"),
        [
            (
                Policy(),
                "Policy(memory_weight=1.0, max_overhead=0.05, memory_limit=None, trim=False)",
            ),
            (
                Policy(2, 0.1, 2**30),
                "Policy(memory_weight=2, max_overhead=0.1, memory_limit=1073741824, trim=False)",
            ),
            (Policy.never(), "Policy.never()"),
            (Policy.every(7, 0), "Policy.every(7, generation=0)"),
            (Policy.always(1), "Policy.every(1, generation=1)"),
        ],
    )
    def test_it_shows_how_it_is_made_and_travels(self, policy, shown):
        """The representation evaluates to an equal policy; so do pickling and copying."""
        assert repr(policy) == shown
        twins = [
            eval(shown, {"Policy": Policy}),
            copy.copy(policy),
            copy.deepcopy(policy),
            *(pickle.loads(pickle.dumps(policy, protocol)) for protocol in range(6)),
        ]
        for twin in twins:
            assert type(twin) is Policy
            assert twin == policy
            assert hash(twin) == hash(policy)

    def test_a_limit_that_cannot_be_printed(self):
        """Nor can what would not fit the line; the policy is told of all the same."""
        endless = Policy(memory_limit=10**5000)
        assert "memory_limit=<repr() failed>" in repr(endless)
        assert repr(Policy.every(10**5000)) == "Policy.every(<repr() failed>, generation=2)"

    @pytest.mark.parametrize(
        ("policy", "changes", "changed"),
        [
            (Policy(2.0, 0.1), {"memory_limit": 2**30}, Policy(2.0, 0.1, 2**30)),
            (Policy(), {"memory_weight": 3, "trim": True}, Policy(3, trim=True)),
            (Policy.every(7, 0), {"generation": 1}, Policy.every(7, 1)),
            (Policy.every(7, 0), {"period": 0, "generation": 2}, Policy.never()),
            (Policy.every(7), {"period": None}, Policy()),
            (Policy.always(), {}, Policy.always()),
        ],
    )
    def test_a_changed_copy(self, policy, changes, changed):
        """What copy.replace() calls from 3.13 on makes another policy, of the same kind."""
        for replace in (policy._replace, policy.__replace__):
            copied = replace(**changes)
            assert copied == changed
            assert type(copied) is Policy
        if hasattr(copy, "replace"):
            assert copy.replace(policy, **changes) == changed

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"memory_weight": -1}, ValueError, "memory_weight must be above 0 and finite, got -1"),
            ({"memory_limit": 0}, ValueError, "memory_limit must be above 0 bytes, got 0"),
            ({"trim": 1}, TypeError, "trim must be True or False, got int: 1"),
            ({"period": "x"}, TypeError, "period must be an integer (a number of decisions"),
            ({"period": -1}, ValueError, "0 for never), got -1"),
            ({"generation": 3}, ValueError, "generation must be 0, 1 or 2, got 3"),
            ({"weight": 1}, TypeError, "a policy has no 'weight', but memory_weight, max_ov"),
        ],
    )
    def test_a_copy_is_checked(self, changes, error, message):
        """Wrong changes are refused as by the policy's makers."""
        for policy in (Policy(), Policy.every(2)):
            with pytest.raises(error) as refusal:
                policy._replace(**changes)
            assert message in str(refusal.value)

    def test_it_cannot_be_changed(self):
        """A policy shared by many places is frozen, and takes no other attributes."""
        policy = Policy()
        with pytest.raises(AttributeError):
            policy.memory_weight = 2.0
        with pytest.raises(AttributeError):
            policy.weight = 2.0

    def test_a_subclass_keeps_its_kind(self):
        """The makers of schedules return the class they were called on."""

        class Mine(Policy):
            """A policy of somebody's own."""

        assert all(type(made) is Mine for made in (Mine(), Mine.never(), Mine.every(2)))
