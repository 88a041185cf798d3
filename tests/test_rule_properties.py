"""Properties of the rule, of the ledger and of schedules, whatever the readings."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcwise import Policy, Reason
from gcwise._collector import Collector
from gcwise._ledger import MOST_GARBAGE
from gcwise._policy import (
    GROWTH,
    PRESSURE_OVERHEAD,
    PRESSURE_WEIGHT,
    Outlook,
    decide,
    overhead_of,
    pressure,
    resize_nursery,
    weight_of,
)
from gcwise._site import LEAST_EFFICIENCY, OBJECT_BYTES
from gcwise._window import BATCH
from tests.fakes import FakeRuntime

# Garbage may be estimated to take nine times the memory of all else.
MOST_SHARE = MOST_GARBAGE / (1 - MOST_GARBAGE)

bounded = settings(max_examples=100, derandomize=True, deadline=None, database=None)

seconds = st.floats(0, 1e6)
objects = st.floats(0, 1e9)
shares = st.floats(0, 1)
factors = st.floats(1, 1e6)
outlooks = st.tuples(
    *3 * [st.builds(Outlook, objects, objects, shares, seconds, seconds, shares, seconds)]
)
readings = st.fixed_dictionaries(
    {
        "gap": seconds,
        "weight": st.floats(1e-6, 1e6),
        "old_allowed": st.booleans(),
        "returning": st.booleans(),
        "told": st.booleans(),
    }
)
policies = st.tuples(
    st.floats(1e-3, 1e3), st.floats(1e-3, 1), st.none() | st.integers(1, 2**40)
).map(lambda knobs: Policy(*knobs))


class TestRule:
    """What holds of every verdict."""

    @bounded
    @given(outlooks, readings)
    def test_only_what_waits_is_collected(self, seen, told):
        """The generation of a verdict has something waiting, or is about to be examined anyway."""
        generation, reason = decide(seen, **told)
        if reason is Reason.RETURNING:
            assert told["returning"]
            assert generation == 0
        elif generation is not None:
            assert seen[generation].candidates >= 1
            assert reason in {Reason.DUE, Reason.TRIVIAL}
        else:
            assert reason in {Reason.NOT_DUE, Reason.OVERHEAD, Reason.YOUNG_IN_USE}

    @bounded
    @given(outlooks, readings)
    def test_nothing_waits_for_young_that_are_collected(self, seen, told):
        """Where an older generation waits, something is due, and would be after a teardown."""
        if decide(seen, **told).reason is Reason.YOUNG_IN_USE:
            assert not told["told"]
            assert not told["returning"]
            assert decide(seen, **told | {"told": True}).reason in {Reason.DUE, Reason.OVERHEAD}

    @bounded
    @given(outlooks, readings)
    def test_never_a_full_collection_that_is_not_allowed(self, seen, told):
        """And if one is refused for that, it is because it would be run otherwise."""
        generation, reason = decide(seen, **told | {"old_allowed": False})
        assert generation != 2
        if reason is Reason.OVERHEAD:
            assert decide(seen, **told | {"old_allowed": True})[0] == 2

    @bounded
    @given(outlooks, readings, st.integers(0, 2), st.tuples(*4 * [factors]))
    def test_dearer_garbage_never_turns_a_yes_into_a_no(self, seen, told, which, by):
        """More debt, share, weight or gap collects as much as before, or more."""
        debt, share, weight, gap = by
        outlook = seen[which]
        dearer = list(seen)
        dearer[which] = outlook._replace(
            debt=outlook.debt * debt, share=min(outlook.share * share, 1.0)
        )
        more = told | {"weight": told["weight"] * weight, "gap": told["gap"] * gap}
        before, after = decide(seen, **told)[0], decide(tuple(dearer), **more)[0]
        assert before is None or after is not None
        assert (-1 if after is None else after) >= (-1 if before is None else before)

    @bounded
    @given(outlooks, readings, st.integers(0, 2), factors)
    def test_a_dearer_collection_never_turns_a_no_into_a_yes(self, seen, told, which, factor):
        """Where it was not worth it, it is still less so at a higher cost."""
        outlook = seen[which]
        dearer = list(seen)
        dearer[which] = outlook._replace(cost=outlook.cost * factor)
        if decide(seen, **told)[0] is None:
            assert decide(tuple(dearer), **told)[0] is None

    @bounded
    @given(policies, shares, shares)
    def test_short_memory_makes_it_dearer_within_bounds(self, policy, one, other):
        """Weight and overhead rise with the pressure, up to their limits."""
        less, more = sorted((one, other))
        assert weight_of(policy, less) <= weight_of(policy, more)
        assert weight_of(policy, more) <= policy.memory_weight * PRESSURE_WEIGHT * (1 + 1e-9)
        most = max(policy.max_overhead, PRESSURE_OVERHEAD) * (1 + 1e-9)
        assert overhead_of(policy, less) <= overhead_of(policy, more) <= most

    @bounded
    @given(st.integers(0, 2**50), st.integers(0, 2**50), st.integers(1, 2**50))
    def test_pressure_is_a_share_that_rises_with_memory(self, one, other, limit):
        """From 0 to 1 whatever is in use."""
        less, more = sorted((one, other))
        assert 0 <= pressure(less, limit) <= pressure(more, limit) <= 1

    @bounded
    @given(st.floats(1, 1e9), seconds, seconds)
    def test_a_nursery_changes_by_bounded_steps(self, size, wasted, held):
        """It grows where more was wasted than held, else it does not."""
        new = resize_nursery(size, wasted=wasted, held=held)
        assert size / GROWTH * (1 - 1e-9) <= new <= size * GROWTH * (1 + 1e-9)
        if held > wasted:
            assert new <= size
        if wasted > held:
            assert new >= size


def step(name, *arguments):
    """Return a strategy for one step of a program."""
    return st.tuples(st.just(name), *arguments)


sites = st.sampled_from("abc")
steps = st.lists(
    st.one_of(
        step("make", st.integers(1, 100_000), st.integers(0, 2**28), st.booleans()),
        step("die", st.integers(0, 99)),
        step("free", st.integers(0, 99)),
        step("spend", st.sampled_from([0.0, 1e-6, 1e-3, 0.02, 1.0, 1e4])),
        step("collect", st.integers(0, 2)),
        step("decide", sites),
        step("decide", sites),
        step("teardown", sites),
        step("look", sites),
        step("batch", sites, st.integers(1, 20_000)),
        step("busy"),
        step("fork"),
    ),
    max_size=60,
)


class Program:
    """Takes steps over a simulated heap, and checks what must hold after each."""

    def __init__(self, live, limit):
        self.runtime = FakeRuntime(live, enabled=True, limit=limit)
        self.collector = Collector(self.runtime)
        self.alive = []

    def make(self, number, size, alive):
        """Allocate."""
        made = self.runtime.make(number, size, alive=alive)
        if alive:
            self.alive.append(made)

    def die(self, which):
        """Drop the last reference to something that is part of a cycle."""
        if self.alive:
            self.alive.pop(which % len(self.alive)).die()

    def free(self, which):
        """Drop the last reference to something that is not."""
        if self.alive:
            self.runtime.free(self.alive.pop(which % len(self.alive)))

    def spend(self, seconds):
        """Work."""
        self.runtime.spend(seconds)

    def collect(self, generation):
        """Collect without asking."""
        self.runtime.collect(generation)

    def busy(self):
        """Begin or end a collection elsewhere, during which others do nothing."""
        self.runtime.under_way = not self.runtime.under_way

    def fork(self):
        """Go on in a child."""
        self.collector.after_fork()

    def decide(self, site, **readings):
        """Decide, and see that what was done is what was decided."""
        before = len(self.runtime.collections)
        decision = self.collector.decide(site, **readings)
        if decision:
            assert decision.generation == decision.collection.generation
            assert decision.generation == self.runtime.collections[-1]
            assert decision.collection.candidates >= decision.collection.collected
        else:
            assert decision.collection is None
            assert self.runtime.under_way or before == len(self.runtime.collections)
        self.tell(decision)

    def teardown(self, site):
        """Decide after something was taken apart."""
        self.decide(site, teardown=True)

    def look(self, site):
        """Look, and see that nothing is done."""
        before = self.runtime.collections[:]
        decision = self.collector.look(site)
        assert decision.collection is None
        assert self.runtime.collections == before
        self.tell(decision)

    def batch(self, site, number):
        """Work in a window, and decide before it closes."""
        thresholds = self.runtime.get_threshold()
        self.collector.window.open(BATCH, "scope")
        self.make(number, number * 100, alive=False)
        self.decide(site, window=BATCH)
        self.collector.window.close(BATCH, "scope")
        assert self.runtime.get_threshold() == thresholds

    def tell(self, decision):
        """See that a decision has plausible figures and can say them."""
        figures = (decision.candidates, decision.expected, decision.cost, decision.debt)
        assert all(0 <= figure < math.inf for figure in figures)
        assert str(decision)

    def check(self):
        """See that the ledger's figures are finite, and within their bounds."""
        ledger = self.collector._ledger
        for generation in ledger.generations:
            assert LEAST_EFFICIENCY <= generation.efficiency <= 1
            assert 0 <= generation.share <= MOST_SHARE * (1 + 1e-9)
            figures = (generation.objects, generation.size, generation.hinted, generation.debt)
            assert all(0 <= figure < math.inf for figure in figures)
        figures = (ledger.gap, ledger.fruitless, *ledger.prices.seconds)
        assert all(0 <= figure < math.inf for figure in figures)
        for site in self.collector.sites.values():
            assert LEAST_EFFICIENCY <= site.efficiency <= 1
            assert 0 < site.tracked <= 1
            assert OBJECT_BYTES <= site.object_bytes < math.inf
            assert all(0 <= objects < math.inf for objects in site.yields)


