"""What other projects test of their own switches and controllers, said again of ours.

Each is written from the behaviour that the named project promises, or was reported to lack.
"""

import contextlib
import gc
import itertools
import threading

import pytest

import gcwise
from gcwise import Policy, Reason
from gcwise._collector import Collector, collector
from tests.fakes import OBJECT, FakeRuntime

KINDS = [gcwise.batch, gcwise.paused]
MANY, WORK = 20_000, 0.02

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)


class BoomError(Exception):
    """What goes wrong inside a block."""


@pytest.fixture(autouse=True)
def _settings():
    """Let tests set what they like, with windows that know nothing of earlier tests."""
    enabled, thresholds = gc.isenabled(), gc.get_threshold()
    collector.window.__init__(collector.runtime)
    gc.set_threshold(701, 11, 13)
    yield
    gc.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()


def is_held():
    """Tell whether automatic collection is held back altogether."""
    before = [generation["collections"] for generation in gc.get_stats()]
    [[each] for each in range(20_000)]
    return [generation["collections"] for generation in gc.get_stats()] == before


def set_gc(enabled):
    """Switch automatic collection."""
    (gc.enable if enabled else gc.disable)()


class TestEnsureDisabled:
    """The cases of CPython's `gc.ensure_disabled`, which was taken back (gh-75537)."""

    def test_control(self):
        """CPython: outside, automatic collection runs, so that the others mean something."""
        assert not is_held()

    def test_held_inside_and_back_afterwards(self):
        """CPython: off inside, on again afterwards."""
        with gcwise.paused():
            assert is_held()

        assert not is_held()
        assert gc.isenabled()

    def test_nested(self):
        """CPython: the end of an inner block does not switch it on inside the outer one."""
        with gcwise.paused():
            with gcwise.paused():
                assert is_held()
            assert is_held()

        assert not is_held()

    def test_already_disabled(self):
        """CPython: what was off before stays off afterwards."""
        gc.disable()

        with gcwise.paused():
            assert is_held()

        assert not gc.isenabled()

    def test_exception(self):
        """CPython: an exception switches it on again, too."""
        with pytest.raises(BoomError), gcwise.paused():
            raise BoomError

        assert gc.isenabled()
        assert not is_held()

    def test_other_thread_inside(self):
        """CPython: its undoing, a thread whose block ends inside another thread's."""
        entered, left = threading.Event(), threading.Event()
        held = []

        def outer():
            with gcwise.paused():
                entered.set()
                left.wait(10)
                held.append(is_held())

        thread = threading.Thread(target=outer)
        thread.start()
        entered.wait(10)
        with gcwise.paused():
            held.append(is_held())
        left.set()
        thread.join()

        assert held == [True, True]
        assert not is_held()

    def test_other_thread_outlives(self):
        """CPython: nor does the one that began first leave it off for good when it ends first."""
        first, second = gcwise.paused(), gcwise.paused()
        for begin in (first, second):
            thread = threading.Thread(target=begin.__enter__)
            thread.start()
            thread.join()

        first.__exit__(None, None, None)
        assert is_held()
        second.__exit__(None, None, None)

        assert not is_held()
        assert gc.isenabled()

    def test_enabled_inside(self):
        """CPython: `gc.enable()` inside is the program's choice afterwards, and no error."""
        gc.disable()

        with gcwise.paused():
            gc.enable()
            assert is_held()

        assert gc.isenabled()


