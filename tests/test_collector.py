"""The collector in whole scenarios, over a simulated heap: what it decides, collects and learns."""

import importlib.util
import itertools
import os
import threading
from collections import OrderedDict

import pytest

from gcwise import Policy, Reason, _collector
from gcwise._collector import MOST_SITES, Collector
from gcwise._policy import FEW, OBJECT_BYTES, PRESSURE_OVERHEAD, TRIVIAL
from gcwise._prices import OVERHEAD
from gcwise._quiet import LONG_QUIET, QUIET
from gcwise._runtime import READ_INTERVAL
from gcwise._site import LEAST_EFFICIENCY
from gcwise._window import BATCH
from tests.fakes import OBJECT, PROGRAM, FakeRuntime

# Objects of a batch, seconds of its work.
MANY, WORK = 20_000, 0.02
MIB = 2**20


class Job:
    """A program that does its work in batches, beside a live heap, and asks at the end of each."""

    def __init__(self, live=100_000, **heap):
        self.runtime = FakeRuntime(live, **heap)
        self.collector = Collector(self.runtime)
        self.kept = []

    def run(self, batches, work, name="job", *, seconds=WORK, policy=None):
        """Return the decisions at the end of so many batches."""
        decisions = []
        for _ in range(batches):
            work(self)
            self.runtime.spend(seconds)
            decisions.append(self.collector.decide(name, policy))
        return decisions

    def teardown(self, name="close", *, seconds=60.0, policy=None):
        """Return the decision after an old structure was taken apart."""
        self.runtime.spend(seconds)
        return self.collector.decide(name, policy, teardown=True)

    def structure(self, number=MANY, generation=2):
        """Build a structure that has survived into a generation."""
        built = self.runtime.make(number)
        for young in range(generation):
            self.runtime._run(young)
        return built

    @property
    def collections(self):
        """The generations that were explicitly collected so far."""
        return self.runtime.collections


@pytest.fixture
def job():
    """Return a job beside 100,000 live objects."""
    return Job()


def cycles(job):
    """Leave a batch's cycles behind."""
    job.runtime.make(MANY, alive=False)


def freed(job):
    """Leave nothing behind: reference counting frees it all."""
    job.runtime.free(job.runtime.make(MANY))


def built(job):
    """Keep all that the batch made."""
    job.kept.append(job.runtime.make(MANY))


def window_of(batches):
    """Return work whose cycles stay alive for so many batches more."""

    def work(job):
        built(job)
        if len(job.kept) > batches:
            job.kept.pop(0).die()

    return work


def arrays(job):
    """Leave four objects behind that hold 40 MiB."""
    job.runtime.make(4, 40 * MIB, alive=False)


def generations(decisions):
    """Return what was collected at each decision."""
    return [decision.generation for decision in decisions]


def waits(decisions):
    """Return how many decisions against a collection there were before each for one."""
    yes = [number for number, decision in enumerate(decisions) if decision]
    return [after - before - 1 for before, after in itertools.pairwise(yes)]


@pytest.mark.parametrize("weight", [0.02, 1, 50])
def test_figures_bear_the_reason_out(weight):
    """What keeping garbage costs is told at the price of memory that the decision goes by."""
    job = Job()
    decisions = job.run(60, cycles, seconds=1e-4, policy=Policy(memory_weight=weight))

    assert {Reason.DUE, Reason.NOT_DUE} & {each.reason for each in decisions}
    for each in decisions:
        if each.reason is Reason.DUE:
            assert each.debt >= each.cost
        elif each.reason is Reason.NOT_DUE:
            assert each.debt < each.cost


