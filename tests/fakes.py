"""Collectors of other kinds than this interpreter's, simulated step by step."""

from gcwise._runtime import FreeThreaded, Incremental, PyPy
from gcwise.testing import Objects, SimulatedRuntime
from gcwise.testing._simulated import CALL, FREE, OBJECT, PROGRAM, SCAN

__all__ = ["CALL", "FREE", "OBJECT", "PROGRAM", "SCAN", "Objects"]


class FakeRuntime(SimulatedRuntime):
    """A simulated heap that tells what was asked of it.

    `calls` names what was asked, and `reads` counts the readings of resident memory. Explicit
    collections do nothing while another is `under_way`. What is made is alive until it dies.
    """

    def __init__(self, live=100_000, *, enabled=False, limit=2**40):
        self.under_way = False
        self.calls, self.reads = [], 0
        super().__init__(live, enabled=enabled, limit=limit)

    def make(self, number, size=None, *, alive=True):
        """Allocate objects, cyclic garbage at once unless `alive`."""
        return super().make(number, size, alive=alive)

    def collect(self, generation):
        """Collect explicitly; do nothing while another collection is under way."""
        self.calls.append(f"collect({generation})")
        return 0 if self.under_way else super().collect(generation)

    def clock(self):
        """Return seconds."""
        self.calls.append("clock")
        return super().clock()

    def count(self):
        """Return what `gc.get_count` would."""
        self.calls.append("count")
        return super().count()

    def middle(self):
        """Return the objects in the middle generation."""
        self.calls.append("middle")
        return super().middle()

    def stats(self):
        """Return what `gc.get_stats` would."""
        self.calls.append("stats")
        return super().stats()

    def _read_resident(self):
        self.reads += 1
        return super()._read_resident()


class FakeIncremental(FakeRuntime):
    """CPython 3.14.0 to 3.14.4: only the youngest and all can be collected."""

    choices = Incremental.choices

    def count(self):
        """Return the young objects; the other counts tell of increments."""
        return self._counts[0], 0, 0

    def middle(self):
        """Fail: which objects are middle-aged cannot be told."""
        raise AssertionError

    def get_threshold(self):
        """Return the thresholds, of which the third is always 0."""
        return *self._thresholds[:2], 0


class FakeFreeThreaded(FakeRuntime):
    """CPython without the GIL: each collection examines everything; automatic ones say 0."""

    choices, interval = FreeThreaded.choices, FreeThreaded.interval

    def _run(self, number):
        for older in self.generations[number + 1 :]:
            self.generations[number] += older
            older.clear()
        return super()._run(number)

    def middle(self):
        """Fail: there is none."""
        raise AssertionError


class FakePyPy(PyPy):
    """PyPy, over a simulated heap whose size is all that can be seen of it."""

    def __init__(self, live=100_000, *, limit=2**40):
        self.heap = FakeRuntime(live)
        self.collections = []
        super().__init__()
        self._limit = limit
        self.clock = self.heap.clock
        self.make, self.free, self.spend = self.heap.make, self.heap.free, self.heap.spend
        self.waiting = self.heap.waiting
        self._collect_all = self._collect_heap

    def _collect_heap(self):
        self.collections.append(2)
        self.heap._run(2)

    def _read_resident(self):
        return self.heap.size()


class ToldRuntime:
    """A collector of which a test says all."""

    def __init__(self):
        self.now, self.young, self.bytes = 0.0, 0, 2**30
        self.limit = 2**40
        self.thresholds = (701, 11, 13)
        self.callbacks = []
        self.choices = (0, 1, 2)

    def memory_limit(self):
        """Return all the memory there is, in bytes."""
        return self.limit

    def clock(self):
        """Return seconds."""
        return self.now

    def count(self):
        """Return what there is in each generation."""
        return self.young, 0, 0

    def resident(self, _now, _age=0.0):
        """Return resident memory as just read."""
        return self.bytes, True

    def is_enabled(self):
        """Tell that automatic collection is on."""
        return True

    def get_threshold(self):
        """Return the thresholds."""
        return self.thresholds

    def set_threshold(self, *thresholds):
        """Set all thresholds."""
        self.thresholds = thresholds