class TestPauseGC:
    """Pyomo's `PauseGC`."""

    @kinds
    def test_nested_objects(self, kind):
        """Pyomo: of several open at the same time only the last to end switches it on."""
        scopes = [kind() for _ in range(3)]
        for scope in scopes:
            scope.__enter__()
        # The second follows the young collections that there were.
        held = gc.get_threshold()[::2]

        for scope in reversed(scopes[1:]):
            scope.__exit__(None, None, None)
            assert gc.get_threshold()[::2] == held
        scopes[0].__exit__(None, None, None)

        assert gc.get_threshold() == (701, 11, 13)

    @pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
    def test_out_of_order(self, order):
        """Pyomo: raises where they are closed out of order; here any order is right."""
        scopes = [gcwise.paused(), gcwise.batch(), gcwise.paused()]
        for scope in scopes:
            scope.__enter__()

        for left, number in enumerate(order, 1):
            scopes[number].__exit__(None, None, None)
            paused = bool({0, 2} - set(order[:left]))
            assert is_held() == paused

        assert gc.get_threshold() == (701, 11, 13)

    def test_found_off(self):
        """Pyomo: a pause that found it off does not switch it on at its end."""
        gc.disable()

        with gcwise.paused():
            with gcwise.paused():
                pass
            assert not gc.isenabled()

        assert not gc.isenabled()

    def test_closed_twice(self):
        """Pyomo: closing again what is closed is harmless, also inside another pause."""
        scope = gcwise.paused()
        with gcwise.paused():
            with scope:
                pass
            scope.__exit__(None, None, None)
            assert is_held()

        assert not is_held()


class TestGcState:
    """scipy's `gc_state`: each state before, each inside."""

    @kinds
    @pytest.mark.parametrize("before", [True, False])
    @pytest.mark.parametrize("inside", [True, False])
    def test_two_by_two(self, kind, before, inside):
        """scipy: inside it is as was set; here it stays so afterwards, for other code set it."""
        set_gc(before)

        with kind():
            assert gc.isenabled() == before
            set_gc(inside)
            assert gc.isenabled() == inside

        assert gc.isenabled() == inside
        assert gc.get_threshold() == (701, 11, 13)

    @kinds
    @pytest.mark.parametrize("before", [True, False])
    @pytest.mark.parametrize("inside", [True, False])
    def test_restored_by_who_changed_it(self, kind, before, inside):
        """scipy: code that puts the state back itself inside finds it so afterwards."""
        set_gc(before)

        with kind():
            found = gc.isenabled()
            set_gc(inside)
            set_gc(found)

        assert gc.isenabled() == before


class TestTraining:
    """TorchTNT's callback that collects every so many steps."""

    @pytest.mark.parametrize("enabled", [True, False])
    @pytest.mark.parametrize("fails", [True, False])
    def test_enabled_after_the_run(self, enabled, fails):
        """TorchTNT: on again after training; here also off if it was, and after a failure."""
        set_gc(enabled)
        before = gc.get_stats()[1]["collections"]

        with contextlib.suppress(BoomError), gcwise.paused("train") as training:
            for step in range(1, 11):
                with gcwise.collect_after("step", policy=Policy.every(5, 1)):
                    pass
                if fails and step == 10:
                    raise BoomError

        assert gc.get_stats()[1]["collections"] == before + 2
        assert gc.isenabled() == enabled
        assert gc.get_threshold() == (701, 11, 13)
        assert (training.decision.reason is Reason.EXCEPTION) == fails


class Worker:
    """A loop of tasks beside a simulated heap."""

    def __init__(self, live=100_000):
        self.runtime = FakeRuntime(live)
        self.collector = Collector(self.runtime)

    def task(self, number, size=None, *, alive=False, seconds=WORK):
        """Make objects, work, and return the decision at the end."""
        self.runtime.make(number, size, alive=alive)
        self.runtime.spend(seconds)
        return self.collector.decide("task")


@pytest.fixture
def worker():
    """Return a worker beside 100,000 live objects."""
    return Worker()


class TestLoky:
    """loky's worker loop, which collects when memory has grown, at most once a second."""

    def test_cycles_of_tasks_are_collected(self, worker):
        """loky: cycles that hold much memory do not pile up over the tasks."""
        for _ in range(50):
            worker.task(1_000, 20 * 2**20)
            assert worker.runtime.size() < 2**30

        assert sum(worker.runtime.waiting()) < 50 * 1_000

    def test_minimum_interval(self, worker):
        """loky: tasks that come fast do not each pay for a collection that frees nothing."""
        decisions = [worker.task(10, alive=True, seconds=1e-4) for _ in range(1_000)]

        assert sum(map(bool, decisions)) < 10

    def test_real_cycles(self):
        """loky: in a real loop nothing of an earlier task is left when it is due."""
        for _ in range(5):
            with gcwise.batch("real", policy=Policy.always(0)):
                cycle = []
                cycle.append(cycle)
                del cycle

        assert gc.collect(0) == 0


