"""Sensors that fail or tell nonsense: no block, and no question, ever hears of it."""

import gc
import itertools
import math
import os
import sys
import weakref

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gcwise
from gcwise._collector import Collector, collector
from gcwise._limits import NO_LIMIT, container_limit
from gcwise._runtime import Runtime
from gcwise._window import BATCH
from tests.fakes import FakeRuntime
from tests.test_rule_properties import Program

GIB = 2**30
DAY = 86_400.0
MANY = 20_000
ERRORS = [
    psutil.AccessDenied(),
    psutil.NoSuchProcess(1),
    psutil.ZombieProcess(1),
    OSError("gone"),
    RuntimeError("odd"),
]
FIGURES = [0, -1, -(2**70), 1, 2**70, 10**400, 0.5, math.nan, math.inf, -math.inf, None, "much"]
# What the kernel's files may hold.
LIMITS = [
    *(b"", b"max\n", b"\n\n", b"-1", b"0", b"1e9", b"0x10", b"1 GiB", b"123 456\n"),
    *(b"\xff\xfe\x00\x01", b"\x00" * 64, b"9" * 5_000, b"1" * 5_000, "\u0661".encode() * 30),
]
GROUPS = [
    *(b"", b"0::", b"0::/\n0::/\n", b"\xff\xfe\x00", b"0::/a\x00b\n", b"0::/\xff\n"),
    *(b"0::/" + b"x" * 5_000, b"0::../../..\n", b"4:memory\n", b":memory:/x\n", b"::::\n" * 99),
]
FULL = {"collections": 1, "collected": 1, "uncollectable": 0}
ODD_COUNTS = [(-1, 0, 0), (-(2**31), -5, -5), (2**31 - 1, 0, 0), (2**31 - 1,) * 3, (2**70,) * 3]

readings = pytest.mark.parametrize("reading", [*ERRORS, *FIGURES], ids=lambda told: f"{told!r:.20}")


class Node:
    """A cycle of one object, that can be watched."""

    def __init__(self):
        self.me = self


def tell(reading, name):
    """Return a function that raises the reading, or returns it under a name."""

    def sensor(*_):
        if isinstance(reading, Exception):
            raise reading
        return type("Told", (), {name: reading})

    return sensor


def leave_cycles(number=MANY):
    """Leave so much cyclic garbage that it is worth collecting; return a watch on the last."""
    for _ in range(number):
        last = Node()
    return weakref.ref(last)


def sane(decision):
    """Check that a decision has finite figures and can say them."""
    figures = (decision.candidates, decision.expected, decision.cost, decision.debt)
    assert all(0 <= figure < math.inf for figure in figures), decision
    if decision.collection is not None:
        assert decision.collection.collected >= 0
        assert 0 <= decision.collection.duration < math.inf
    assert "nan" not in str(decision)
    return decision


def program_works():
    """Go through all spellings; see that cycles are collected where their number tells of them."""
    with gcwise.paused("sensors") as scope:
        watch = leave_cycles()
    assert sane(scope.decision)
    assert watch() is None
    for scope in (gcwise.collect_after("after"), gcwise.batch("batch"), gcwise.teardown("down")):
        with scope:
            leave_cycles(100)
        sane(scope.decision)
    for _ in gcwise.each(range(3), "each"):
        leave_cycles(100)
    sane(gcwise.should_collect("question"))
    watch = leave_cycles()
    sane(gcwise.maybe_collect("question"))


class TestResidentMemory:
    """psutil fails or lies about this process."""

    @readings
    def test_from_the_start(self, monkeypatch, reading):
        """Nothing is heard of it, and cycles are collected where the counts tell of them."""
        monkeypatch.setattr(psutil.Process, "memory_info", tell(reading, "rss"))
        program_works()

    @readings
    def test_now_and_then(self, monkeypatch, reading):
        """A reading between failures serves as well as any."""
        sensors = itertools.cycle([tell(GIB, "rss"), tell(reading, "rss")])
        monkeypatch.setattr(psutil.Process, "memory_info", lambda process: next(sensors)())
        program_works()
        program_works()

    @readings
    def test_the_size_is_plausible(self, monkeypatch, reading):
        """Whatever is read, shares of memory have something to be divided by."""
        monkeypatch.setattr(psutil.Process, "memory_info", tell(reading, "rss"))
        resident, fresh = Runtime().resident(0.0)
        assert fresh
        assert 0 < resident < NO_LIMIT
        assert type(resident) is int

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_no_process_at_all(self, monkeypatch, error):
        """Where not even a handle can be had, as in a chroot without /proc."""
        monkeypatch.setattr(psutil, "Process", tell(error, "rss"))
        program_works()


