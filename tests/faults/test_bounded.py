"""What is kept is bounded: of sites, of scopes, and of a day of decisions."""

import asyncio
import collections
import contextlib
import gc
import math
import weakref
from types import FunctionType, MethodType, ModuleType

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import MOST_SITES, Collector, collector
from gcwise._window import BATCH
from tests.fakes import FakeRuntime

tracemalloc = pytest.importorskip("tracemalloc", reason="memory is not traced here")

# Sites made here, and those with all that the rule keeps; a soak makes a million.
SITES, LOOKED_AT = 200_000, 5_000
# Bytes by which memory may differ once there are as many sites as are kept.
SLACK = 2**20
# Batches of each minute of a day, ten a second and then none; 600 would be all.
BATCHES_A_MINUTE, MINUTES = 5, 24 * 60
NOTHING = Policy.never()
BLOCKS = [gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown]

blocks = pytest.mark.parametrize("block", BLOCKS, ids=lambda each: each.__name__)


class BoomError(Exception):
    """What goes wrong inside a block."""


class Thing:
    """Something that can be watched."""


class TestSites:
    """Names that are never used again are forgotten."""

    def test_their_number(self):
        """However many there were, no more are kept than the most that may be."""
        for number in range(SITES):
            gcwise.maybe_collect(f"site {number}", policy=NOTHING)
            assert len(collector.sites) <= MOST_SITES
        assert len(collector.sites) == MOST_SITES

    def test_their_memory(self):
        """Once there are so many, others take no more memory."""
        own = Policy()  # Not the process's: such a place is never passed over.
        tracemalloc.start()
        try:
            for number in range(MOST_SITES + 100):
                gcwise.maybe_collect(f"warm {number:06}", policy=NOTHING)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            for number in range(LOOKED_AT):
                with gcwise.batch(f"more {number:06}", policy=own):
                    pass
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < SLACK


