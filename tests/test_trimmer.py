"""When a policy's trims come, how they are judged, and what they do to real memory."""

import gc

import psutil
import pytest

import gcwise
from gcwise import Collection, Policy, Reason
from gcwise._collector import collector
from gcwise._trimmer import INTERVAL, LONGEST, WORTH, Trimmer
from gcwise.testing import SimulatedRuntime, simulated
from tests.interpreters import needs_generations

MIB = 2**20
PRODUCTIVE = Collection(2, 200_000, 100_000, 0, 0.1, None)


class Kept(SimulatedRuntime):
    """A simulated heap whose allocator keeps some memory."""

    def __init__(self, kept=50 * MIB):
        super().__init__()
        self.kept, self.trims = kept, []

    def trim(self):
        """Give it back."""
        self.trims.append(self.now)
        return self.kept


@pytest.fixture
def runtime():
    """Return a simulated heap whose allocator keeps some memory."""
    return Kept()


@pytest.fixture
def trimmer(runtime):
    """Return a trimmer that has not trimmed yet."""
    return Trimmer(runtime)


class TestWhen:
    """After productive full collections, at most once in ten seconds."""

    def test_productive(self, runtime, trimmer):
        """What was given back is told."""
        assert trimmer.after(PRODUCTIVE, 100 * MIB) == 50 * MIB
        assert runtime.trims == [0.0]

    @pytest.mark.parametrize("generation", [0, 1])
    def test_younger(self, runtime, trimmer, generation):
        """Young garbage is made anew at once, and its memory used again."""
        assert trimmer.after(PRODUCTIVE._replace(generation=generation), 100 * MIB) == 0
        assert runtime.trims == []

    def test_fruitless(self, runtime, trimmer):
        """A collection that freed next to nothing left nothing to give back."""
        assert trimmer.after(PRODUCTIVE._replace(collected=10), 100 * MIB) == 0
        assert runtime.trims == []

    def test_interval(self, runtime, trimmer):
        """Another one comes ten seconds later at the soonest."""
        for _ in range(21):
            trimmer.after(PRODUCTIVE, 100 * MIB)
            runtime.spend(1.0)
        assert runtime.trims == [0.0, INTERVAL, 2 * INTERVAL]

    def test_back_off(self, runtime, trimmer):
        """Where resident memory hardly falls the next comes later and later, and then as before."""
        runtime.kept = int(WORTH * 100 * MIB) - 1
        for _ in range(10_000):
            trimmer.after(PRODUCTIVE, 100 * MIB)
            runtime.spend(1.0)
        gaps = [b - a for a, b in zip(runtime.trims, runtime.trims[1:], strict=False)]
        assert gaps[:3] == [20.0, 40.0, 80.0]
        assert gaps[-1] == LONGEST
        runtime.kept = 50 * MIB
        runtime.spend(LONGEST)
        start = runtime.now
        for _ in range(11):
            trimmer.after(PRODUCTIVE, 100 * MIB)
            runtime.spend(1.0)
        assert runtime.trims[-2:] == [start, start + INTERVAL]


class TestDecided:
    """The policy switches it on."""

    def decide(self, policy, kept=50 * MIB):
        """Take an old structure apart, and decide."""
        runtime = Kept(kept)
        with simulated(runtime):
            old = runtime.make(300_000, alive=True)
            runtime.collect(2)
            old.die()
            decision = gcwise.teardown("close", policy=policy)
            with decision:
                runtime.spend(1.0)
            told = gcwise.report().total.memory_freed
        return decision.decision, runtime.trims, told

    def test_on(self):
        """The memory given back counts as freed, in the decision and in the report."""
        decision, trims, told = self.decide(Policy(trim=True))
        assert decision.reason is Reason.EXPLORING
        assert len(trims) == 1
        assert decision.collection.memory_freed == told >= 50 * MIB

    def test_off(self):
        """Else nothing is trimmed."""
        decision, trims, _ = self.decide(Policy())
        assert decision.collection.collected == 300_000
        assert trims == []

    def test_nothing_given_back(self):
        """Only what the collection itself freed counts then."""
        decision, trims, told = self.decide(Policy(trim=True), kept=0)
        assert len(trims) == 1
        assert decision.collection.memory_freed == told == 300_000 * 128

    @pytest.mark.parametrize("wrong", [1, None, "yes"])
    def test_wrong(self, wrong):
        """Neither yes nor no is refused."""
        with pytest.raises(TypeError, match="trim must be True or False, got "):
            Policy(trim=wrong)


@needs_generations
def test_a_failing_trim_is_never_heard_of(monkeypatch):
    """As with the other sensors; a time limit passes."""
    runtime = type(collector.runtime)()
    monkeypatch.setattr("gcwise._runtime.trim", lambda: 1 // 0)
    assert runtime.trim() == 0

    def late():
        raise TimeoutError

    monkeypatch.setattr("gcwise._runtime.trim", late)
    with pytest.raises(TimeoutError):
        runtime.trim()


@needs_generations
@pytest.mark.skipif(not hasattr(psutil, "heap_trim"), reason="this psutil has no heap_trim()")
def test_real():
    """Memory of freed cycles that the allocator keeps goes back to the system."""

    class Buffer:
        def __init__(self):
            self.me, self.data = self, bytearray(20_000)

    buffers = [Buffer() for _ in range(4_000)]
    # One in a hundred stays, so that the heap cannot shrink from its end.
    kept = buffers[::100]
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    with gcwise.teardown("buffers", policy=Policy(trim=True)) as scope:
        del buffers
    fallen = before - process.memory_info().rss

    assert scope.decision.collection.collected >= 3_900
    assert fallen > 40 * MIB
    assert scope.decision.collection.memory_freed == pytest.approx(fallen, abs=10 * MIB)
    del kept
