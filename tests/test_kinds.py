"""Each kind of collector, everywhere, through a fake: what is chosen, and what is learned of it."""

import gc
import itertools
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcwise import Policy, Reason, _runtime
from gcwise._collector import Collector
from gcwise._runtime import FULL_INTERVAL, FreeThreaded, Incremental, PyPy, Runtime, kind
from gcwise._window import BATCH, MARK, MARKED, NEVER, PAUSE
from tests.fakes import FakeFreeThreaded, FakeIncremental, FakePyPy, FakeRuntime

KINDS = [FakeRuntime, FakeIncremental, FakeFreeThreaded, FakePyPy]
FULL_ONLY = [FakeFreeThreaded, FakePyPy]
MANY = 200_000


@pytest.fixture(params=KINDS, ids=lambda each: each.__name__.removeprefix("Fake"))
def collector(request):
    """Return a collector over a simulated heap of each kind."""
    return Collector(request.param())


@pytest.fixture(params=FULL_ONLY, ids=lambda each: each.__name__.removeprefix("Fake"))
def full_only(request):
    """Return a collector where each collection examines everything."""
    return Collector(request.param())


def batches(collector, number, *, seconds=0.5, policy=None):
    """Return the decisions at the ends of batches that leave cycles behind."""
    decisions = []
    for _ in range(number):
        collector.runtime.make(MANY, alive=False)
        collector.runtime.spend(seconds)
        decisions.append(collector.decide("job", policy))
    return decisions


class TestChoosing:
    """The kind is found by what the interpreter has."""

    def test_here(self):
        """On this very interpreter one is found that knows what the interpreter has."""
        assert kind().choices[-1] == 2
        assert issubclass(kind(), Runtime)
        assert (kind() is PyPy) == (sys.implementation.name == "pypy")

    @pytest.mark.parametrize(
        ("version", "flags", "third", "expected"),
        [
            ((3, 10), "", 10, Runtime),
            ((3, 13), "", 10, Runtime),
            ((3, 13), "", 0, Runtime),
            ((3, 14), "", 0, Incremental),
            ((3, 14), "", 10, Runtime),
            ((3, 15), "", 10, Runtime),
            ((3, 13), "t", 0, FreeThreaded),
            ((3, 15), "td", 10, FreeThreaded),
        ],
    )
    def test_features(self, monkeypatch, version, flags, third, expected):
        """Built without the GIL; no third threshold since 3.14: incremental; else three."""
        fake = SimpleNamespace(get_count=None, get_threshold=lambda: (2000, 10, third))
        monkeypatch.setattr(_runtime, "gc", fake)
        told_of = SimpleNamespace(version_info=version, abiflags=flags, version="3")
        monkeypatch.setattr(_runtime, "sys", told_of)

        assert kind() is expected

    def test_pypy(self, monkeypatch):
        """Where nothing is counted, memory has to do."""
        monkeypatch.setattr(_runtime, "gc", SimpleNamespace())

        assert kind() is PyPy

    def test_no_flags(self, monkeypatch):
        """Where there are no ABI flags the version tells of a build without the GIL."""
        version = "3.13.0 experimental free-threading build (main)"
        monkeypatch.setattr(_runtime, "sys", SimpleNamespace(version_info=(3, 13), version=version))
        monkeypatch.setattr(
            _runtime, "gc", SimpleNamespace(get_count=None, get_threshold=lambda: (2000, 10, 0))
        )

        assert kind() is FreeThreaded