class TestCases:
    """What it must do, one scenario for each row of the table of cases."""

    def test_reference_counting_already_freed_it_all(self, job):
        """Nothing is collected where nothing is left."""
        decisions = job.run(50, freed)
        assert not any(decisions)
        assert {decision.reason for decision in decisions} == {Reason.NOT_DUE}
        assert job.collections == []

    def test_a_batch_left_cycles_behind(self, job):
        """Each batch's cycles are freed at its end, by a young collection."""
        decisions = job.run(50, cycles)
        assert job.collections == [0] * 50
        assert job.runtime.waiting() == [0, 0, 0]
        for decision in decisions:
            done = decision.collection
            assert (done.generation, done.collected, done.uncollectable) == (0, MANY, 0)
            assert done.candidates == decision.candidates == decision.expected == MANY
            assert done.duration > 0

    def test_a_batch_ends_at_the_same_cost_whatever_the_heap(self):
        """Beside 100 k and 5 M live objects it makes the same calls and takes the same time."""
        small, large = Job(100_000), Job(5_000_000)
        for job in (small, large):
            job.run(20, cycles)
            job.run(20, freed)
        assert small.runtime.calls == large.runtime.calls
        assert small.runtime.now == large.runtime.now
        assert max(large.collections) == 0

    def test_cycles_that_stay_alive_until_the_next_batch_replaces_them(self, job):
        """Not every batch is collected, and yet the garbage stays a few batches'."""
        batches = 300
        decisions = job.run(batches, window_of(1))
        assert 0 < len(job.collections) < 0.9 * batches
        assert set(generations(decisions)) >= {None, 0}
        assert sum(job.runtime.waiting()) < 0.2 * batches * MANY

    def test_cycles_that_die_some_batches_later(self, job):
        """They have been promoted by then, and the middle generation is collected for them."""
        decisions = job.run(200, window_of(4))
        assert 1 in generations(decisions)
        assert len(job.collections) < 200
        assert sum(job.runtime.waiting()) < 0.2 * 200 * MANY

    def test_an_old_structure_taken_apart(self, job):
        """At first every generation is tried, then only the one that had the garbage."""
        for _ in range(2):
            job.structure().die()
            decision = job.teardown()
            assert job.collections == [0, 1, 2]
            assert (decision.generation, decision.reason) == (2, Reason.EXPLORING)
            assert decision.collection.collected == MANY
            assert decision.collection.generation == 2
            job.collections.clear()
        job.structure().die()
        decision = job.teardown()
        assert job.collections == [2]
        assert decision.reason in {Reason.DUE, Reason.TRIVIAL}
        assert decision.collection.collected == MANY
        assert job.runtime.waiting() == [0, 0, 0]

    def test_a_young_structure_taken_apart(self, job):
        """Where a teardown leaves its garbage young, the old generation is soon let be."""
        for _ in range(4):
            job.runtime.make(MANY, alive=False)
            job.teardown(seconds=1.0)
        assert job.collections[:3] == [0, 1, 2]
        assert job.collections[-2:] == [0, 0]

    def test_a_teardown_that_is_not_worth_it_yet(self, job):
        """Its site has proved worth collecting, so a refusal has the usual reason."""
        for _ in range(3):
            job.run(1, cycles, "elsewhere")
            job.structure().die()
            assert job.teardown()
        decision = job.teardown(seconds=0.0, policy=Policy(1e-6))
        assert (decision.generation, decision.reason) == (None, Reason.NOT_DUE)

    def test_a_teardown_where_nothing_is_ever_freed(self):
        """The trials of all generations back off, doubling, and say that they were fruitless."""
        job = Job(1_000_000)
        decisions = [job.teardown(seconds=600.0) for _ in range(40)]
        tried = [n for n, decision in enumerate(decisions) if decision.reason is Reason.EXPLORING]
        pauses = [after - before - 1 for before, after in itertools.pairwise(tried)]
        assert pauses[:2] == sorted(pauses[:2])
        assert pauses[-1] >= 2 * pauses[-2] > 0
        refused = [decision for decision in decisions if not decision]
        assert len(refused) > len(decisions) / 2
        assert {decision.reason for decision in refused} == {Reason.FRUITLESS}

    def test_a_fruitless_site_is_collected_half_as_often_each_time(self, job):
        """Young collections that free nothing make the next one wait longer."""
        young = [decision for decision in job.run(300, built) if decision.generation != 1]
        pauses = waits(young)
        assert pauses[:4] == sorted(pauses[:4])
        assert max(pauses) > 8 * pauses[1] > 0
        assert len(job.collections) < 300 / 20

    def test_few_objects_with_many_bytes(self, job):
        """Four young objects are collected if memory grew with them."""
        job.run(1, freed)
        assert generations(job.run(20, arrays)) == [0] * 20
        assert job.runtime.waiting() == [0, 0, 0]

    def test_few_objects_with_few_bytes(self, job):
        """Four young objects are not worth the call."""
        decisions = job.run(5, lambda job: job.runtime.make(4, alive=False), seconds=0.0001)
        assert not any(decisions)

    def test_a_batch_that_only_builds(self, job):
        """After the first ones collections all but end, and take next to no time."""
        job.run(20, built)
        before, started = len(job.collections), job.runtime.now
        job.run(100, built)
        assert len(job.collections) - before <= 5
        assert job.runtime.now - started < 1.05 * 100 * WORK

    def test_memory_runs_short(self):
        """The same work is collected sooner when the limit is near."""

        def first_collection(limit):
            job = Job(limit=limit)
            job.run(10, built, seconds=0.0)
            done = len(job.collections)
            job.run(200, window_of(1), seconds=0.001)
            return len(job.collections) - done

        resident = PROGRAM + 110_000 * OBJECT
        assert first_collection(resident) > 1.2 * first_collection(100 * resident)

    def test_a_memory_limit_of_the_users_own_comes_first(self):
        """Garbage is due sooner where that limit is near, whatever the machine has."""

        def due_after(policy):
            job = Job()
            job.run(1, freed, seconds=1.0)
            job.run(1, cycles, seconds=0.0)
            job.runtime.make(4_000)
            while not job.collector.decide("job", policy):
                job.runtime.spend(0.000_05)
            return job.runtime.now

        assert due_after(Policy(memory_limit=PROGRAM)) < due_after(Policy(memory_limit=2**40))

    def test_the_cost_is_trivial_next_to_the_time_since_the_last_one(self, job):
        """After a long rest a few objects are collected though they hold next to nothing."""
        rest = OVERHEAD / TRIVIAL
        few = job.run(1, lambda job: job.runtime.make(2, alive=False), seconds=rest / 2)
        assert few[0].reason is Reason.NOT_DUE
        job.runtime.spend(rest)
        decision = job.collector.decide("job")
        assert (decision.generation, decision.reason) == (0, Reason.TRIVIAL)

    def test_a_site_that_begins_to_leave_cycles(self, job):
        """A site that only built is collected again soon after it begins to leave garbage."""
        job.run(5, built)
        assert generations(job.run(30, cycles))[-10:] == [0] * 10

    def test_a_site_that_stops_leaving_cycles(self, job):
        """A few collections find it out."""
        job.run(20, cycles)
        decisions = job.run(40, built)
        assert sum(map(bool, decisions[:10])) <= 6
        assert sum(map(bool, decisions[10:])) <= 3

    def test_sites_learn_apart(self, job):
        """One that leaves cycles is collected young though another only builds."""
        for _ in range(30):
            job.run(1, built, "index")
        for _ in range(10):
            job.run(1, cycles, "parse")
        sites = job.collector.sites
        assert sites["parse"].efficiency > 2 * sites["index"].efficiency


