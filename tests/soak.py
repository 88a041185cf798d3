"""Everything at once, for long: `python -m tests.soak --seconds 600 --seed 1`.

Threads, asyncio tasks, forks, finalizers and faults use gcwise together. Every few seconds all of
them are stopped, and what must then hold is checked. The exit code is 1 if anything failed.
"""

import argparse
import asyncio
import collections
import contextlib
import ctypes
import faulthandler
import gc
import itertools
import math
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings

import psutil

import gcwise
from gcwise import Policy
from gcwise._collector import MOST_SITES, collector

# The program's own thresholds, which no gcwise would come to by itself.
OWN = (701, 11, 13)
# Seconds between quiet points at most, and within which every worker comes to one.
ROUND, LATE = 10.0, 60.0
# Bytes and objects by which the process may grow after its first quiet point.
MOST_GROWTH, MOST_OBJECTS = 64 * 2**20, 50_000
# Distinct sites for each second of the run, so that there are a million in ten minutes.
SITES_A_SECOND = 1_700
BLOCKS = (gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown)
# A policy that is not the process's own: such a place is never passed over.
LOOKING = Policy()
POLICIES = (None, None, None, Policy.never(), Policy.always(0), Policy.every(7, 1))

read_memory = psutil.Process.memory_info


class BoomError(Exception):
    """A fault of the program itself."""


class Node:
    """A cycle of one object, with some memory of its own."""

    def __init__(self):
        self.me = self
        self.payload = bytearray(64)


class Finalized(Node):
    """One whose end opens windows, wherever it comes: also in the middle of gcwise."""

    ended = itertools.count()

    def __del__(self):
        with gcwise.batch("finalizer"), gcwise.paused("inner finalizer"):
            next(self.ended)


class Worker(threading.Thread):
    """A thread that takes steps, and stops between two of them when all do."""

    def __init__(self, soak, name):
        super().__init__(name=name, daemon=True)
        self.soak, self.random = soak, random.Random(f"{soak.seed} {name}")
        self.counts = collections.Counter()

    def run(self):
        """Take steps until the end, and report whatever goes wrong."""
        try:
            while not self.soak.ended:
                self.step()
                self.counts[f"steps of {self.name}"] += 1
                self.soak.pause()
        except BaseException:  # noqa: BLE001  # Each is a failure.
            self.soak.fail(f"{self.name}: {traceback.format_exc()}")

    def step(self):
        """Do something with gcwise."""
        raise NotImplementedError

    def note(self, decision):
        """Count a decision, and see that its figures are sound."""
        figures = (decision.candidates, decision.expected, decision.cost, decision.debt)
        assert all(0 <= figure < math.inf for figure in figures), decision
        assert "nan" not in str(decision)
        self.counts["decisions"] += 1
        if decision.collection is not None:
            self.counts[f"explicit collections of generation {decision.generation}"] += 1

    def block(self, name="block"):
        """Return a block of any kind."""
        return self.random.choice(BLOCKS)(name, policy=self.random.choice(POLICIES))

    def litter(self, most=300):
        """Leave cycles behind, some with a finalizer, and return something that goes on living."""
        for _ in range(self.random.randrange(most)):
            Node()
        if self.random.random() < 0.2:
            Finalized()
        return [[number] for number in range(self.random.randrange(most))]


class Batches(Worker):
    """Nested blocks, some of which fail."""

    def step(self):
        """Go through a few blocks."""
        for depth in range(self.random.randrange(1, 4)):
            scopes = [self.block(f"{self.name} {depth}") for _ in range(depth + 1)]
            try:
                with contextlib.ExitStack() as stack:
                    for scope in scopes:
                        stack.enter_context(scope)
                    kept = self.litter()
                    self.note(scopes[0].checkpoint())
                    if self.random.random() < 0.1:
                        raise BoomError  # noqa: TRY301  # Through the blocks.
                assert [number for (number,) in kept] == list(range(len(kept)))
            except BoomError:
                self.counts["exceptions"] += 1
            for scope in scopes:
                self.note(scope.decision)