class TestPrograms:
    """What holds after every step of any program."""

    @bounded
    @given(steps, st.sampled_from([0, 1_000, 5_000_000]), st.sampled_from([2**26, 2**40]))
    def test_the_figures_stay_sound(self, taken, live, limit):
        """Finite, not negative, shares and efficiencies within their bounds."""
        program = Program(live, limit)
        for name, *arguments in taken:
            getattr(program, name)(*arguments)
            program.check()

    @bounded
    @given(st.lists(st.integers(1, 10**6), max_size=10), st.lists(seconds, min_size=1, max_size=5))
    def test_debts_only_grow_until_something_is_collected(self, batches, rests):
        """Whatever time passes, and whatever comes."""
        runtime = FakeRuntime()
        collector = Collector(runtime)
        before = [0.0, 0.0, 0.0]
        for number, rest in zip(batches, rests, strict=False):
            runtime.make(number, alive=False)
            runtime.spend(rest)
            collector.look("x")
            debts = [generation.debt for generation in collector._ledger.generations]
            assert all(new >= old for old, new in zip(before, debts, strict=True))
            before = debts

    @bounded
    @given(
        st.integers(1, 9),
        st.integers(0, 2),
        st.lists(st.tuples(sites, st.integers(0, 3), st.booleans()), max_size=60),
    )
    def test_a_schedule_is_every_nth_decision_of_a_site(self, n, generation, asked):
        """Neither more nor less, whatever is interleaved: sites, looks, garbage, teardowns."""
        runtime = FakeRuntime()
        collector = Collector(runtime)
        policy = Policy.every(n, generation)
        turns = dict.fromkeys("abc", 0)
        for site, looks, teardown in asked:
            turns[site] += 1
            due = None if turns[site] % n else generation
            runtime.make(1_000, alive=False)
            assert {collector.look(site, policy).generation for _ in range(looks)} <= {due}
            assert collector.decide(site, policy, teardown=teardown).generation == due
        assert len(runtime.collections) == sum(count // n for count in turns.values())

    @bounded
    @given(steps)
    def test_switched_off_nothing_happens(self, taken):
        """Whatever a program asks, no collection is run and no site is kept."""
        program = Program(1_000, 2**40)
        program.collector.configure(active=False)
        wanted = sum(name == "collect" for name, *_ in taken)
        for name, *arguments in taken:
            if name != "batch":
                getattr(program, name)(*arguments)
        tried = [call for call in program.runtime.calls if call.startswith("collect")]
        assert len(tried) == wanted
        assert not program.collector.sites


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_all_garbage_is_found_in_the_end(generation):
    """Garbage of any generation that goes on to take memory is collected by and by."""
    runtime = FakeRuntime(10_000)
    collector = Collector(runtime)
    kept = runtime.make(500_000)
    for young in range(generation):
        runtime.collect(young)
    collector.decide("x")
    kept.die()
    for _ in range(200):
        runtime.spend(1.0)
        collector.decide("x")
    assert runtime.waiting() == [0, 0, 0]
