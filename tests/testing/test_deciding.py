"""What users' tests can see, force and simulate of gcwise's decisions."""

import doctest
import gc
import math
import threading

import pytest

import gcwise
import gcwise.testing
from gcwise import Policy, Reason
from gcwise._collector import collector
from gcwise.instrumentation import get_on_decision_hooks, set_on_decision_hooks
from gcwise.testing import (
    Objects,
    SimulatedRuntime,
    _recorded,
    _simulated,
    forced,
    recorded,
    simulated,
)
from tests.interpreters import needs_generations, real


@pytest.fixture(autouse=True)
def _hooks():
    """Give each test the default hooks, and see that it leaves them."""
    set_on_decision_hooks(None)
    default = get_on_decision_hooks()
    yield
    assert get_on_decision_hooks() == default
    assert not collector.quiet._told


def test_tours():
    """The docstrings' examples run as they stand."""
    for module in (gcwise.testing, _recorded, _simulated):
        results = doctest.testmod(module, extraglobs={"gcwise": gcwise, **vars(gcwise.testing)})
        assert results.attempted > 0
        assert results.failed == 0


class TestRecorded:
    """Every decision of a block, in order."""

    def test_every_spelling(self):
        """Scopes, loops, teardowns, checkpoints and questions that decide."""
        with recorded() as decisions:
            with gcwise.batch("batch") as scope:
                scope.checkpoint()
            list(gcwise.each([1, 2], "each"))
            gcwise.teardown("teardown")(lambda: None)()
            gcwise.maybe_collect("maybe")
            gcwise.should_collect("should")
            with pytest.raises(ZeroDivisionError), gcwise.paused("paused"):
                raise ZeroDivisionError

        assert [each.site for each in decisions] == [
            *("batch", "batch", "each", "each", "teardown", "maybe", "paused")
        ]
        assert decisions[1] is scope.decision
        assert decisions[-1].reason is Reason.EXCEPTION

    def test_with_nothing_to_do(self):
        """Those that would be skipped unheard are recorded, too."""
        gcwise.maybe_collect("again")
        with recorded() as decisions:
            for _ in range(100):
                gcwise.maybe_collect("again")

        assert len(decisions) == 100

    def test_nothing_afterwards(self):
        """What is decided later is not in it."""
        with recorded() as decisions:
            pass
        gcwise.maybe_collect("later")

        assert decisions == []

    def test_threads(self):
        """Those of all threads."""
        with recorded() as decisions:
            threads = [
                threading.Thread(target=gcwise.maybe_collect, args=[f"thread {number}"])
                for number in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert {each.site for each in decisions} == {f"thread {number}" for number in range(4)}

    def test_nested(self):
        """Each block has its own list."""
        with recorded() as outer:
            gcwise.maybe_collect("before")
            with recorded() as inner:
                gcwise.maybe_collect("inside")

        assert [each.site for each in outer] == ["before", "inside"]
        assert [each.site for each in inner] == ["inside"]

    def test_own_hooks(self):
        """They are told as well, and stay."""
        told = []
        set_on_decision_hooks([told.append])
        with recorded() as decisions:
            gcwise.maybe_collect("both")

        assert told == decisions != []
        assert get_on_decision_hooks() == (told.append,)
        set_on_decision_hooks(None)

    def test_exception(self):
        """It passes, and the recording ends."""
        with pytest.raises(ZeroDivisionError), recorded():
            raise ZeroDivisionError

    def test_switched_off(self):
        """There are no decisions then."""
        gcwise.set_active(False)
        with recorded() as decisions, gcwise.batch("off"):
            gcwise.maybe_collect("off")

        assert decisions == []


class TestForced:
    """Every decision as the test wants it."""

    @pytest.mark.parametrize("policy", [None, Policy.always(0), Policy.never(), Policy()])
    @pytest.mark.parametrize("worth", [True, False])
    def test_whatever_the_policy(self, worth, policy):
        """All spellings, each time."""
        with recorded() as decisions, forced(worth):
            for _ in range(2):
                assert bool(gcwise.should_collect("should", policy=policy)) == worth
                gcwise.maybe_collect("maybe", policy=policy)
                with gcwise.batch("batch", policy=policy):
                    pass
                gcwise.teardown("teardown", policy=policy)(lambda: None)()

        assert len(decisions) == 6
        assert {bool(each) for each in decisions} == {worth}
        assert {each.collection is not None for each in decisions} == {worth}

    def test_full(self):
        """What is collected is everything."""
        with forced(True):
            assert gcwise.maybe_collect("full").collection.generation == 2

    def test_only_inside(self):
        """Afterwards it is decided as before."""
        gcwise.set_policy(Policy.never())
        with forced(True):
            assert gcwise.maybe_collect("inside")

        assert gcwise.maybe_collect("after").reason is Reason.NOT_SCHEDULED
        assert gcwise.get_policy() == Policy.never()

    def test_nested(self):
        """The innermost counts."""
        with forced(True):
            with forced(False):
                assert not gcwise.maybe_collect("nested")
            assert gcwise.maybe_collect("nested")

    def test_switched_off(self):
        """Even then it is forced, and off again afterwards."""
        gcwise.set_active(False)
        with forced(True):
            assert gcwise.maybe_collect("off")
        assert not gcwise.is_active()

    def test_decorator(self):
        """A test function can be forced as a whole."""
        assert forced(True)(lambda: gcwise.maybe_collect("decorated"))()
        assert not forced(False)(lambda: gcwise.maybe_collect("decorated"))()

    @pytest.mark.parametrize("wrong", [None, 1, "yes", Policy.always()])
    def test_wrong(self, wrong):
        """Neither yes nor no is refused, saying what is allowed."""
        with pytest.raises(
            TypeError, match=r"^worth must be True or False, got .*; forced\(True\) "
        ):
            forced(wrong).__enter__()

    def test_exception(self):
        """It passes, and nothing is forced any more."""
        with pytest.raises(ZeroDivisionError), forced(True):
            raise ZeroDivisionError
        assert collector.forced is None


class TestSimulated:
    """Decisions over a heap that a test says all of."""

    def test_garbage_is_collected(self):
        """Garbage that was held is worth it, and gone."""
        with simulated() as runtime:
            runtime.make(50_000)
            runtime.spend(0.1)
            decision = gcwise.maybe_collect("job")

            assert runtime.trim() == 0
            assert decision.generation == 0
            assert decision.collection.collected == 50_000
            assert runtime.collections == [0]
            assert runtime.waiting() == [0, 0, 0]

    def test_living_objects_are_not(self):
        """A place that only builds is let be, by and by."""
        with simulated() as runtime:
            for _ in range(50):
                with gcwise.batch("build"):
                    runtime.make(1_000, alive=True)
                    runtime.spend(1e-3)

            assert len(runtime.collections) < 10

    def test_reference_counting(self):
        """What is freed at once leaves nothing to collect."""
        with simulated() as runtime:
            for _ in range(5):
                with gcwise.batch("clean"):
                    runtime.free(runtime.make(50_000, alive=True))
                    runtime.spend(0.01)

            assert runtime.collections == []

    def test_death(self):
        """Objects that die later are garbage from then on."""
        with simulated() as runtime:
            objects = runtime.make(50_000, alive=True)
            runtime.collect(2)
            objects.die()
            assert runtime.waiting() == [0, 0, 50_000]
            gcwise.teardown("close")(lambda: None)()
            runtime.spend(10)
            gcwise.teardown("close")(lambda: None)()

            assert runtime.waiting() == [0, 0, 0]

    def test_automatic_collection(self):
        """Where it is on, windows hold it back."""
        with simulated(SimulatedRuntime(enabled=True)) as runtime:
            for _ in range(10):
                runtime.make(100)
            assert runtime.stats()[0]["collections"] == 1
            with gcwise.paused(policy=Policy.never()):
                for _ in range(10):
                    runtime.make(1_000)
            assert runtime.stats()[0]["collections"] == 1
            assert runtime.get_threshold() == (700, 10, 10)

    def test_memory_limit(self):
        """Where memory is short, garbage is dearer."""
        wanted = []
        for limit in (2**40, 40 * 2**20):
            with simulated(SimulatedRuntime(limit=limit)) as runtime:
                gcwise.maybe_collect("job")
                runtime.make(3_000, alive=True)
                runtime.make(100, 2**18)
                runtime.spend(1e-3)
                wanted.append(gcwise.should_collect("job"))
        assert wanted[1].debt >= wanted[0].debt

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"live": "x"}, TypeError, "live must be an integer (objects, 0 or more), got str"),
            ({"live": 1.5}, TypeError, "live must be an integer (objects, 0 or more), got float"),
            ({"live": -1}, ValueError, "live must be an integer (objects, 0 or more), got -1"),
            ({"enabled": "x"}, TypeError, "enabled must be True or False, got str: 'x'"),
            ({"limit": "x"}, TypeError, "limit must be an integer (bytes, above 0), got str: 'x'"),
            ({"limit": 0}, ValueError, "limit must be an integer (bytes, above 0), got 0"),
            ({"limit": -1}, ValueError, "limit must be an integer (bytes, above 0), got -1"),
        ],
    )
    def test_wrong_heap(self, options, error, message):
        """The message names the argument, and what is allowed."""
        with pytest.raises(error) as refusal:
            SimulatedRuntime(**options)
        assert str(refusal.value).startswith(message)

    @pytest.mark.parametrize(
        ("seconds", "error", "message"),
        [
            ("x", TypeError, "seconds must be a finite number, 0 or more, got str: 'x'"),
            (True, TypeError, "seconds must be a finite number, 0 or more, got bool: True"),
            (-1, ValueError, "seconds must be a finite number, 0 or more, got -1"),
            (math.nan, ValueError, "seconds must be a finite number, 0 or more, got nan"),
            (math.inf, ValueError, "seconds must be a finite number, 0 or more, got inf"),
        ],
    )
    def test_wrong_time(self, seconds, error, message):
        """Time only passes; the clock stays."""
        runtime = SimulatedRuntime()
        with pytest.raises(error) as refusal:
            runtime.spend(seconds)
        assert str(refusal.value) == message
        assert runtime.now == 0

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((-1, 1), ValueError, "number must be an integer (objects, 0 or more), got -1"),
            ((1.5, 1), TypeError, "number must be an integer (objects, 0 or more), got float: 1.5"),
            ((None, 1), TypeError, "number must be an integer (objects, 0 or more), got NoneType"),
            ((1, -1), ValueError, "size must be an integer (bytes, 0 or more), got -1"),
            ((1, "x"), TypeError, "size must be an integer (bytes, 0 or more), got str: 'x'"),
        ],
    )
    def test_wrong_objects(self, arguments, error, message):
        """They are neither made nor counted."""
        runtime = SimulatedRuntime()
        for make in (Objects, runtime.make):
            with pytest.raises(error) as refusal:
                make(*arguments)
            assert str(refusal.value).startswith(message)
        with pytest.raises(TypeError, match="alive must be True or False, got str: 'no'"):
            runtime.make(1, alive="no")
        assert runtime.count() == (0, 0, 0)
        assert not runtime.generations[0]

    def test_wrong_number_without_a_size(self):
        """What cannot even be multiplied is told about as the rest."""
        with pytest.raises(TypeError, match=r"number must be an integer .* got NoneType: None"):
            SimulatedRuntime().make(None)

    def test_nothing(self):
        """No objects, no bytes, no time: all of these can be."""
        runtime = SimulatedRuntime(0, limit=1)
        runtime.free(runtime.make(0, 0))
        runtime.spend(0)
        assert runtime.collect(2) == 0

    def test_free_what_is_not_there(self):
        """Objects are freed once, and not after they were collected."""
        runtime = SimulatedRuntime()
        freed, collected = runtime.make(10), runtime.make(10)
        runtime.free(freed)
        runtime.collect(0)
        before = runtime.count()
        for gone in (freed, collected, Objects(1, 1)):
            with pytest.raises(ValueError, match="these objects are not on this heap"):
                runtime.free(gone)
        assert runtime.count() == before

    @pytest.mark.parametrize(
        ("generation", "error", "message"),
        [
            (3, ValueError, "generation must be 0, 1 or 2, got 3"),
            (-1, ValueError, "generation must be 0, 1 or 2, got -1"),
            ("x", TypeError, "generation must be an integer .0, 1 or 2., got str: 'x'"),
        ],
    )
    def test_wrong_generation(self, generation, error, message):
        """Nothing is collected, and none is taken down."""
        runtime = SimulatedRuntime()
        with pytest.raises(error, match=message):
            runtime.collect(generation)
        assert runtime.collections == []

    @pytest.mark.parametrize("wrong", [1, "x", SimulatedRuntime])
    def test_wrong_runtime(self, wrong):
        """What is no heap is refused, and what is real is left alone."""
        with pytest.raises(TypeError) as refusal:
            simulated(wrong).__enter__()
        told = f"runtime must be a SimulatedRuntime or None, got {type(wrong).__name__}: "
        assert str(refusal.value).startswith(told)
        assert str(refusal.value).endswith("as in simulated(SimulatedRuntime(live=1_000))")
        assert collector.runtime is real

    @needs_generations
    def test_nothing_real(self):
        """The process's own collector is left alone, and what was learned is back."""
        gcwise.maybe_collect("real")
        before = dict(vars(collector)), dict(vars(collector.window)), gc.get_stats(), real.count()
        places = gcwise.report().places
        gc.disable()
        try:
            with simulated(), forced(True):
                gcwise.maybe_collect("simulated")
                assert [each.site for each in gcwise.report().places] == ["simulated"]
            assert gc.get_stats() == before[2]
        finally:
            gc.enable()

        assert vars(collector) == {**before[0], "_seen": None}
        assert vars(collector.window) == before[1]
        assert [each._replace(share=0) for each in gcwise.report().places] == [
            each._replace(share=0) for each in places
        ]

    def test_nested(self):
        """The inner one knows nothing of the outer one, and the outer one goes on."""
        with simulated() as outer:
            outer.make(50_000)
            outer.spend(0.1)
            with simulated() as inner:
                gcwise.maybe_collect("job")
                assert inner.collections == []
            assert gcwise.maybe_collect("job").collection is not None

    def test_exception(self):
        """It passes, and what is real is back."""
        with pytest.raises(ZeroDivisionError), simulated():
            raise ZeroDivisionError
        assert collector.runtime is real