class TestThrottledGC:
    """dask's `ThrottledGC`, and its two faults."""

    def test_throttled(self, worker):
        """dask: collections that free nothing take a small share of the time."""
        started = worker.runtime.now
        spent = 0.0
        for _ in range(500):
            decision = worker.task(5_000, alive=True)
            spent += decision.collection.duration if decision else 0.0

        assert spent < 0.1 * (worker.runtime.now - started)

    @pytest.mark.parametrize("idle", [0.0, 3600.0])
    def test_idle_time_does_not_silence(self, worker, idle):
        """dask: counts only the thread's own time, so that an idle hour never re-arms it."""
        for _ in range(20):
            worker.task(5_000, alive=True)
        worker.runtime.spend(idle)

        decisions = [worker.task(MANY) for _ in range(100)]

        # It had learned that nothing is freed, and learns anew with each.
        assert any(decisions)
        assert any(decisions[-10:])

    def test_other_threads_are_not_throttled(self):
        """dask: measures the time of whichever thread calls, so another never has its turn."""
        worker, decisions = Worker(), []
        for _ in range(20):
            worker.task(MANY)

        def other():
            decisions.extend(worker.task(MANY) for _ in range(20))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

        assert any(decisions)
        assert not any(decision.reason is Reason.BUSY for decision in decisions)

    def test_it_tells_what_it_did(self, worker):
        """dask: returns nothing, so that nobody knows what was freed or why not."""
        decisions = [worker.task(MANY) for _ in range(5)]

        assert all(str(decision) for decision in decisions)
        assert sum(d.collection.collected for d in decisions if d) > 0


class TestController:
    """vLLM's controller of manual collections."""

    def test_rate_limit(self, worker):
        """vLLM: steps that follow each other within milliseconds are not each collected."""
        decisions = [worker.task(300, seconds=1e-4) for _ in range(1_000)]

        assert 0 < sum(map(bool, decisions)) < 200

    def test_escalation(self, worker):
        """vLLM: what outlives young collections is found by an older one, in the end."""
        kept = []
        for _ in range(300):
            kept.append(worker.runtime.make(MANY, 4 * 2**20))
            if len(kept) > 3:
                kept.pop(0).die()
            worker.runtime.spend(WORK)
            worker.collector.decide("task")

        assert max(worker.runtime.collections) > 0
        assert sum(worker.runtime.waiting()) < 100 * MANY

    def test_growth_gate(self, worker):
        """vLLM: a full collection waits until the heap has grown, without counting the heap."""
        for _ in range(200):
            worker.task(100, alive=False)

        assert 2 not in worker.runtime.collections
        assert "middle" not in worker.runtime.calls[: len(worker.runtime.calls) // 2]

    def test_leak_guard(self, worker):
        """vLLM: a heap that only grows is not collected again and again in vain."""
        started, spent = worker.runtime.now, 0.0
        for _ in range(500):
            decision = worker.task(2_000, 2_000 * OBJECT, alive=True)
            spent += decision.collection.duration if decision else 0.0

        assert spent < 0.15 * (worker.runtime.now - started)

    @pytest.mark.parametrize("enabled", [True, False])
    def test_not_always_enabled_again(self, enabled):
        """vLLM: switches gc on at its end, whatever it was before."""
        set_gc(enabled)

        with gcwise.paused("steps"):
            gcwise.maybe_collect("step")

        assert gc.isenabled() == enabled

    def test_no_lock(self):
        """vLLM: has none; two threads that decide at the same time collect once."""
        worker, reasons = Worker(), []

        def callback(phase, info):
            if phase == "start":
                thread = threading.Thread(
                    target=lambda: reasons.append(worker.collector.decide("other").reason)
                )
                thread.start()
                thread.join(10)

        worker.runtime.callbacks.append(callback)
        while not worker.task(MANY):
            pass

        assert reasons == [Reason.BUSY]
        assert len(worker.runtime.collections) == 1