class TestGuardRails:
    """What it must never do."""

    @pytest.mark.parametrize(("limit", "share"), [(2**40, 0.05), (PROGRAM, PRESSURE_OVERHEAD)])
    def test_fruitless_full_collections_take_a_share_of_the_time_only(self, limit, share):
        """Even where memory grows and grows, and even when it is short."""
        job = Job(1_000_000, limit=limit)
        decisions = job.run(
            400, lambda job: job.kept.append(job.runtime.make(4, 10 * MIB)), seconds=0.05
        )
        full = [d.collection.duration for d in decisions if d.generation == 2]
        assert sum(full) <= share * job.runtime.now + max(full, default=0.0)

    def test_a_full_collection_that_has_to_wait_says_so(self):
        """However much is known to wait in the old generation, a fruitless one was just run."""
        job = Job(1_000_000)
        for _ in range(6):
            job.structure(500_000).die()
            job.teardown("close")
        job.teardown("fruitless")
        job.structure(500_000).die()
        decision = job.teardown("close", seconds=0.0)
        assert (decision.generation, decision.reason) == (None, Reason.OVERHEAD)
        assert decision.expected >= 500_000
        assert job.teardown("close").collection.collected == 500_000

    def test_a_teardown_without_time_for_the_old_tries_the_young(self):
        """Fruitless trials of everything, one after the other, would take all the time."""
        job = Job(1_000_000)
        job.teardown()
        assert job.collections == [0, 1, 2]
        decision = job.teardown(seconds=0.1)
        assert job.collections == [0, 1, 2, 0, 1]
        assert (decision.generation, decision.reason) == (1, Reason.EXPLORING)

    @pytest.mark.parametrize("generation", [0, 1, 2])
    def test_somebody_elses_collection_clears_the_debts(self, job, generation):
        """What others have collected up to a generation is not collected again."""
        job.run(3, built, seconds=0.0)
        cycles(job)
        job.runtime.spend(WORK)
        assert job.collector.look("job")
        job.runtime._run(generation)
        decision = job.collector.decide("job")
        assert decision.generation is None or decision.generation > generation
        debts = [each.debt for each in job.collector._ledger.generations]
        assert debts[: generation + 1] == [0.0] * (generation + 1)

    def test_automatic_collection_is_somebody_else(self):
        """Where it has freed the cycles already, there is nothing left to do."""
        job = Job(enabled=True)
        decisions = job.run(20, cycles)
        assert not any(decisions)

    @pytest.mark.parametrize(("work", "efficiency"), [(cycles, 1.0), (built, 0.5)])
    def test_the_users_own_collection_after_a_look_is_learned_from(self, job, work, efficiency):
        """It teaches the site that was looked at, at the next decision anywhere."""
        work(job)
        job.runtime.spend(WORK)
        decision = job.collector.look("job")
        job.runtime.collect(decision.generation)
        job.collector.decide("elsewhere")
        assert job.collector.sites["job"].efficiency == efficiency
        assert job.collector.sites["elsewhere"].efficiency == 1.0

    def test_a_look_that_was_acted_on_is_over(self, job):
        """A collection after that is anybody's, and teaches the site nothing."""
        cycles(job)
        job.runtime.spend(WORK)
        assert job.collector.look("job")
        assert job.collector.decide("job").collection.collected == MANY
        job.runtime.collect(0)
        job.run(1, freed, "elsewhere")
        assert job.collector.sites["job"].efficiency == 1.0

    def test_one_collection_at_a_time(self, job):
        """A finalizer or callback that asks while one is decided on is told that it is busy."""
        told = []

        def callback(phase, info):
            told.append(job.collector.decide("callback").reason)
            told.append(job.collector.look("callback").reason)
            told.append(job.collector.decide("callback", teardown=True).reason)

        job.runtime.callbacks.append(callback)
        assert job.run(1, cycles)[0].collection.collected == MANY
        assert set(told) == {Reason.BUSY}
        assert len(told) == 6
        assert job.collections == [0]

    def test_a_second_thread_lets_it_be(self, job):
        """It does not wait for the thread that collects."""
        told = []

        def callback(phase, info):
            thread = threading.Thread(
                target=lambda: told.append(job.collector.decide("second").reason)
            )
            thread.start()
            thread.join()

        job.runtime.callbacks.append(callback)
        job.run(1, cycles)
        assert told == [Reason.BUSY] * 2

    @pytest.mark.parametrize("teardown", [False, True])
    @pytest.mark.parametrize("policy", [None, Policy.always()])
    def test_a_collection_that_did_nothing_is_not_learned_from(self, job, teardown, policy):
        """While another is under way gc returns at once: that is not fruitless, but busy."""
        cycles(job)
        job.runtime.spend(WORK)
        job.runtime.under_way = True
        decision = job.collector.decide("job", policy, teardown=teardown)
        assert (decision.generation, decision.reason) == (None, Reason.BUSY)
        assert decision.collection is None
        assert job.collector.sites["job"].efficiency == 1.0
        job.runtime.under_way = False
        assert job.collector.decide("job", policy, teardown=teardown).collection.collected == MANY

    def test_resident_memory_is_read_at_most_once_in_five_milliseconds(self, job):
        """However often it is asked and decided."""
        for number in range(1000):
            job.runtime.spend(0.000_1)
            job.collector.look(f"{number % 7}")
            job.collector.decide(f"{number % 5}")
        assert job.runtime.reads <= 1 + job.runtime.now / READ_INTERVAL

    def test_memory_freed_is_told_only_when_read(self, job):
        """A reading from before the collection proves nothing of it."""
        quick = job.run(1, cycles)[0].collection
        assert quick.duration < READ_INTERVAL
        assert quick.memory_freed is None
        slow = job.run(1, lambda job: job.runtime.make(10 * MANY, alive=False))[0].collection
        assert slow.duration > READ_INTERVAL
        assert slow.memory_freed == 10 * MANY * OBJECT

    def test_memory_that_did_not_fall_is_not_told_as_negative(self, job):
        """Allocators keep what was freed, and may have grown meanwhile."""
        job.runtime.callbacks.append(lambda phase, info: job.structure(1, 0))
        slow = job.run(1, lambda job: job.kept.append(job.runtime.make(40 * MANY)))[0].collection
        assert slow.memory_freed == 0