class Questions(Worker):
    """Loops, questions and generators that are left at any time."""

    def step(self):
        """Ask and loop."""
        for item in gcwise.each(range(10), "loop"):
            self.litter(50)
            if item == self.random.randrange(10):
                break
        self.note(gcwise.should_collect("question"))
        self.note(gcwise.maybe_collect("question"))
        unfinished = generate(self)
        next(unfinished)
        if self.random.random() < 0.1:
            # Its window closes when a collection on some other thread finds it.
            lost = [unfinished]
            lost.append(lost)


@gcwise.batch("generator")
def generate(worker):
    """Yield a few times, with a window open."""
    for number in range(3):
        worker.litter(20)
        yield number


class Sites(Worker):
    """Names that are never used again."""

    def step(self):
        """Make as many sites as there should be by now."""
        wanted = SITES_A_SECOND * (time.monotonic() - self.soak.started)
        for _ in range(min(int(wanted) - self.counts["sites"], 2_000)):
            self.counts["sites"] += 1
            # A policy of its own makes it look, and so makes its site.
            self.note(gcwise.maybe_collect(f"site {self.counts['sites']}", policy=LOOKING))
        time.sleep(0.01)


class Tasks(Worker):
    """Tasks of asyncio, some cancelled."""

    def step(self):
        """Run an event loop."""
        asyncio.run(self.main())

    async def main(self):
        """Run tasks side by side, and cancel some."""
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self.job()) for _ in range(20)]
        for task in tasks:
            if self.random.random() < 0.3:
                loop.call_later(self.random.random() * 0.01, task.cancel)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            self.counts["tasks"] += 1
            if isinstance(result, asyncio.CancelledError):
                self.counts["cancellations"] += 1
            elif isinstance(result, BoomError):
                self.counts["exceptions"] += 1
            else:
                assert result == 6, result

    @gcwise.batch("coroutine")
    async def job(self):
        """Add numbers, with windows that stay open while others run."""
        total = 0
        async with contextlib.aclosing(self.numbers()) as numbers:
            async for number in numbers:
                with self.block("in a task") as scope:
                    self.litter(50)
                    await asyncio.sleep(self.random.random() * 0.002)
                self.note(scope.decision)
                total += number
        if self.random.random() < 0.05:
            raise BoomError
        return total

    @gcwise.batch("async generator")
    async def numbers(self):
        """Yield numbers, with a window open."""
        for number in (1, 2, 3):
            await asyncio.sleep(0)
            yield number


class Forks(Worker):
    """Children of a process with many threads, forked with windows open."""

    def step(self):
        """Fork, and wait for what the child found."""
        child = None
        try:
            with self.block("fork"), gcwise.batch("fork"):
                self.litter()
                child = os.fork()
            if not child:
                os._exit(self.check_child())
        finally:
            if child == 0:
                os._exit(99)
        status = wait_for(child)
        assert status == 0, f"the child ended with {status}"
        self.counts["forks"] += 1
        time.sleep(self.random.random() * 0.05)

    def check_child(self):
        """Return 0 if no window is open in the child, and blocks work there."""
        faults = [bool(open_windows()), gc.get_threshold() != OWN]
        for _ in range(3):
            with self.block("child") as scope:
                self.litter(50)
            self.note(scope.decision)
        faults += [bool(open_windows()), gc.get_threshold() != OWN]
        return sum(2**number for number, fault in enumerate(faults) if fault)


