"""Note each collection of the watched program in numbers, and hand them over at its end.

This runs in somebody else's program, without the rest of gcwise: it imports little, keeps no object
of the program alive but code, and makes containers only where it takes a sample.

A sample tells where the program was. It walks the whole stack, which may cost more than a young
collection, so it is taken only when 200 times its own cost has passed since the last one: in all,
samples take at most half a per cent of the time, and a collection that is long enough to matter has
one. Memory, which is dearer to read and tells less, is read when 1,000 times that has passed.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import sys
import time
from _operator import iadd, isub
from _thread import get_ident
from array import array

from gcwise_ending import hand_over, objects_alive, peak_memory, resident_reader
from gcwise_signals import deliver_later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from functools import partial
    from types import CodeType, FrameType
    from typing import Any

    Observer = Callable[[], Generator[int, Any, None]]

else:
    # functools itself imports what the program may not.
    from _functools import partial

__all__ = ["Recorder", "start"]

# Seconds between samples, and between readings of memory, as multiples of what one takes.
SPARSE, SPARSER = 200, 1000
# Frames that a sample looks at, and what is kept at most: 17 MiB of collections, a few of the rest.
DEPTH, MOST, MOST_CODES, MOST_STACKS = 200, 1 << 20, 50_000, 50_000
EXPLICIT = 4
# Numbers in each sample.
FIELDS = 5
UNKNOWN = -1


def seen(_frame: object, _event: str, _argument: object) -> None:
    """Do nothing: in a frame's `f_trace` this marks a call that an earlier sample has met.

    Nothing else tells two calls of a function apart from outside without keeping one of them alive.
    No trace function is called while the program sets none with `sys.settrace`, and if it does
    later, this one is like none.
    """


class Recorder:
    """What is known of a program's collections, as arrays of numbers."""

    def __init__(self, config: str) -> None:
        self.config, self.folder, self.executable = config, os.getcwd(), sys.executable
        self.forks = 0
        # Of each collection: when it began, how long it took, its generation plus 4 if it was
        # explicit, and the objects that it freed.
        self.began, self.took = array("d"), array("f")
        self.kinds, self.freed = array("B"), array("I")
        # Of each sample: the number of the collection at whose end it was taken, its thread, the
        # stack, the place, resident bytes.
        self.samples = array("q")
        self._codes: list[CodeType | None] = [None]
        self._numbers: dict[int, int] = {}
        self._stacks: dict[tuple[int, ...], int] = {}
        self._places: dict[int, int] = {}
        self._threads: dict[int, int] = {}
        self._resident = resident_reader()
        self._cost = self._reading_cost = 1e-5
        self._reading_due = 0.0
        self._first_memory = self._resident()
        self.callbacks = self._callbacks()
        self._cpu, self._clock = time.process_time(), time.perf_counter()
        # The last, because a collection between this and the first that is noted would be missing.
        self._stats = gc.get_stats()

    def _callbacks(self) -> tuple[Callable[[str, dict[str, int]], object], ...]:
        """Return what the collector has to call.

        A function would do, but for signals: those that come during a collection are handled at the
        first chance, which is the beginning of the callback, and what their handlers raise there is
        lost. A generator goes on within its `try`. All that leads to it is in C: a phase is set as
        an attribute, by adding to or taking from its owner, which sends `info` to a generator.
        """
        start, stop = property(None, iadd), property(None, isub)
        self._turns: Any = type("Turns", (), {"start": start, "stop": stop})
        self._begins, self._ends = self._observers()
        self._take("__iadd__", self._begins, self._begin_again)
        self._take("__isub__", self._ends, self._end_again)
        return (partial(setattr, self._turns()),)

    def _take(self, name: str, observer: Observer, again: Callable[[dict[str, int]], None]) -> None:
        """Let an observer take its turns, and a function when it is over.

        At the very limit of recursion there is no room to go on, which is the end of a generator.
        What it kept alive then puts the function in its place.
        """
        turns = observer()
        next(turns)
        # Python 3.14 would call it with the object that dies.
        last_will = staticmethod(partial(setattr, self._turns, name, again))
        turns.send(type("Heir", (), {"__del__": last_will})())
        setattr(self._turns, name, turns.send)

    def _begin_again(self, info: dict[str, int]) -> None:
        self._take("__iadd__", self._begins, self._begin_again)
        self._turns.__iadd__(info)

    def _end_again(self, info: dict[str, int]) -> None:
        self._take("__isub__", self._ends, self._end_again)
        self._turns.__isub__(info)

    def _observers(self) -> tuple[Observer, Observer]:  # noqa: C901  # Two that share their cells.
        # Functions with all they need at hand: each runs once in every collection.
        clock, own_frame = time.perf_counter, sys._getframe
        counts_of, limits_of, is_enabled = gc.get_count, gc.get_threshold, gc.isenabled
        began, took, total = self.began.append, self.took.append, self.took.__len__
        kinds, freed = self.kinds.append, self.freed.append
        at = due = 0.0
        explicit = doubtful = False

        def begins() -> Generator[int, Any, None]:
            nonlocal at, explicit, doubtful
            _heir = yield 0
            while True:
                try:  # A signal may come in any turn.
                    info = yield 0
                    counts, limits, generation = counts_of(), limits_of(), info["generation"]
                    # Automatic collection wants all this. Without a last threshold nothing is known
                    # of the older generations' turns.
                    turn = not limits[2] or counts[generation] > limits[generation]
                    explicit = not (turn and counts[0] > limits[0] > 0 and is_enabled())
                    # From 3.12 on objects may be freed between its decision and the collection.
                    doubtful = explicit and generation > 0 and turn and is_enabled()
                    at = clock()
                except GeneratorExit:  # noqa: PERF203  # A signal may come in any turn.
                    return
                except BaseException as error:  # noqa: BLE001  # From a signal's handler.
                    at = 0.0
                    deliver_later(error)

        def ends() -> Generator[int, Any, None]:
            nonlocal at, due, explicit
            _heir = yield 0
            while True:
                try:
                    info = yield 0
                    if not at or (number := total()) >= MOST:
                        continue
                    now = clock()
                    if doubtful:
                        explicit = calls_collect(interrupted(own_frame()))
                    kind = info["generation"]
                    began(at)
                    took(now - at)
                    at = 0.0
                    freed(info["collected"])
                    kinds(kind + EXPLICIT if explicit else kind)
                    # A frame that is looked at is made an object of: not without need.
                    if now >= due:
                        due = self._sample(number, interrupted(own_frame()), now)
                    elif explicit:
                        self._note(number, interrupted(own_frame()))
                except GeneratorExit:
                    return
                except BaseException as error:  # noqa: BLE001
                    self._mend()
                    deliver_later(error)

        return begins, ends

    def _mend(self) -> None:
        """Drop what was half written when a signal came."""
        columns: tuple[array[Any], ...] = (self.began, self.took, self.kinds, self.freed)
        whole = min([len(column) for column in columns])
        for column in columns:
            del column[whole:]
        del self.samples[len(self.samples) // FIELDS * FIELDS :]
        if self.samples and self.samples[-FIELDS] >= whole:
            del self.samples[-FIELDS:]

    def _sample(self, number: int, frame: FrameType | None, now: float) -> float:
        """Note stack, thread and now and then memory; return when the next sample is due."""
        place, thread, stack = self._place(frame), self._thread(), self._stack(frame)
        read_at = time.perf_counter()
        resident = self._memory(read_at) if now >= self._reading_due else 0
        self._add(number, thread, stack, place, resident)
        # A processor taken away meanwhile is no cost of ours.
        self._cost = min(read_at - now, 1.5 * self._cost)
        return read_at + SPARSE * self._cost

    def _memory(self, now: float) -> int:
        resident: int = self._resident()
        done = time.perf_counter()
        self._reading_cost = min(done - now, 1.5 * self._reading_cost)
        self._reading_due = done + SPARSER * self._reading_cost
        return resident

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Note who asked for a collection, and no more."""
        self._add(number, self._thread(), UNKNOWN, self._place(frame), 0)

    def _add(self, number: int, thread: int, stack: int, place: int, resident: int) -> None:
        add = self.samples.append
        add(number)
        add(thread)
        add(stack)
        add(place)
        add(resident)

    def _stack(self, frame: FrameType | None) -> int:
        """Return the number of a stack: its functions, each once, by its outermost call.

        A function whose call no earlier sample has met is put down as the complement of its number.
        """
        calls: dict[int, bool] = {}
        marking = sys.gettrace() is None
        left = DEPTH
        while frame is not None and left:
            trace = frame.f_trace
            calls[self._number(frame.f_code)] = trace is seen
            if marking and trace is None:
                frame.f_trace = seen
            frame = frame.f_back
            left -= 1
        key = tuple([number if known else ~number for number, known in calls.items()])
        if len(self._stacks) >= MOST_STACKS and key not in self._stacks:
            return UNKNOWN
        return self._stacks.setdefault(key, len(self._stacks))

    def _number(self, code: CodeType) -> int:
        number = self._numbers.get(id(code))
        if number is None:
            if len(self._codes) > MOST_CODES:
                return 0
            number = self._numbers[id(code)] = len(self._codes)
            # Kept, for its id not to become another's.
            self._codes.append(code)
        return number

    def _place(self, frame: FrameType | None) -> int:
        if frame is None:
            return UNKNOWN
        key = self._number(frame.f_code) << 32 | (frame.f_lineno or 0)
        return self._places.setdefault(key, len(self._places))

    def _thread(self) -> int:
        return self._threads.setdefault(get_ident(), len(self._threads))

    def forked(self) -> None:
        """Count a child, in its parent: what it does is not seen from here."""
        self.forks += 1

    def watch(self) -> None:
        """Note the collections from now on."""
        gc.callbacks += self.callbacks

    def stop(self) -> bool:
        """Note no more; tell whether it went on until now."""
        present = [each for each in self.callbacks if each in gc.callbacks]
        for each in present:
            gc.callbacks.remove(each)
        return len(present) == len(self.callbacks)

    def abandon(self) -> None:
        """Let the program be: this is a child of the one that is watched."""
        self.stop()
        atexit.unregister(self.finish)

    def finish(self) -> None:
        """Hand everything over to the reporter, and wait for what it has to say."""
        hand_over(self.executable, marshal.dumps(self.data()))

    def data(self) -> dict[str, Any]:
        """Return all that was found, in types that `marshal` knows."""
        elapsed, cpu = time.perf_counter() - self._clock, time.process_time() - self._cpu
        present = self.stop()
        memory = self._first_memory, self._resident(), peak_memory()
        keys = "collections", "collected", "uncollectable"
        pairs = zip(self._stats, gc.get_stats(), strict=True)
        return {
            "config": self.config,
            "folder": self.folder,
            "arguments": [str(each) for each in sys.orig_argv],
            "version": sys.version.partition(" ")[0],
            "main": str(getattr(sys.modules.get("__main__"), "__file__", None) or ""),
            "clock": self._clock,
            "elapsed": elapsed,
            "cpu": cpu,
            "memory": memory,
            "enabled": gc.isenabled(),
            "thresholds": gc.get_threshold(),
            "counts": gc.get_count(),
            "stats": [{key: after[key] - before[key] for key in keys} for before, after in pairs],
            "garbage": len(gc.garbage),
            "present": present,
            "forks": self.forks,
            "objects": objects_alive(max(self.took, default=0.0), 0.01 * elapsed),
            "events": [each.tobytes() for each in (self.began, self.took, self.kinds, self.freed)],
            "samples": self.samples.tobytes(),
            "stacks": list(self._stacks),
            "places": [(key >> 32, key & 0xFFFFFFFF) for key in self._places],
            "functions": [described(code) for code in self._codes],
        }


def interrupted(observer: FrameType) -> FrameType | None:
    """Return the frame that a collection interrupted, if it was one of Python's."""
    frame = observer.f_back
    again = Recorder._begin_again.__code__, Recorder._end_again.__code__
    return frame.f_back if frame is not None and frame.f_code in again else frame


def calls_collect(frame: FrameType | None) -> bool:
    """Tell whether a function names something like `gc.collect`."""
    return frame is not None and any("collect" in name for name in frame.f_code.co_names)


def described(code: CodeType | None) -> tuple[str, str, int]:
    """Return the file, the name and the first line of a function."""
    if code is None:
        return "", "", 0
    return code.co_filename, getattr(code, "co_qualname", code.co_name), code.co_firstlineno


def start(config: str) -> None:
    """Watch this process until it ends, but not its children."""
    recorder = Recorder(config)
    recorder.watch()
    atexit.register(recorder.finish)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_parent=recorder.forked, after_in_child=recorder.abandon)