class TestQuiet:
    """A decision against a collection is not taken again at once."""

    @pytest.fixture
    def rested(self, job):
        """Return a job after such a decision."""
        assert not job.run(1, lambda job: job.runtime.make(10), seconds=0.0)[0]
        return job

    def test_before_the_first_decision_nothing_is_skipped(self, job):
        """Nothing is known yet."""
        assert job.collector.quiet.skipped(None, "here") is None

    def test_for_a_moment_it_holds(self, rested):
        """The young objects are counted and nothing else is done."""
        assert rested.collector.quiet.skipped(None, "here") == 10
        rested.runtime.spend(QUIET * 1.01)
        assert rested.collector.quiet.skipped(None, "here") is None

    def test_many_new_objects_end_it(self, rested):
        """A few do not, nor many while they hold next to nothing; but not beyond the threshold."""
        scope, threshold = object(), rested.runtime.get_threshold()[0]
        rested.collector.window.open(BATCH, scope)
        rested.runtime.make(FEW)
        assert rested.collector.quiet.skipped(None, "here", BATCH) == FEW + 10
        rested.runtime.make(threshold)
        assert rested.collector.quiet.skipped(None, "here", BATCH) is None

    def test_as_many_as_would_be_due_end_it(self, job):
        """At the pace at which they came, for what is held grows with their square."""
        job.runtime.set_threshold(10**9)
        job.run(1, cycles, seconds=1.0)
        few, seconds = 5_000, 0.000_05
        assert not job.run(1, lambda job: job.runtime.make(few, alive=False), seconds=seconds)[0]
        job.runtime.make(FEW // 2)
        assert job.collector.quiet.skipped(None, "here") == few + FEW // 2
        job.runtime.make(3 * few)
        assert job.collector.quiet.skipped(None, "here") is not None
        job.runtime.make(3 * few)
        assert job.collector.quiet.skipped(None, "here") is None

    def test_a_policy_of_its_own_is_always_asked(self, rested):
        """The decision that holds was another policy's."""
        assert rested.collector.quiet.skipped(Policy(), "here") is None

    @pytest.mark.parametrize("settings", [(Policy(2.0),), (None,)])
    def test_new_settings_end_it(self, rested, settings):
        """Who sets a policy or switches gcwise on or off wants it to hold at once."""
        rested.collector.configure(*settings)
        assert rested.collector.quiet.skipped(None, "here") is None

    def test_it_is_not_for_schedules(self, job):
        """There each decision counts."""
        job.collector.configure(Policy.every(3))
        job.run(1, freed)
        job.run(1, freed, policy=Policy())
        assert job.collector.quiet.skipped(None, "here") is None

    def test_after_a_collection_it_holds_too(self, job):
        """Nothing waits then."""
        job.run(1, cycles)
        assert job.collector.quiet.skipped(None, "here") == 0


class TestByCount:
    """In the moment after a look the number of young objects decides at batches' ends."""

    @pytest.fixture
    def looked(self, job):
        """Return a job that has just collected a batch's cycles, of which a fifth would be due."""
        job.run(10, cycles)
        assert job.collector.quiet.holds()
        return job

    def end(self, job, objects, **window):
        """Return the decision at the end of a batch that took no time."""
        job.runtime.make(objects, alive=False)
        return job.collector.end("job", None, **window)

    def test_as_many_as_were_due_are_collected(self, looked):
        """And what they do is learned, and said, as after a look."""
        stats = looked.runtime.calls.count("stats")
        decision = self.end(looked, MANY)
        assert (decision.generation, decision.reason) == (0, Reason.DUE)
        assert decision.debt >= decision.cost > 0
        assert (decision.candidates, decision.collection.collected) == (MANY, MANY)
        assert looked.runtime.calls.count("stats") == stats + 2
        assert looked.collector.quiet.skipped(None, "here") == 0

    def test_fewer_are_not(self, looked):
        """They would have cost less to hold than a collection wastes."""
        decision = self.end(looked, 30)
        assert (decision.generation, decision.reason) == (None, Reason.NOTHING_NEW)
        assert decision.cost > decision.debt > 0
        assert (decision.candidates, decision.expected) == (30, 30)

    def test_what_automatic_collection_would_examine_is(self):
        """Where a window closes with more than the program's own threshold."""
        job = Job(5_000_000, enabled=True)
        job.run(10, freed)
        job.collector.window.open(BATCH, "scope")
        young = job.runtime.get_threshold()[0]
        job.runtime.make(701)
        decision = job.collector.end("job", None, window=BATCH)
        assert young > 701
        assert (decision.generation, decision.reason) == (0, Reason.RETURNING)
        assert decision.debt < decision.cost
        job.collector.window.close(BATCH, "scope")

    def test_a_fruitless_one_is_learned_from(self, looked):
        """Its site is expected to leave less."""
        before = looked.collector.sites["job"].efficiency
        looked.runtime.make(MANY)
        assert looked.collector.end("job", None)
        assert looked.collector.sites["job"].efficiency == pytest.approx(before / 2)

    def test_another_collection_is_under_way(self, looked):
        """Then it lets it be."""
        looked.runtime.under_way = True
        decision = self.end(looked, MANY)
        assert (decision.generation, decision.reason) == (None, Reason.BUSY)

    def test_the_next_look_notices_it(self, looked):
        """Nothing is expected to wait any more, and debts have begun anew."""
        self.end(looked, MANY)
        looked.runtime.spend(LONG_QUIET * 1.01)
        decision = looked.collector.end("job", None)
        assert decision.generation is None
        assert decision.candidates == 0

    def test_afterwards_it_is_a_look_that_decides(self, looked):
        """As it is for a policy of its own, and where nothing was looked at yet."""
        assert looked.collector.end("job", Policy(memory_weight=1e-9)).reason is Reason.NOT_DUE
        looked.collector.quiet.wake()
        looked.runtime.make(10, alive=False)
        assert looked.collector.end("job", None).reason is Reason.NOT_DUE

    def test_switched_off(self, looked):
        """Nothing is done."""
        looked.collector.active = False
        assert self.end(looked, MANY).reason is Reason.INACTIVE


class TestAmongOthers:
    """What other batches have made so far is in use until they end."""

    @pytest.fixture
    def busy(self, job):
        """Return a job with another batch open, whose objects are in use."""
        job.collector.window.open(BATCH, "other")
        job.others = []
        return job

    @staticmethod
    def work(job):
        """Make something in this batch, and as much in the other."""
        job.runtime.make(MANY // 2, alive=False)
        job.others.append(job.runtime.make(MANY // 2))

    @pytest.mark.parametrize("by_count", [False, True])
    def test_what_is_expected_there_is_learned_apart(self, busy, by_count):
        """Where others are under way half is in use; at the end of the last nothing is."""
        end = busy.collector.end if by_count else busy.collector.decide
        for _ in range(20):
            busy.collector.window.open(BATCH, "this")
            self.work(busy)
            busy.runtime.spend(WORK)
            end("job", None, window=BATCH)
            busy.collector.window.close(BATCH, "this")
            busy.runtime.make(MANY, alive=False)
            while busy.others:
                busy.others.pop().die()
            busy.runtime.spend(WORK)
            end("job", None, window=BATCH)
        site = busy.collector.sites["job"]
        assert site.among().efficiency < 0.7
        assert site.efficiency > 0.9

    def test_a_question_is_asked_there_too(self, busy):
        """What follows its advice is learned where it was given."""
        busy.collector.end("job", None)
        for _ in range(20):
            busy.runtime.spend(60.0)
            self.work(busy)
            if decision := busy.collector.look("job"):
                busy.runtime.collect(decision.generation)
                busy.runtime.spend(60.0)
                busy.collector.decide("job")
        assert busy.collector.sites["job"].among().efficiency < 0.8
        assert busy.collector.sites["job"].efficiency == 1.0

    def test_an_older_generation_waits_for_the_young(self, busy):
        """Which are in use until the tasks that made them end; it would promote them."""
        decisions = []
        for _ in range(60):
            made = busy.runtime.make(MANY)
            for _ in range(10):
                decisions += busy.run(
                    1, lambda job: job.runtime.make(20, alive=False), seconds=1e-3
                )
                if decisions[-1].reason is Reason.YOUNG_IN_USE:
                    # Else they would be collected by count, and the older one go on waiting.
                    assert not busy.collector.quiet.holds()
            made.die()
        reasons = [decision.reason for decision in decisions]
        waiting = decisions[reasons.index(Reason.YOUNG_IN_USE) :]
        assert next(decision.generation for decision in waiting if decision) == 1
        assert str(waiting[0]).startswith("no collection: an older generation is due, and waits")

    def test_what_a_teardown_left_does_not_wait(self, busy):
        """It is known to be garbage, however many young objects are in use."""
        for _ in range(2):
            busy.structure(generation=1).die()
            assert busy.teardown(seconds=WORK).reason is Reason.EXPLORING
        busy.structure(generation=1).die()
        busy.runtime.make(3 * MANY)
        busy.collector.sites["close"].efficiency = LEAST_EFFICIENCY
        decision = busy.teardown(seconds=WORK)
        assert (decision.generation, decision.reason) == (1, Reason.DUE)
        assert decision.collection.collected == MANY

    def test_a_teardown_is_known_as_one_place(self, busy):
        """What it takes apart is garbage whoever else is at work."""
        busy.structure().die()
        busy.teardown()
        assert busy.collector.sites["close"].yields != [0.0, 0.0, 0.0]


class TestNews:
    """Looks come ever more seldom, until one tells what the number of the young would not have."""

    @pytest.fixture
    def calm(self, job):
        """Return a job that has been looked at for seconds, with nothing new."""
        job.run(100, cycles)
        assert self.moment(job) == LONG_QUIET
        return job

    @staticmethod
    def moment(job):
        """Return the seconds in which there is to be no look."""
        return job.collector.quiet._length

    def test_the_young_alone_are_none(self, calm):
        """Whether they are due is told by their number."""
        assert generations(calm.run(1, cycles)) == [0]
        assert generations(calm.run(1, freed)) == [None]
        assert self.moment(calm) == LONG_QUIET

    def test_fruitless_collections_by_count_are(self, calm):
        """Those that would follow in a long moment may be as fruitless."""
        for alive, holds in ((False, True), (True, False)):
            calm.runtime.make(MANY, alive=alive)
            assert calm.collector.end("job", None).reason is Reason.DUE
            calm.runtime.spend(QUIET * 1.01)
            assert calm.collector.quiet.holds() is holds

    def test_a_forked_child_begins_anew(self, calm):
        """What was calm may not be."""
        calm.collector.after_fork()
        calm.run(1, cycles)
        assert self.moment(calm) == QUIET

    def test_an_older_generation_is_due(self, calm):
        """It may soon be again."""
        work = window_of(8)
        decisions = (calm.run(1, work)[0] for _ in range(200))
        assert any(each.generation == 1 for each in decisions)
        assert self.moment(calm) == QUIET

    def test_large_objects_are_due(self, calm):
        """However few: their number would never have told."""
        assert generations(calm.run(1, arrays)) == [0]
        assert self.moment(calm) == QUIET

    def test_a_full_collection_has_to_wait(self):
        """The oldest generation is wanted as soon as it may be collected."""
        job = Job(1_000_000)
        for _ in range(6):
            job.structure(500_000).die()
            job.teardown("close")
        job.teardown("fruitless")
        job.run(3, freed, seconds=0.3)
        assert self.moment(job) == LONG_QUIET
        job.structure(500_000).die()
        assert job.teardown("close", seconds=0.0).reason is Reason.OVERHEAD
        assert self.moment(job) == QUIET

    def test_memory_is_short(self):
        """What is due may be so within moments."""
        job = Job(limit=PROGRAM + 100_000 * OBJECT)
        job.run(100, freed)
        assert self.moment(job) == QUIET

    def test_a_teardown_tried_all(self, calm):
        """What it left may be old."""
        calm.structure().die()
        assert calm.teardown().reason is Reason.EXPLORING
        assert self.moment(calm) == QUIET


class TestSchedule:
    """`Policy.every`, `always` and `never`: exact, whatever the readings."""

    @pytest.mark.parametrize("generation", [0, 1, 2])
    @pytest.mark.parametrize("n", [1, 2, 3, 7])
    def test_every_nth_decision(self, job, n, generation):
        """The n-th, the 2n-th and so on, and no other."""
        decisions = job.run(50, freed, policy=Policy.every(n, generation))
        wanted = [None if number % n else generation for number in range(1, 51)]
        assert generations(decisions) == wanted
        assert job.collections == [generation] * (50 // n)
        reasons = {None: Reason.NOT_SCHEDULED, generation: Reason.SCHEDULED}
        assert [decision.reason for decision in decisions] == [reasons[each] for each in wanted]

    def test_sites_count_apart(self, job):
        """Interleaved, each place has its own turns."""
        policy = Policy.every(3, 0)
        for number in range(1, 31):
            for name in ("forward", "backward")[: 1 + number % 2]:
                job.run(1, cycles, name, policy=policy)
        turns = {name: site.turns for name, site in job.collector.sites.items()}
        assert turns == {"forward": 30, "backward": 15}
        assert len(job.collections) == 30 // 3 + 15 // 3

    def test_a_look_is_no_decision(self, job):
        """It tells what the next decision will be, and does not count."""
        policy = Policy.every(2)
        seen = []
        for _ in range(6):
            looks = {job.collector.look("job", policy) for _ in range(3)}
            decision = job.run(1, cycles, policy=policy)[0]
            assert looks == {decision._replace(candidates=0, collection=None)}
            seen.append(bool(decision))
        assert seen == [False, True] * 3

    def test_what_it_did_is_told(self, job):
        """A scheduled collection has its figures like any other."""
        decision = job.run(1, cycles, policy=Policy.always(0))[0]
        assert decision.candidates == decision.collection.candidates == MANY
        assert decision.collection.collected == MANY

    def test_it_is_exact_while_another_thread_decides(self, job):
        """Ranks that train together must collect at the same step, so nothing is let be."""
        decisions = []

        def callback(phase, info):
            if phase == "start" and not decisions:
                decisions.append(None)
                decisions[0] = job.collector.decide("other", Policy.always(0))

        job.runtime.callbacks.append(callback)
        job.run(1, cycles)
        assert decisions[0].collection is not None

    def test_never_is_never(self, job):
        """Whatever waits and however short memory is."""
        decisions = job.run(20, cycles, policy=Policy.never())
        assert {decision.reason for decision in decisions} == {Reason.NOT_SCHEDULED}
        assert job.collections == []

    def test_the_process_wide_policy_is_the_default(self, job):
        """A policy given for one place comes before it."""
        job.collector.configure(Policy.never())
        assert not any(job.run(3, cycles))
        assert all(job.run(3, cycles, policy=Policy()))


class TestLook:
    """`look` tells what `decide` would act on, and changes nothing."""

    @pytest.mark.parametrize("work", [cycles, freed, built, arrays, window_of(2), window_of(5)])
    def test_it_equals_the_decision(self, job, work):
        """At each of many batches of each kind."""
        for _ in range(40):
            work(job)
            job.runtime.spend(WORK)
            seen = job.collector.look("job")
            assert job.collector.decide("job")._replace(collection=None) == seen

    def test_a_teardowns_trial_is_a_decision_like_any(self, job):
        """The time since it counts for the next gap."""
        job.structure().die()
        job.teardown()
        job.run(1, freed, seconds=1.0)
        assert job.collector._ledger.gap > 0

    @pytest.mark.parametrize("number", range(1_000, 15_000, 1_000))
    def test_it_expects_the_next_chance_when_the_decision_does(self, job, number):
        """A decision takes in how long ago the last one was, and so does a look."""
        job.run(1, freed, seconds=0.0)
        job.runtime.make(number)
        job.runtime.spend(0.001)
        seen = job.collector.look("job")
        assert job.collector.decide("job")._replace(collection=None) == seen

    def test_it_collects_nothing_and_teaches_nothing(self, job):
        """However often it is asked."""
        cycles(job)
        job.runtime.spend(WORK)
        for _ in range(20):
            assert job.collector.look("job").generation == 0
            job.runtime.spend(WORK)
        assert job.collections == []
        assert job.collector.sites["job"].efficiency == 1.0
        assert job.runtime.waiting() == [MANY, 0, 0]

    def test_a_look_again_costs_a_count_and_a_clock(self, job):
        """The same question within a moment gets the same answer, whichever it is."""
        for work in (cycles, freed):
            work(job)
            job.runtime.spend(WORK)
            seen = job.collector.look("job")
            job.runtime.calls.clear()
            assert job.collector.look("job") is seen
            assert sorted(job.runtime.calls) == ["clock", "count"]
            job.run(1, freed)

    @pytest.mark.parametrize(
        ("change", "name", "policy"),
        [
            (lambda job: job.runtime.spend(QUIET * 1.01), "job", None),
            (lambda job: job.runtime.make(10 * MANY), "job", None),
            (lambda job: job.runtime.collect(0), "job", None),
            (lambda job: job.runtime.collect(1), "job", None),
            (lambda job: job.runtime.collect(2), "job", None),
            (lambda job: job.collector.configure(Policy(2.0)), "job", None),
            (lambda job: None, "elsewhere", None),
            (lambda job: None, "job", Policy(2.0)),
        ],
        ids=["time", "objects", "young", "middle", "full", "settings", "site", "policy"],
    )
    def test_another_question_is_answered_anew(self, job, change, name, policy):
        """An answer holds for its place and policy, while nothing much has changed."""
        cycles(job)
        job.runtime.spend(WORK)
        seen = job.collector.look("job")
        change(job)
        assert job.collector.look(name, policy) is not seen

    def test_a_look_with_another_policy_silences_nobody(self, job):
        """A wish that one policy refuses may still be another's."""
        job.run(1, cycles, seconds=1.0)
        job.runtime.make(5 * MANY, alive=False)
        job.runtime.spend(OVERHEAD / TRIVIAL / 2)
        assert not job.collector.look("job", Policy(memory_weight=1e-9))
        assert job.collector.quiet.skipped(None, "here") is None
        assert job.collector.decide("job")


class TestSwitchedOff:
    """Nothing is done, touched or counted."""

    @pytest.fixture
    def off(self, job):
        """Return a job with decisions switched off, over a batch's cycles."""
        cycles(job)
        job.runtime.spend(WORK)
        job.collector.configure(active=False)
        job.runtime.calls.clear()
        return job

    def test_every_decision_is_no(self, off):
        """With that reason, whatever the policy."""
        for policy in (None, Policy.always()):
            told = [
                off.collector.decide("job", policy),
                off.collector.decide("job", policy, teardown=True),
                off.collector.decide("job", policy, window=BATCH),
                off.collector.look("job", policy),
            ]
            assert {decision.reason for decision in told} == {Reason.INACTIVE}
            assert not any(told)
        assert off.runtime.calls == []
        assert not off.collector.sites

    def test_switched_on_again_it_goes_on(self, off):
        """What waited is collected."""
        off.collector.configure(active=True)
        assert off.collector.decide("job").collection.collected == MANY

    @pytest.mark.parametrize(("value", "active"), [("0", False), ("1", True), ("", True)])
    def test_the_environment_decides_at_the_start(self, monkeypatch, value, active):
        """Only 0 starts switched off."""
        monkeypatch.setenv("GCWISE_ACTIVE", value)
        assert Collector(FakeRuntime()).active is active


class Interrupted(OrderedDict):
    """Sites at whose first look-up something else happens."""

    def __init__(self, event, **sites):
        super().__init__(**sites)
        self._events = [event]

    def get(self, name):
        """Look up, and then let it happen."""
        found = super().get(name)
        if self._events:
            self._events.pop()()
        return found


class TestSites:
    """What is learned is kept for a bounded number of places."""

    def test_the_least_recently_used_is_dropped(self, job):
        """A place that is used now and then stays."""
        policy = Policy.never()
        for number in range(2 * MOST_SITES):
            job.collector.decide(f"{number}", policy)
            if not number % 1000:
                job.collector.decide("often", policy)
        sites = job.collector.sites
        assert len(sites) == MOST_SITES
        assert "often" in sites
        assert f"{2 * MOST_SITES - 1}" in sites
        assert "0" not in sites
        assert sites["often"].turns == len(range(0, 2 * MOST_SITES, 1000))

    def test_no_thread_waits_for_another(self, job):
        """One that is held up in the middle of a look-up would not be there in a forked child."""
        collector = job.collector

        def elsewhere():
            other = threading.Thread(target=collector._site, args=("other",), daemon=True)
            other.start()
            other.join(10)
            assert not other.is_alive()

        collector.sites = Interrupted(elsewhere)
        assert collector._site("job") is collector.sites["job"]
        assert "other" in collector.sites

    def test_two_threads_make_the_same_site(self, job):
        """Both have found none, and learn at one all the same."""
        collector, made = job.collector, []
        collector.sites = Interrupted(lambda: made.append(collector._site("job")))
        assert [collector._site("job")] == made

    def test_forgotten_between_two_steps(self, job):
        """A site that another thread has dropped meanwhile still serves this decision."""
        collector = job.collector
        known = collector._site("job")
        collector.sites = Interrupted(lambda: collector.sites.pop("job"), job=known)
        assert collector._site("job") is known
        assert "job" not in collector.sites

    def test_each_turn_is_counted_once(self, job):
        """Schedules are exact though several threads decide at a place."""
        site, taken = job.collector._site("job"), []

        def take():
            taken.extend([site.turn() for _ in range(1_000)])

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == list(range(1, 4_001))


class TestWindow:
    """A decision at the end of a window, before automatic collection comes back."""

    def test_what_automatic_collection_would_examine_is_collected(self):
        """It would be examined a moment later anyway."""
        job = Job(enabled=True)
        job.collector.window.open(BATCH, "scope")
        job.runtime._counts[0] = 5_000
        decision = job.collector.decide("job", window=BATCH)
        job.collector.window.close(BATCH, "scope")
        assert (decision.generation, decision.reason) == (0, Reason.RETURNING)

    def test_collections_inside_are_learned_from(self):
        """Each has examined what the window admitted, and freed what it freed."""

        def efficiency(*, alive):
            job = Job(enabled=True)
            job.collector.window.open(BATCH, "scope")
            for _ in range(100):
                job.runtime.make(1_000, alive=alive)
                job.runtime.spend(0.001)
            assert job.runtime.stats()[0]["collections"] > 0
            job.collector.decide("job", window=BATCH)
            job.collector.window.close(BATCH, "scope")
            return job.collector.sites["job"].efficiency

        assert efficiency(alive=False) == 1.0
        assert efficiency(alive=True) <= 0.5


class TestFork:
    """A child of a fork starts with free locks and readings of its own."""

    def test_it_is_not_kept_busy_by_a_thread_that_is_gone(self, job):
        """The parent's other thread was deciding at the time."""
        job.collector._claims.append(object())
        cycles(job)
        assert job.collector.decide("job").reason is Reason.BUSY
        job.collector.after_fork()
        cycles(job)
        job.runtime.spend(WORK)
        assert job.collector.decide("job").collection.collected == 2 * MANY

    def test_it_reads_its_own_memory_and_closes_the_windows(self, job):
        """What the parent had read, and held back, is not the child's."""
        thresholds = job.runtime.get_threshold()
        job.collector.window.open(BATCH, "scope")
        reads = job.runtime.reads
        job.collector.after_fork()
        assert job.runtime.reads == reads + 1
        assert job.runtime.get_threshold() == thresholds
        assert job.runtime.callbacks == []

    def test_a_child_that_a_finalizer_forks_goes_on(self, job):
        """It finds itself in the middle of a decision, and releases what its parent had taken."""
        parents = job.collector._claims
        job.runtime.callbacks.append(lambda phase, info: job.collector.after_fork())
        assert job.run(1, cycles)[0].collection.collected == MANY
        assert parents == job.collector._claims == []
        assert parents is not job.collector._claims

    @pytest.mark.parametrize("teardown", [False, True])
    @pytest.mark.parametrize("policy", [None, Policy.always()])
    def test_a_dead_collector_is_seldom_tried(self, job, teardown, policy):
        """A child in which no collection does anything rests between two tries, ever longer."""
        job.collector.after_fork()
        job.runtime.under_way = True
        cycles(job)
        decisions = []

        def ask(times):
            for _ in range(times):
                job.runtime.spend(1e-2)
                decisions.append(job.collector.decide("job", policy, teardown=teardown))

        with pytest.warns(RuntimeWarning, match="forked while another thread") as caught:
            ask(100_000)
        assert {decision.reason for decision in decisions} == {Reason.BUSY}
        assert not any(decisions)
        assert job.runtime.calls.count("collect(0)" if not policy else "collect(2)") <= 32
        assert len(caught) == 1

    def test_a_look_rests_too(self, job):
        """It gives no advice that would come to nothing."""
        job.collector.after_fork()
        job.runtime.under_way = True
        cycles(job)
        assert job.run(1, cycles)[0].reason is Reason.BUSY
        assert job.collector.look("job").reason is Reason.BUSY

    def test_a_machine_without_forks_needs_no_hook(self, monkeypatch):
        """There the module is imported all the same."""
        monkeypatch.delattr(os, "register_at_fork")
        spec = importlib.util.spec_from_file_location("collector", _collector.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert isinstance(module.collector, module.Collector)

    def test_a_reload_keeps_the_collector(self):
        """Open windows are closed where they were opened, and no second hook runs after a fork."""
        spec = importlib.util.spec_from_file_location("collector", _collector.__file__)
        module = importlib.util.module_from_spec(spec)
        module.collector = kept = Job().collector
        spec.loader.exec_module(module)
        assert module.collector is kept

    def test_it_knows_what_the_parent_has_learned(self, job):
        """Sites, policy and switch are the program's, not the process's."""
        job.collector.configure(Policy(2.0), active=True)
        job.run(10, built)
        learned = job.collector.sites["job"].efficiency
        job.collector.after_fork()
        assert learned < 1.0
        assert job.collector.sites["job"].efficiency == learned
        assert job.collector.policy == Policy(2.0)


def test_the_fake_counts_bytes_as_the_rule_does():
    """Or these scenarios would tell nothing of objects."""
    assert OBJECT == OBJECT_BYTES