@pytest.fixture
def nothing_collected():
    """Collect nothing for the time of a test, so that only reference counting frees."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def fail(scope, watched):
    """Fail inside a block, with a local variable that is watched."""
    local = Thing()
    watched.append(weakref.ref(local))
    with scope:
        raise BoomError


@pytest.mark.usefixtures("nothing_collected")
class TestScopes:
    """A scope that has ended keeps nothing of what went through it."""

    @blocks
    def test_exception_and_frame(self, block):
        """The error and the locals of its frame are gone as soon as it is handled."""
        scope, watched = block("fails", policy=NOTHING), []
        try:
            fail(scope, watched)
        except BoomError as error:
            watched.append(weakref.ref(error))
        assert scope.decision is not None
        assert [ref() for ref in watched] == [None, None]

    @blocks
    def test_arguments_and_result(self, block):
        """A decorated function keeps neither, nor do the scopes of its calls."""

        @block("call", policy=NOTHING)
        def call(first, *, second):
            result = Thing()
            watched.append(weakref.ref(result))
            return result

        arguments, watched = (Thing(), Thing()), []
        watched += map(weakref.ref, arguments)
        call(arguments[0], second=arguments[1])
        del arguments
        assert [ref() for ref in watched] == [None] * 3

    @blocks
    def test_coroutine(self, block):
        """Nor does a decorated coroutine function."""

        @block("call", policy=NOTHING)
        async def call(argument):
            await asyncio.sleep(0)
            result = Thing()
            watched.extend([weakref.ref(argument), weakref.ref(result)])
            return result

        watched = []
        asyncio.run(call(Thing()))
        assert [ref() for ref in watched] == [None, None]

    @blocks
    def test_generators(self, block):
        """Nor a generator, which passes on what it does not keep while it waits."""

        @block("call", policy=NOTHING)
        def numbers(argument):
            watched.append(weakref.ref(argument))
            del argument
            for _ in range(2):
                thing = Thing()
                watched.append(weakref.ref(thing))
                yield thing
                del thing

        watched = []
        for _ in numbers(Thing()):
            pass
        del _
        assert [ref() for ref in watched] == [None] * 3

    @blocks
    def test_no_cycles(self, block):
        """All spellings together leave nothing that only a collection would free."""

        @block("call", policy=NOTHING)
        def call(argument):
            return argument

        @block("generator", policy=NOTHING)
        def generate():
            yield 1
            yield 2

        def use():
            with block("block", policy=NOTHING) as scope:
                gcwise.maybe_collect("question", policy=NOTHING)
            assert str(scope.decision)
            call(Thing())
            next(generate())
            list(generate())
            for _ in gcwise.each(range(3), policy=NOTHING):
                break
            with contextlib.suppress(BoomError):
                fail(block("fails", policy=NOTHING), [])
            gcwise.should_collect()

        use()
        gc.collect()
        for _ in range(10):
            use()
        assert gc.collect() == 0


class Silent(FakeRuntime):
    """A simulated heap that takes no notes."""

    def __init__(self, *arguments, **knobs):
        super().__init__(*arguments, **knobs)
        self.calls = self.collections = collections.deque(maxlen=0)


def builds(runtime):
    """Leave nothing: what was built is freed by reference counting after the batch."""
    return runtime.make(5_000)


def leaves_cycles(runtime):
    """Leave all of it as cyclic garbage."""
    runtime.make(5_000, alive=False)


def alternates(runtime):
    """Leave a little more, and less, from time to time."""
    runtime.make(100 + int(runtime.now) % 3_000, alive=False)


def work(collector, kind, site=None):
    """Do one batch, and see that the figures are finite; return the dead objects it has left."""
    runtime = collector.runtime
    collector.window.open(BATCH, "scope")
    built = kind(runtime)
    runtime.spend(0.1)
    decision = collector.end(site or kind.__name__, None, BATCH)
    collector.window.close(BATCH, "scope")
    if built is not None:
        runtime.free(built)
    assert 0 <= decision.cost < math.inf
    assert 0 <= decision.debt < math.inf
    return sum(runtime.waiting())


def footprint(root):
    """Count the objects that are reachable from the collector, but for the simulated heap's.

    Numbers are no objects here: two figures may or may not be one of them.
    """
    others = int, float, type, ModuleType, FunctionType, FakeRuntime
    seen, left = {}, [root]
    while left:
        found = left.pop()
        if id(found) in seen or isinstance(found, others):
            continue
        seen[id(found)] = found
        if not isinstance(found, MethodType) or not isinstance(found.__self__, FakeRuntime):
            left += gc.get_referents(found)
    return len(seen)


class TestDay:
    """A day of decisions, simulated."""

    @pytest.mark.parametrize("kind", [builds, leaves_cycles, alternates])
    def test_nothing_grows(self, kind):
        """Neither what the collector keeps, nor the garbage, nor any figure."""
        busy, most = Collector(Silent(enabled=True)), 0
        sizes = []
        for minute in range(MINUTES):
            waiting = [work(busy, kind) for _ in range(BATCHES_A_MINUTE)]
            most = max(most, *waiting)
            busy.runtime.spend(60 - BATCHES_A_MINUTE / 10)
            if minute % 60 == 0:
                sizes.append(footprint(busy))
        assert busy.runtime.now >= 24 * 3600
        assert max(sizes[1:]) <= sizes[1] + 5
        assert len(busy.sites) == 1
        assert most <= 20_000
        ledger = busy._ledger
        figures = [ledger.gap, ledger.fruitless, *ledger.prices.seconds]
        for each in ledger.generations:
            figures += [each.debt, each.share, each.objects, each.size]
        assert all(0 <= figure < 1e12 for figure in figures)

    def test_it_learns_again_at_the_end(self):
        """A place that has built all day is found out soon when it begins to leave cycles."""
        busy = Collector(Silent(enabled=True))
        for _ in range(MINUTES):
            work(busy, builds)
            busy.runtime.spend(60.0)
        waiting = [work(busy, leaves_cycles, "builds") for _ in range(200)]
        assert max(waiting[20:]) <= 20_000
        assert busy.sites["builds"].efficiency > 0.9
        assert busy.sites.keys() == {"builds"}