class TestMemoryLimit:
    """psutil fails or lies about the machine."""

    @readings
    def test_machine(self, monkeypatch, reading):
        """The limit stays a number above zero, and decisions are taken."""
        monkeypatch.setattr("gcwise._runtime.container_limit", lambda: NO_LIMIT)
        monkeypatch.setattr(psutil, "virtual_memory", tell(reading, "total"))
        monkeypatch.setattr(collector.runtime, "_limit", None)
        program_works()
        assert 0 < collector.runtime.memory_limit() <= NO_LIMIT

    @pytest.mark.parametrize("limit", [1, 2**70, 10**400])
    def test_absurd_limit_of_a_policy(self, limit):
        """A limit that is far exceeded, or beyond any memory, is decided with."""
        gcwise.set_policy(gcwise.Policy(memory_limit=limit))
        program_works()


class TestControlGroups:
    """The kernel's files about limits are missing, unreadable or nonsense."""

    def write(self, root, groups, limit):
        """Write both files below `root`, and return it as a string."""
        for path, told in (("proc/self/cgroup", groups), ("sys/fs/cgroup/memory.max", limit)):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(told)
        return os.fspath(root)

    @pytest.mark.parametrize("told", LIMITS)
    def test_limit_that_is_none(self, tmp_path, told):
        """A limit that cannot be one is no limit."""
        assert container_limit(self.write(tmp_path, b"0::/\n", told)) == NO_LIMIT

    @pytest.mark.parametrize("told", GROUPS)
    def test_groups_that_are_none(self, tmp_path, told):
        """Of a process in no known group, nothing worse is said than the root's limit."""
        assert container_limit(self.write(tmp_path, told, b"4096")) in {4096, NO_LIMIT}

    def test_folders_in_place_of_files(self, tmp_path):
        """What cannot be opened is passed over."""
        root = self.write(tmp_path, b"0::/\n", b"4096")
        for path in ("sys/fs/cgroup/memory.max", "proc/self/cgroup"):
            (tmp_path / path).unlink()
            (tmp_path / path).mkdir()
            assert container_limit(root) == NO_LIMIT

    def test_no_permission(self, tmp_path, monkeypatch):
        """Nor does a refusal matter, whoever runs the tests."""

        def denied(*_, **__):
            raise PermissionError("hidepid")

        root = self.write(tmp_path, b"0::/\n", b"4096")
        monkeypatch.setattr("builtins.open", denied)
        limit = container_limit(root)
        monkeypatch.undo()
        assert limit == NO_LIMIT

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(st.binary(max_size=64), st.binary(max_size=32))
    def test_any_bytes(self, tmp_path_factory, groups, limit):
        """Whatever the files hold, the limit is a number above zero."""
        root = tmp_path_factory.getbasetemp() / "groups"
        assert 0 < container_limit(self.write(root, groups, limit)) <= NO_LIMIT


class TestStatistics:
    """`gc.get_stats()` tells less than it does today, or more."""

    @pytest.fixture
    def alone(self):
        """Keep automatic collection out of the figures."""
        gc.disable()
        yield
        gc.enable()

    @pytest.fixture(
        params=[
            None,
            [],
            [{}] * 3,
            [{"collections": 1}] * 3,
            [FULL, FULL, {"collections": 1, "collected": 1}],
            [FULL, FULL, {**FULL, "collected": None}],
            [FULL, FULL],
        ],
        ids=repr,
    )
    def poor(self, request, monkeypatch, alone):
        """Return a collector of an interpreter with poor statistics."""
        monkeypatch.setattr(gc, "get_stats", lambda: request.param)
        return Collector(Runtime())

    def test_too_little(self, poor):
        """Explicit collections are counted instead, and learned from."""
        watch = leave_cycles()
        decision = sane(poor.decide("job", gcwise.Policy.always(0)))
        assert watch() is None
        assert decision.collection.collected >= MANY
        sane(poor.look("job"))
        for _ in range(10):
            watch = leave_cycles()
            sane(poor.end("job", None))
        sane(poor.decide("job", teardown=True))
        assert watch() is None
        assert poor.runtime.stats()[0]["collections"] > 1

    def test_more(self, monkeypatch, alone):
        """Further keys, as CPython 3.15 has, are passed over, and the interpreter is believed."""
        tell = gc.get_stats
        more = [{"candidates": 7, "duration": 0.1, "next": None}] * 3
        monkeypatch.setattr(
            gc,
            "get_stats",
            lambda: [extra | told for extra, told in zip(more, tell(), strict=True)],
        )
        rich = Collector(Runtime())
        assert rich.runtime.stats is gc.get_stats
        watch = leave_cycles()
        assert sane(rich.decide("job", gcwise.Policy.always(0))).collection.collected >= MANY
        assert watch() is None

    def test_backwards(self, monkeypatch):
        """Statistics that were set back are no negative numbers."""
        told = iter(range(10**6, 0, -1))
        monkeypatch.setattr(
            collector.runtime,
            "stats",
            lambda: [dict.fromkeys(FULL, next(told)) for _ in range(3)],
        )
        for _ in range(3):
            sane(collector.decide("job", gcwise.Policy.always(0)))
            sane(collector.decide("job"))
            sane(collector.look("job"))


