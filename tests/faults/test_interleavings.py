"""Ten thousand random interleavings of windows in eight threads: all leave gc as it was found."""

import contextlib
import gc
import random
import sys
import threading
from collections import Counter

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import collector

RUNS, THREADS = 10_000, 8
# So many follow each other before all threads meet and look at what was left; in one such group of
# so many other code sets gc, too.
GROUP, FOREIGN = 4, 4
# No two of these can be taken for each other, and none for a window's.
FIRST, MIDDLE, LAST = [0, 20_011, 30_011, 40_009], [0, 5, 11], [0, 7, 13]
FOREIGN_FIRST, FOREIGN_MIDDLE, FOREIGN_LAST = [0, 50_021, 60_013], [1_009, 2_003], [3_001, 0]
KINDS = [gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown]
POLICIES = [None, None, Policy.never(), Policy.always(0)]
ERRORS = [ValueError, KeyboardInterrupt, GeneratorExit, StopIteration]
SECONDS = 60


@pytest.fixture(autouse=True)
def _settings():
    """Let threads take turns often, in a heap that is quickly collected."""
    found, interval = (gc.isenabled(), gc.get_threshold()), sys.getswitchinterval()
    collector.window.__init__(collector.runtime)
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()
    gc.set_threshold(*found[1])
    (gc.enable if found[0] else gc.disable)()


class Work:
    """What one thread does in a run: windows in any order, in all spellings."""

    def __init__(self, choose, step, foreign):
        self.choose, self.step, self.foreign = choose, step, foreign
        self.stacks = []
        self.expected = None

    def run(self):
        """Take a few actions, and close what is open at the end in any order."""
        actions = [self.enter, self.leave, self.fail, self.loop, self.call, self.abandon, self.nest]
        if self.foreign:
            actions += [self.set_gc] * 4
        for _ in range(self.choose.randrange(1, 5)):
            self.choose.choice(actions)()
        self.choose.shuffle(self.stacks)
        while self.stacks:
            self.leave()

    def scope(self):
        """Make a scope of any kind."""
        return self.choose.choice(KINDS)("interleaved", policy=self.choose.choice(POLICIES))

    def enter(self):
        """Open one or two windows that are closed together later."""
        stack = contextlib.ExitStack()
        for _ in range(self.choose.randrange(1, 3)):
            with self.step:
                stack.enter_context(self.scope())
        self.stacks.append(stack)

    def leave(self):
        """Close some, not the last opened ones in particular."""
        if self.stacks:
            stack = self.stacks.pop(self.choose.randrange(len(self.stacks)))
            with self.step:
                stack.close()

    def fail(self):
        """Let an exception pass through nested windows, and close others on its way."""
        error = self.choose.choice(ERRORS)
        with contextlib.suppress(error), contextlib.ExitStack() as stack:
            for _ in range(self.choose.randrange(1, 4)):
                with self.step:
                    stack.enter_context(self.scope())
            self.leave()
            with self.step:
                stack.pop_all().__exit__(error, error(), None)
            raise error

    def nest(self):
        """Decide in the middle of a batch in a pause."""
        with self.step, gcwise.paused("outer"), gcwise.batch("inner") as batch:
            self.garbage()
            batch.checkpoint()

    def loop(self):
        """Loop, and leave early, or by an exception."""
        ending = self.choose.randrange(3)
        with self.step, contextlib.suppress(ValueError):
            for number in gcwise.each(range(3), "loop"):
                self.garbage()
                if number and ending == 1:
                    break
                if number and ending == 2:
                    raise ValueError

    def call(self):
        """Call decorated functions, which fail or not."""
        with self.step, contextlib.suppress(ZeroDivisionError):
            divided(self.choose.randrange(2))

    def abandon(self):
        """Drop, close or throw into a decorated generator half-way."""
        with self.step, contextlib.suppress(ValueError):
            generator = numbers()
            next(generator)
            ending = self.choose.randrange(3)
            if ending == 1:
                generator.close()
            elif ending == 2:
                generator.throw(ValueError())
            del generator

    def garbage(self):
        """Leave a few cycles behind."""
        for _ in range(self.choose.randrange(5)):
            cycle = []
            cycle.append(cycle)

    def set_gc(self):
        """Set the switch and all thresholds, as other code does."""
        switch = self.choose.choice([gc.enable, gc.disable])
        thresholds = tuple(map(self.choose.choice, [FOREIGN_FIRST, FOREIGN_MIDDLE, FOREIGN_LAST]))
        with self.step:
            switch()
            gc.set_threshold(*thresholds)
        self.expected = switch is gc.enable, thresholds


@gcwise.batch("divided")
@gcwise.paused("divided slowly")
def divided(number):
    """Fail for zero."""
    return 1 / number


@gcwise.paused("numbers")
def numbers():
    """Count on."""
    with gcwise.batch("numbers inside"):
        yield from range(9)


class Threads:
    """Eight threads that do a group's work at the same time, over and over."""

    def __init__(self, seed):
        self.seed = seed
        self.begin, self.end = (threading.Barrier(THREADS + 1, timeout=SECONDS) for _ in range(2))
        self.work, self.errors, self.met = [], [], Counter()
        self.threads = [threading.Thread(target=self.serve, args=[n]) for n in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def serve(self, number):
        """Do one share of each group of runs."""
        while True:
            self.begin.wait()
            if not self.work:
                return
            try:
                for _ in range(GROUP):
                    self.work[number].run()
            except BaseException as error:  # noqa: BLE001  # Whatever it is, the test shall tell.
                self.errors.append(error)
            self.end.wait()

    def run(self, number):
        """Do a group of runs; return what it should have left, and what it has left."""
        choose = random.Random(f"{self.seed}/{number}")
        found = bool(choose.randrange(4)), tuple(map(choose.choice, [FIRST, MIDDLE, LAST]))
        (gc.enable if found[0] else gc.disable)()
        gc.set_threshold(*found[1])
        foreign = not number % FOREIGN
        # Between the reading of thresholds and their setting nobody can know what others set; so
        # where they do, whole steps are interleaved.
        step = threading.RLock() if foreign else contextlib.nullcontext()
        self.work = [
            Work(random.Random(choose.random()), step, foreign and not thread)
            for thread in range(THREADS)
        ]
        self.begin.wait()
        self.end.wait()
        self.met[foreign and self.work[0].expected is not None] += GROUP
        return self.work[0].expected or found, (gc.isenabled(), gc.get_threshold())

    def close(self):
        """End the threads."""
        self.work = []
        self.begin.wait()
        for thread in self.threads:
            thread.join(SECONDS)


def test_interleavings():
    """Nested, overlapping and failing windows of eight threads leave gc as it was, every time."""
    seed = random.randrange(2**32)
    threads = Threads(seed)
    try:
        for number in range(RUNS // GROUP):
            expected, left = threads.run(number)
            place = f"seed {seed}, group {number}"
            assert threads.errors == [], place
            assert left == expected, place
            assert not any(collector.window._open), place
            assert collector.window._callback not in gc.callbacks, place
    finally:
        threads.close()
    print(f"{sum(threads.met.values())} interleavings, {threads.met[True]} with foreign settings")

    assert sum(threads.met.values()) == RUNS
    assert threads.met[True] > RUNS / FOREIGN / 2