class TestRuntimes:
    """What each kind makes of the module `gc`."""

    @pytest.mark.parametrize(
        ("runtime", "up", "down"),
        [
            (Runtime, (0, 1, 2), (0, 1, 2)),
            (Incremental, (0, 2, 2), (0, 0, 2)),
            (FreeThreaded, (2, 2, 2), (2, 2, 2)),
            (PyPy, (2, 2, 2), (2, 2, 2)),
        ],
    )
    def test_generations(self, runtime, up, down):
        """What is asked for is rounded up, and what somebody else ran is rounded down."""
        fake = FakeRuntime()
        fake.choices = runtime.choices

        assert tuple(map(fake.at_least, range(3))) == up
        assert tuple(map(fake.at_most, range(3))) == down

    def test_incremental(self, monkeypatch):
        """Only the first count is a count of objects."""
        monkeypatch.setattr(
            _runtime,
            "gc",
            SimpleNamespace(**{name: getattr(gc, name, None) for name in dir(gc)}),
        )
        monkeypatch.setattr(_runtime.gc, "get_count", lambda: (17, 5, 3), raising=False)
        for name in ("get_threshold", "set_threshold", "callbacks"):
            monkeypatch.setattr(_runtime.gc, name, getattr(gc, name, None), raising=False)

        assert Incremental().count() == (17, 0, 0)

    def test_pypy(self, monkeypatch):
        """Nothing is asked that PyPy has not, and memory stands for objects."""
        calls = []
        sizes = iter([2_000_000, 2_256_000, 2_256_000, 2_128_000])
        few = SimpleNamespace(isenabled=lambda: True, collect=lambda: calls.append("collect"))
        monkeypatch.setattr(_runtime, "gc", few)
        monkeypatch.setattr(PyPy, "_read_resident", lambda _: next(sizes))
        runtime = PyPy()

        assert runtime.count() == (0, 0, 0)
        runtime.resident(runtime.clock())
        assert runtime.count() == (2_000, 0, 0)
        assert runtime.collect(2) is None
        assert runtime.count() == (0, 0, 0)
        assert runtime.stats()[2] == {"collections": 1, "collected": 1_000, "uncollectable": 0}
        assert runtime.stats()[0]["collections"] == 0
        assert calls == ["collect"]
        assert runtime.is_enabled()
        runtime.set_threshold(1, 2, 3)
        assert runtime.get_threshold() == (0, 0, 0)
        assert runtime.callbacks == []


class TestDeciding:
    """The rule, whatever can be collected."""

    def test_garbage_is_collected(self, collector):
        """Where batches leave cycles they are freed, by the youngest generation there is."""
        decisions = batches(collector, 20, seconds=2.0)

        youngest = collector.runtime.choices[0]
        assert decisions[-1].generation == youngest
        assert {each.generation for each in decisions} <= {None, *collector.runtime.choices}
        assert sum(collector.runtime.waiting()) <= MANY
        assert decisions[-1].collection.generation == youngest
        assert decisions[-1].collection.collected >= 0.9 * MANY

    def test_nothing_left(self, collector):
        """Where reference counting has freed it all no collection is run."""
        for _ in range(20):
            collector.runtime.free(collector.runtime.make(MANY))
            collector.runtime.spend(0.5)
            assert not collector.decide("job")

        assert collector.runtime.collections == []

    def test_survivors_that_die_later(self, collector):
        """What dies after it has survived a collection is freed, by an older generation."""
        kept = []
        for _ in range(60):
            kept.append(collector.runtime.make(MANY))
            if len(kept) > 3:
                kept.pop(0).die()
            collector.runtime.spend(1.0)
            collector.decide("job")

        assert sum(collector.runtime.waiting()) < 30 * MANY
        assert 1 in collector.runtime.collections or 2 in collector.runtime.collections

    def test_the_questions_agree(self, collector):
        """A look tells what deciding would do, and collects nothing."""
        batches(collector, 3, seconds=2.0)
        collector.runtime.make(MANY, alive=False)
        collector.runtime.spend(2.0)
        before = list(collector.runtime.collections)

        looked = collector.look("job")

        assert collector.runtime.collections == before
        assert collector.decide("job").generation == looked.generation

    @pytest.mark.parametrize("generation", [0, 1, 2])
    def test_schedule(self, collector, generation):
        """A schedule is exact, and says what it truly collects."""
        policy = Policy.every(2, generation)

        decisions = batches(collector, 6, policy=policy)

        actual = collector.runtime.at_least(generation)
        assert [each.generation for each in decisions] == [None, actual] * 3
        assert decisions[1].collection.generation == actual
        assert collector.look("job", Policy.always(generation)).generation == actual

    def test_teardown(self, collector):
        """A teardown tries only what there is, and finds the old structure."""
        structure = collector.runtime.make(MANY)
        for generation in collector.runtime.choices:
            collector.runtime.collect(generation)
        collector.runtime.spend(5.0)
        structure.die()

        decision = collector.decide("close", teardown=True)

        assert decision.reason is Reason.EXPLORING
        assert decision.generation == 2
        assert sum(collector.runtime.waiting()) == 0

    @settings(deadline=None)
    @given(
        st.sampled_from(KINDS),
        st.lists(
            st.tuples(
                st.sampled_from(["dead", "alive", "freed"]),
                st.integers(0, 100_000),
                st.floats(0.0, 10.0),
                st.booleans(),
            ),
            max_size=40,
        ),
    )
    def test_only_choices_are_collected(self, fake, steps):
        """Whatever happens, nothing is collected that this kind cannot collect."""
        collector = Collector(fake())
        for what, number, seconds, teardown in steps:
            made = collector.runtime.make(number, alive=what != "dead")
            if what == "freed":
                collector.runtime.free(made)
            collector.runtime.spend(seconds)
            decision = collector.decide("job", teardown=teardown)
            assert decision.generation in {None, *collector.runtime.choices}
            assert str(decision)

        assert set(collector.runtime.collections) <= set(collector.runtime.choices)