class Unreliable(FakeRuntime):
    """A simulated heap, in front of which sensors lie as they are told to.

    `lies` has, under a sensor's name, what that one tells instead, each lie once.
    """

    def __init__(self, *arguments, **knobs):
        self.lies = {}
        super().__init__(*arguments, **knobs)

    def reset(self):
        """Read memory as the real runtime does, from a process that may lie."""
        super().reset()
        self._process = self

    def lie(self, sensor, truth):
        """Return the next lie of a sensor, or the truth."""
        lies = self.lies.get(sensor)
        return lies.pop() if lies else truth

    def clock(self):
        """Return seconds."""
        return self.lie("clock", super().clock())

    def count(self):
        """Return what `gc.get_count` would."""
        return self.lie("count", super().count())

    def middle(self):
        """Return the objects in the middle generation."""
        return self.lie("middle", super().middle())

    def memory_info(self):
        """Return resident memory, as psutil does."""
        return type("Told", (), {"rss": self.lie("rss", self.size())})

    _read_resident = Runtime._read_resident


def batches(collector, number, *, cycles=5_000, rest=0.1):
    """Work in batches, and return how many dead objects were waiting after each."""
    waiting = []
    for _ in range(number):
        collector.window.open(BATCH, "scope")
        collector.runtime.make(cycles, alive=False)
        collector.runtime.spend(rest)
        sane(collector.end("job", None, BATCH))
        collector.window.close(BATCH, "scope")
        waiting.append(sum(collector.runtime.waiting()))
    return waiting


def slow_collections(runtime, seconds):
    """Let the clock jump by so much inside each collection from now on."""
    collect = runtime.collect

    def slow(generation):
        runtime.now += seconds
        return collect(generation)

    runtime.collect = slow


class TestClock:
    """The clock stands still or jumps; by three days, as in a laptop that was closed."""

    def test_that_stands_still(self):
        """Garbage is still collected when automatic collection is about to come back."""
        runtime = Unreliable(enabled=True)
        runtime.clock = lambda: 1.0
        asleep = Collector(runtime)
        assert max(batches(asleep, 100)) <= 5_000
        assert runtime.collections

    @pytest.mark.parametrize("jump", [-3 * DAY, 3 * DAY, -1e-9, 1e300, -1e300])
    @pytest.mark.parametrize("where", ["between", "inside", "collecting"])
    def test_that_jumps(self, jump, where):
        """Before a batch, in it, in a collection: garbage is bounded before and after."""
        runtime = Unreliable(enabled=True)
        jumping = Collector(runtime)
        batches(jumping, 50)
        collect = runtime.collect
        if where == "between":
            runtime.now += jump
        elif where == "inside":
            jumping.window.open(BATCH, "scope")
            runtime.make(500, alive=False)
            runtime.now += jump
            runtime.make(5_000, alive=False)
            sane(jumping.end("job", None, BATCH))
            jumping.window.close(BATCH, "scope")
        else:
            slow_collections(runtime, jump)
            batches(jumping, 2)
            runtime.collect = collect
        assert max(batches(jumping, 200)[10:]) <= 5_000

    @pytest.mark.parametrize("jump", [-3 * DAY, 3 * DAY])
    def test_resident_memory_is_read_again_after_it(self, jump):
        """A last reading in what is now the future does not serve until then."""
        runtime = Unreliable()
        runtime.resident(runtime.clock())
        runtime.now += jump
        assert runtime.resident(runtime.clock())[1]

    @pytest.mark.parametrize("jump", [-3 * DAY, 3 * DAY])
    def test_decisions_look_again_after_it(self, jump):
        """The moment after a look ends, though its end is now days away."""
        runtime = Unreliable()
        jumping = Collector(runtime)
        batches(jumping, 5)
        jumping.quiet.sleep(runtime.clock(), 0, 700)
        assert jumping.quiet.holds()
        runtime.now += jump
        assert not jumping.quiet.holds()

    def test_days_asleep_are_no_debt(self):
        """Nor does a sleep make decisions expect days until the next one."""
        runtime = Unreliable()
        asleep = Collector(runtime)
        batches(asleep, 50)
        runtime.make(200, alive=False)
        runtime.spend(30 * DAY)
        asleep.decide("job")
        assert asleep._ledger.gap <= 3_600
        batches(asleep, 60)
        assert asleep._ledger.gap < 1

    def test_full_collections_come_back_after_a_sleep_in_one(self):
        """Days asleep in the middle of a full collection are not taken for its cost."""
        runtime = Unreliable(live=1_000_000)
        asleep = Collector(runtime)
        batches(asleep, 5)
        collect = runtime.collect
        slow_collections(runtime, 3 * DAY)
        asleep.decide("close", teardown=True)
        runtime.collect = collect
        batches(asleep, 100, rest=30.0)
        assert asleep._ledger.old_allowed(asleep.policy.max_overhead)