def wait_for(child):
    """Wait for a child, but not for ever; return how it ended."""
    deadline = time.monotonic() + LATE / 2
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(1e-3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "a hang"


class Interrupts(Worker):
    """Exceptions that another thread throws into a block, as an interrupt does."""

    def step(self):
        """Wait in a block for the exception that is to come."""
        error = self.random.choice([KeyboardInterrupt, SystemExit, BoomError])
        waiting = []
        thrower = threading.Thread(target=throw, args=(threading.get_ident(), error, waiting))
        thrower.start()
        scope = self.block("interrupted")
        try:
            with scope:
                self.litter()
                # From here on nothing is allocated, so that no collection's callback is hit.
                waiting.append(None)
                while True:
                    time.sleep(1e-4)
        except error:
            self.counts["async exceptions"] += 1
        finally:
            thrower.join()
        self.note(scope.decision)


def throw(thread, error, waiting):
    """Raise an exception in a thread that waits for it."""
    while not waiting:
        time.sleep(1e-4)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


class Others(Worker):
    """Code that switches gc itself, as agreed: it leaves it as it found it."""

    def step(self):
        """Switch, collect, and start threads that end soon."""
        gc.disable()
        self.litter()
        gc.enable()
        gc.collect(self.random.randrange(2))
        short = [threading.Thread(target=self.short_lived) for _ in range(3)]
        for thread in short:
            thread.start()
        for thread in short:
            thread.join()
        self.counts["foreign switches"] += 1
        self.counts["threads"] += len(short)
        time.sleep(0.01)

    def short_lived(self):
        """Be gone before long."""
        with gcwise.batch("thread"):
            for _ in range(100):
                Node()


WORKERS = (Batches, Batches, Questions, Sites, Tasks, Forks, Interrupts, Others)


class Soak:
    """The whole run: its workers, what they have counted, and what has failed."""

    def __init__(self, seconds, seed):
        self.seconds, self.seed = seconds, seed
        self.random = random.Random(seed)
        self.started = time.monotonic()
        self.ended = self.quiet = False
        self.failures, self.counts = [], collections.Counter()
        self.workers = [
            kind(self, f"{kind.__name__.lower()} {n}") for n, kind in enumerate(WORKERS)
        ]
        self.barrier = threading.Barrier(len(self.workers) + 1)
        self.sizes = []

    def fail(self, message):
        """Take note of a failure, and end the run."""
        self.failures.append(message)
        self.ended = True
        self.barrier.abort()

    def pause(self):
        """Wait, between two steps of a worker, if all are to be quiet."""
        if self.quiet:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(LATE)
                self.barrier.wait(LATE)

    def run(self):
        """Let the workers work, with a quiet point now and then; return what failed."""
        with strange_surroundings(self):
            for worker in self.workers:
                worker.start()
            while not self.ended:
                left = self.seconds - (time.monotonic() - self.started)
                time.sleep(max(min(ROUND, self.seconds / 4, left), 0.0))
                self.quiet_point(last=left <= min(ROUND, self.seconds / 4))
            for worker in self.workers:
                worker.join(LATE)
                if worker.is_alive():
                    self.failures.append(f"{worker.name} does not end")
        return self.failures

    def quiet_point(self, *, last):
        """Stop all workers, check what must hold, and let them go on."""
        self.quiet = True
        try:
            self.barrier.wait(LATE)
            self.check()
            self.meddle()
            self.check()
            self.counts["quiet points"] += 1
            self.quiet, self.ended = False, last
            self.barrier.wait(LATE)
        except threading.BrokenBarrierError:
            if not self.failures:
                faulthandler.dump_traceback(all_threads=True)
            self.fail("a worker did not come to the quiet point")
        except AssertionError:
            self.fail(traceback.format_exc())

    def check(self):
        """See that nothing is left of what the workers did."""
        gc.collect()
        assert gc.isenabled()
        assert gc.get_threshold() == OWN, gc.get_threshold()
        assert gc.get_debug() == 0
        assert gc.callbacks == [self.raising], gc.callbacks
        assert not open_windows()
        assert len(collector.sites) <= MOST_SITES
        ledger = collector._ledger
        figures = [ledger.gap, ledger.fruitless, ledger.now, *ledger.prices.seconds]
        figures += [figure for each in ledger.generations for figure in (each.debt, each.objects)]
        assert all(0 <= figure < math.inf for figure in figures), figures
        for worker in self.workers:
            assert worker.counts[f"steps of {worker.name}"] > 0, f"{worker.name} stands still"
        self.check_size()

    def check_size(self):
        """See that the process has not grown beyond its bounds."""
        self.sizes.append((read_memory(psutil.Process()).rss, len(gc.get_objects())))
        grown, objects = (
            now - first for first, now in zip(self.sizes[0], self.sizes[-1], strict=True)
        )
        assert grown <= MOST_GROWTH, f"grown by {grown / 2**20:.1f} MiB"
        assert objects <= MOST_OBJECTS, f"{objects} objects more than at first"

    def meddle(self):
        """Do what only one thread may: set thresholds, and interrupt the main thread."""
        with gcwise.batch("thresholds"), gcwise.paused("thresholds"):
            gc.set_threshold(self.random.randrange(500, 900))
            with gcwise.batch("inner"):
                [Node() for _ in range(2_000)]
        gc.set_threshold(*OWN)
        try:
            with gcwise.batch("signal"):
                signal.raise_signal(signal.SIGINT)
                time.sleep(LATE)
        except KeyboardInterrupt:
            self.counts["signals"] += 1

    def raising(self, phase, info):
        """Fail now and then, as a callback of `gc.callbacks`."""
        if self.random.random() < 0.02:
            raise BoomError("callback")

    def unraisable(self, told):
        """Count what callbacks raised; anything else is a failure."""
        if isinstance(told.exc_value, BoomError) and str(told.exc_value) == "callback":
            self.counts["callbacks that raised"] += 1
        else:
            self.failures.append(f"unraisable: {told.exc_value!r} in {told.object!r}")

    def shaky(self, process):
        """Read memory, or fail, or lie, in place of psutil."""
        dice = self.random.random()
        if dice < 0.05:
            self.counts["sensors that failed"] += 1
            raise self.random.choice([psutil.AccessDenied(), OSError("gone"), RuntimeError("odd")])
        if dice < 0.10:
            self.counts["sensors that lied"] += 1
            return type("Lie", (), {"rss": self.random.choice([0, -1, 2**70, 1, math.nan])})
        return read_memory(process)

    def report(self):
        """Print what was done, and what it came to."""
        counts = sum((worker.counts for worker in self.workers), self.counts)
        counts["finalizers"] = next(Finalized.ended)
        for name in sorted(counts):
            print(f"{name:<40}{counts[name]:>12,}")
        for number, generation in enumerate(gc.get_stats()):
            name = f"all collections of generation {number}"
            print(f"{name:<40}{generation['collections']:>12,}")
        if self.sizes:
            (first, objects), (last, at_last) = self.sizes[0], self.sizes[-1]
            most = max(size for size, _ in self.sizes)
            print(f"memory: {first / 2**20:.1f} MiB at the first quiet point, ", end="")
            print(f"{last / 2**20:.1f} at the last, {most / 2**20:.1f} at most")
            print(f"objects: {objects:,} at the first quiet point, {at_last:,} at the last")
        print(f"failures: {len(self.failures)}", *self.failures, sep="\n")


def open_windows():
    """Return how many windows are open."""
    return len(collector.window._batches) + len(collector.window._pauses)


@contextlib.contextmanager
def strange_surroundings(soak):
    """Surround the run with sensors that fail, callbacks that raise and thresholds of its own."""
    thresholds, hook = gc.get_threshold(), sys.unraisablehook
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.set_threshold(*OWN)
    gc.callbacks.append(soak.raising)
    sys.unraisablehook = soak.unraisable
    psutil.Process.memory_info = lambda process: soak.shaky(process)  # noqa: PLW0108  # Bound.
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
            yield
    finally:
        psutil.Process.memory_info = read_memory
        sys.unraisablehook = hook
        gc.callbacks.remove(soak.raising)
        gc.set_threshold(*thresholds)
        signal.signal(signal.SIGINT, handler)


def main(arguments=None):
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(2**32) if chosen.seed is None else chosen.seed
    print(f"Python {sys.version.split()[0]}, {chosen.seconds:g} s, seed {seed}", flush=True)
    soak = Soak(chosen.seconds, seed)
    failures = soak.run()
    soak.report()
    if failures:
        print(f"failed; again: python -m tests.soak --seconds {chosen.seconds:g} --seed {seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