class TestFullOnly:
    """Where each collection examines everything there is a minimum between two of them."""

    def test_interval(self, full_only):
        """However much garbage there is, collections are a second apart."""
        at = []
        for _ in range(300):
            full_only.runtime.make(MANY, alive=False)
            full_only.runtime.spend(0.01)
            if full_only.decide("job"):
                at.append(full_only.runtime.clock())

        assert len(at) >= 2
        assert min(b - a for a, b in itertools.pairwise(at)) >= FULL_INTERVAL

    def test_teardown_too_soon(self, full_only):
        """Even for a teardown, which is tried at the next occasion."""
        assert full_only.decide("close", teardown=True).reason is Reason.EXPLORING
        full_only.runtime.make(MANY, alive=False)
        full_only.runtime.spend(FULL_INTERVAL / 2)

        soon = full_only.decide("close", teardown=True)
        full_only.runtime.spend(FULL_INTERVAL)
        later = full_only.decide("close", teardown=True)

        assert (soon.generation, soon.reason) == (None, Reason.OVERHEAD)
        assert (later.generation, later.reason) == (2, Reason.EXPLORING)

    def test_counts_decide_nothing(self, full_only):
        """In the moment after a look the number of young objects is no reason to collect."""
        full_only.decide("job")
        full_only.runtime.make(MANY, alive=False)

        decision = full_only.end("job", None, BATCH)

        assert decision.reason is not Reason.RETURNING
        assert full_only.runtime.collections in ([], [2])

    def test_returning(self, full_only):
        """That automatic collection is about to come back is none, either."""
        full_only.runtime.callbacks.clear()
        full_only.window.open(BATCH, "scope")
        full_only.runtime.make(3_000, 1, alive=False)

        decision = full_only.decide("job", window=BATCH)
        full_only.window.close(BATCH, "scope")

        assert decision.reason is not Reason.RETURNING


class TestWindows:
    """Holding automatic collection back, as far as it can be."""

    @pytest.mark.parametrize("window", [BATCH, PAUSE])
    def test_it_comes_back(self, collector, window):
        """Thresholds come back as they were found."""
        runtime = collector.runtime
        before = runtime.get_threshold(), list(runtime.callbacks)

        collector.window.open(window, "scope")
        collector.window.close(window, "scope")

        assert (runtime.get_threshold(), list(runtime.callbacks)) == before

    def test_pypy_holds_nothing_back(self):
        """Its collector is never disabled."""
        collector = Collector(FakePyPy())

        collector.window.open(PAUSE, "scope")

        assert collector.runtime.is_enabled() is gc.isenabled()
        assert collector.runtime.get_threshold() == (0, 0, 0)
        collector.window.close(PAUSE, "scope")

    def test_incremental_left_behind(self):
        """A threshold of ours that was left behind is known though there is no third."""
        collector = Collector(FakeIncremental())
        runtime = collector.runtime
        collector.window.open(BATCH, "scope")
        ours = runtime.get_threshold()
        collector.window.close(BATCH, "scope")
        runtime.set_threshold(*ours)
        assert ours[0] % MARK == MARKED

        collector.window.open(BATCH, "scope")
        collector.window.close(BATCH, "scope")

        assert runtime.get_threshold()[:2] == (700, 10)

    def test_incremental_pause(self):
        """A pause stops automatic collection there, too."""
        collector = Collector(FakeIncremental())
        collector.window.open(PAUSE, "scope")

        assert collector.runtime.get_threshold()[0] == NEVER

        collector.window.close(PAUSE, "scope")
        assert collector.runtime.get_threshold()[:2] == (700, 10)


class TestNoticing:
    """Collections that the program runs itself."""

    @pytest.mark.parametrize("generation", [0, 1, 2])
    def test_foreign_collections(self, collector, generation):
        """They are noticed as what they amount to, and the debts start anew."""
        collector.decide("job")
        collector.runtime.make(MANY, alive=False)
        collector.runtime.spend(0.1)
        collector.runtime.collect(generation)

        decision = collector.decide("job")

        assert decision.candidates < MANY or 0 not in collector.runtime.choices
        assert not decision