class TestCounts:
    """`gc.get_count()` is a hint; in some interpreters it was negative at times."""

    @pytest.mark.parametrize("counts", ODD_COUNTS)
    def test_odd(self, counts):
        """A count that cannot be is decided with, and none is told with a minus."""
        runtime = Unreliable(enabled=True)
        lied = Collector(runtime)
        for _ in range(100):
            runtime.lies["count"] = [counts] * 3
            batches(lied, 1)
            sane(lied.look("job"))
            sane(lied.decide("close", teardown=True))
        runtime.lies.clear()
        assert max(batches(lied, 200)[100:]) <= 50_000

    @pytest.mark.parametrize("young", [-1, -(2**31)])
    def test_negative_in_the_moment_after_a_look(self, young, monkeypatch):
        """What a scope says of it is zero, though nothing was weighed."""
        monkeypatch.setattr(collector.quiet, "_count", lambda: (young, 0, 0))
        collector.quiet.sleep(collector.runtime.clock(), 0, 700)
        with gcwise.batch("odd") as scope:
            pass
        assert sane(scope.decision).candidates == 0
        assert sane(gcwise.should_collect("odd")).candidates == 0


any_float = st.floats(allow_nan=True, allow_infinity=True)
any_number = any_float | st.integers(-(2**80), 2**80)
any_count = st.tuples(*3 * [st.integers(-(2**80), 2**80)])
lies = st.one_of(
    st.tuples(st.just("clock"), st.lists(any_float, max_size=4)),
    st.tuples(st.just("rss"), st.lists(any_number, max_size=4)),
    st.tuples(st.just("count"), st.lists(any_count, max_size=4)),
    st.tuples(st.just("middle"), st.lists(st.integers(-(2**80), 2**80), max_size=4)),
    st.tuples(st.just("now"), any_float),
)
work = st.one_of(
    st.tuples(st.just("make"), st.integers(1, 100_000), st.integers(0, 2**28), st.booleans()),
    st.tuples(st.just("die"), st.integers(0, 99)),
    st.tuples(st.just("spend"), st.sampled_from([0.0, 1e-6, 1e-3, 0.02, 1.0, 1e4])),
    st.tuples(st.just("decide"), st.sampled_from("abc")),
    st.tuples(st.just("end"), st.sampled_from("abc")),
    st.tuples(st.just("teardown"), st.sampled_from("abc")),
    st.tuples(st.just("look"), st.sampled_from("abc")),
    st.tuples(st.just("batch"), st.sampled_from("abc"), st.integers(1, 20_000)),
    st.tuples(st.just("fork")),
)


class Deceived(Program):
    """A program whose sensors lie."""

    def __init__(self):
        self.runtime = Unreliable(enabled=True)
        self.collector = Collector(self.runtime)
        self.alive = []

    def lie(self, sensor, told):
        """Let the next readings of a sensor be lies, or set the clock for good."""
        if sensor == "now":
            self.runtime.now = told
        else:
            self.runtime.lies[sensor] = told

    def end(self, site):
        """End a scope."""
        self.tell(self.collector.end(site, None))


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.lists(work | st.tuples(st.just("lie"), lies).map(lambda a: (a[0], *a[1])), max_size=40))
def test_no_reading_makes_a_figure_unsound(steps):
    """Whatever clock, counts and memory tell: nothing raises, and every figure is finite."""
    program = Deceived()
    for name, *arguments in steps:
        getattr(program, name)(*arguments)
        program.check()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_machine_without_proc(tmp_path):
    """The real sensors do fail where psutil is pointed at an empty /proc."""
    before = psutil.PROCFS_PATH
    psutil.PROCFS_PATH = os.fspath(tmp_path)
    try:
        collector.runtime.reset()
        program_works()
    finally:
        psutil.PROCFS_PATH = before
