"""A collector with three generations, its clock and its memory, simulated step by step."""

from dataclasses import dataclass

from gcwise._runtime import FreeThreaded, Incremental, PyPy, Runtime

# Seconds to examine an object that survives, by its generation, and to free one that does not.
SCAN, FREE = (20e-9, 100e-9, 200e-9), 100e-9
# Seconds of a collection that finds nothing; bytes of an object; bytes of a program without any.
CALL, OBJECT, PROGRAM = 1e-6, 128, 20 * 2**20


@dataclass(eq=False)
class Objects:
    """Objects that live and die together, and then are cyclic garbage."""

    number: int
    size: int
    alive: bool = True

    def die(self):
        """Lose the last reference from outside: from now on only a collection frees them."""
        self.alive = False


class FakeRuntime(Runtime):
    """The names of `Runtime`, over a simulated heap.

    `calls` names what was asked, `collections` the generations of explicit collections, and
    `reads` counts the readings of resident memory. Automatic collection runs after a `make` that
    exceeds a threshold, if `enabled`; explicit ones do nothing while another is `under_way`.
    """

    def __init__(self, live=100_000, *, enabled=False, limit=2**40):
        self.now = 0.0
        self.enabled = enabled
        self.under_way = False
        self.calls, self.collections = [], []
        self.callbacks = []
        self.reads = 0
        self.generations = [[], [], [Objects(live, live * OBJECT)]]
        self._thresholds = (700, 10, 10)
        self._counts = [0, 0, 0]
        self._stats = [dict.fromkeys(("collections", "collected", "uncollectable"), 0)] * 3
        self._limit = limit
        self.reset()

    def spend(self, seconds):
        """Let the program work on something else."""
        self.now += seconds

    def make(self, number, size=None, *, alive=True):
        """Allocate objects, cyclic garbage at once unless `alive`."""
        objects = Objects(number, OBJECT * number if size is None else size, alive)
        self.generations[0].append(objects)
        self._counts[0] += number
        if self.enabled and 0 < self._thresholds[0] < self._counts[0]:
            over = [n for n in range(3) if self._counts[n] > self._thresholds[n]]
            self._run(max(over))
        return objects

    def free(self, objects):
        """Free objects at once, as reference counting does."""
        next(each for each in self.generations if objects in each).remove(objects)
        self._counts[0] = max(self._counts[0] - objects.number, 0)

    def collect(self, generation):
        """Collect explicitly; do nothing while another collection is under way."""
        self.calls.append(f"collect({generation})")
        if self.under_way:
            return 0
        self.collections.append(generation)
        return self._run(generation)

    def _run(self, number):
        self._tell("start", number, 0)
        found = self.generations[: number + 1]
        self.now += CALL + sum(
            objects.number * (scan if objects.alive else FREE)
            for scan, generation in zip(SCAN, found, strict=False)
            for objects in generation
        )
        everything = [objects for generation in found for objects in generation]
        collected = sum(objects.number for objects in everything if not objects.alive)
        for generation in found:
            generation.clear()
        self.generations[min(number + 1, 2)] += [each for each in everything if each.alive]
        self._counts[: number + 1] = [0] * (number + 1)
        if number < 2:
            self._counts[number + 1] += 1
        self._stats[number] = {
            "collections": self._stats[number]["collections"] + 1,
            "collected": self._stats[number]["collected"] + collected,
            "uncollectable": 0,
        }
        self._tell("stop", number, collected)
        return collected

    def _tell(self, phase, generation, collected):
        info = {"generation": generation, "collected": collected, "uncollectable": 0}
        for callback in list(self.callbacks):
            callback(phase, info)

    def clock(self):
        """Return seconds."""
        self.calls.append("clock")
        return self.now

    def count(self):
        """Return what `gc.get_count` would."""
        self.calls.append("count")
        return tuple(self._counts)

    def middle(self):
        """Return the objects in the middle generation."""
        self.calls.append("middle")
        return sum(objects.number for objects in self.generations[1])

    def stats(self):
        """Return what `gc.get_stats` would."""
        self.calls.append("stats")
        return [dict(generation) for generation in self._stats]

    def is_enabled(self):
        """Return whether automatic collection is on."""
        return self.enabled

    def get_threshold(self):
        """Return the thresholds of automatic collection."""
        return self._thresholds

    def set_threshold(self, *thresholds):
        """Set the first thresholds and keep the rest."""
        self._thresholds = (*thresholds, *self._thresholds[len(thresholds) :])

    def _read_resident(self):
        self.reads += 1
        return self.size()

    def size(self):
        """Return the bytes that program, living objects and garbage take."""
        return PROGRAM + sum(each.size for generation in self.generations for each in generation)

    def waiting(self):
        """Return how many dead objects wait in each generation."""
        return [
            sum(objects.number for objects in generation if not objects.alive)
            for generation in self.generations
        ]


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

    def resident(self, _now):
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
