"""Exceptions thrown where no line expects them: by signals, by other threads, at every bytecode.

What Python cannot prevent is an exception between the call of a scope's end and its first step, so
that this end never comes. What must hold is that the end of one more block heals it.
"""

import _thread
import contextlib
import ctypes
import gc
import random
import signal
import sys
import threading
import time

import pytest

import gcwise
from gcwise import Policy, Reason
from gcwise._collector import collector
from gcwise._scope import Scope, _Loop
from gcwise._window import Window

# Where `with open(...)` is thrown out of before it begins, as in psutil, Python itself warns.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

# So high that no automatic collection comes by itself.
THRESHOLDS = 50_021, 11, 13
TIMER, SENT, ALONE, OVERLAPPING = 3_300, 500, 900, 300
# Collections would be thrown out of as well, and Python drops what is raised in their callbacks.
NOTHING = Policy.never()
KINDS = [gcwise.batch, gcwise.paused]
# Where a test says nothing else, the functions to throw in.
WATCHED = [Scope.__enter__, Scope.__exit__, Window.open, Window.close, Window._change]


class ThrownError(BaseException):
    """What is thrown, and nothing here catches by accident."""


@pytest.fixture(autouse=True)
def _settings():
    """Start with windows that know nothing of earlier tests."""
    if sys.gettrace() is not None:
        pytest.skip("a tracer, as that of coverage, would be thrown out of as well")
    found = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    collector.window.__init__(collector.runtime)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*found)


@pytest.fixture
def no_heap():
    """Take the objects there are out of sight, so that collections are short."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def settings():
    """Tell all that automatic collection is ruled by."""
    return gc.isenabled(), gc.get_threshold(), list(gc.callbacks)


def heal():
    """End one more block, as the documentation says."""
    with gcwise.batch("heal"):
        pass


def healed(before, place):
    """Tell whether healing was needed, and see that it helps."""
    needed = settings() != before or any(collector.window._open)
    heal()
    assert settings() == before, place
    assert not any(collector.window._open), place
    return needed


def is_deciding():
    """Tell whether decisions are taken: whoever was thrown out of one has given up its claim."""
    return gcwise.maybe_collect("after", policy=Policy.never()).reason is not Reason.BUSY


class Bytecodes:
    """Counts the bytecodes of some functions, and throws before a chosen one."""

    def __init__(self, functions):
        self.codes = {function.__code__ for function in functions}
        self.left, self.place = -1, None

    def run(self, number, work):
        """Do the work, thrown out after so many bytecodes; return the place, None at the end."""
        self.left, self.place = number, None
        with contextlib.suppress(ThrownError), self.watching():
            work()
        return self.place

    def step(self, code, offset):
        """Take note of a bytecode that is about to begin."""
        self.left -= 1
        if self.left == -1:
            self.place = code.co_qualname if hasattr(code, "co_qualname") else code.co_name, offset
            raise ThrownError

    @contextlib.contextmanager
    def watching(self):
        """Be told of each bytecode."""
        if sys.version_info < (3, 12):
            with self.tracing():
                yield
            return
        # From 3.12 on `sys.settrace` misses the bytecodes of functions that it met before.
        monitoring, tool = sys.monitoring, 4
        monitoring.use_tool_id(tool, "gcwise")
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, self.step)
        for code in self.codes:
            monitoring.set_local_events(tool, code, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            for code in self.codes:
                monitoring.set_local_events(tool, code, 0)
            monitoring.free_tool_id(tool)

    @contextlib.contextmanager
    def tracing(self):
        """Be told of each by the tracer of earlier versions."""
        found = sys.gettrace()
        sys.settrace(self.on_call)
        try:
            yield
        finally:
            sys.settrace(found)

    def on_call(self, frame, event, argument):
        """Watch the frames of the chosen functions only."""
        if frame.f_code not in self.codes:
            return None
        frame.f_trace_opcodes = True
        return self.on_event

    def on_event(self, frame, event, argument):
        """Take note of a bytecode."""
        if event == "opcode":
            self.step(frame.f_code, frame.f_lasti)
        return self.on_event


def throw_everywhere(functions, work):
    """Throw at each bytecode in turn; return how many there were, and how many needed healing."""
    before, bytecodes = settings(), Bytecodes(functions)
    thrown = needed = 0
    while (place := bytecodes.run(thrown, work)) is not None:
        thrown += 1
        needed += healed(before, place)
    return thrown, needed


class TestEveryBytecode:
    """Thrown at each bytecode of what opens and closes windows."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_block(self, kind):
        """One block: all places are met, and one more block heals each."""

        def work():
            with kind("one", policy=NOTHING):
                pass

        thrown, needed = throw_everywhere(WATCHED[:4], work)
        print(f"{kind.__name__}: {thrown} thrown, {needed} needed healing")

        assert thrown > 100
        assert 0 < needed < thrown

    @pytest.mark.parametrize("outer", KINDS)
    @pytest.mark.parametrize("inner", KINDS)
    def test_nested(self, outer, inner):
        """A block in a block, whose `_change` is thrown out of as well."""

        def work():
            with outer("outer", policy=NOTHING), inner("inner", policy=NOTHING):
                pass

        thrown, needed = throw_everywhere([*WATCHED, Window._drop_lost], work)
        print(f"{outer.__name__}, {inner.__name__}: {thrown} thrown, {needed} needed healing")

        assert thrown > 200
        assert 0 < needed < thrown

    @pytest.mark.parametrize("kind", KINDS)
    def test_inside_a_living_window(self, kind):
        """What is thrown out of a block leaves the block around it, and its kind of window."""
        bytecodes, number = Bytecodes(WATCHED), 0

        def work():
            with kind("inner", policy=NOTHING):
                pass

        with gcwise.batch("outer", policy=NOTHING):
            # The middle one follows the young collections that there were.
            held = gc.get_threshold()[::2]
            while bytecodes.run(number, work) is not None:
                number += 1
                heal()
                assert gc.get_threshold()[::2] == held, bytecodes.place

        assert number > 90

    def test_healing_is_thrown_out_of_as_well(self):
        """Thrown out of the healing block itself, the next one heals both."""
        before, bytecodes, number = settings(), Bytecodes([Window.close, Window._drop_lost]), 0

        def work():
            with gcwise.batch("work", policy=NOTHING):
                pass

        while True:
            gcwise.paused("lost", policy=NOTHING).__enter__()
            if bytecodes.run(number, work) is None:
                break
            number += 1
            healed(before, bytecodes.place)

        assert number > 50
        assert settings() == before

    @pytest.mark.parametrize("thresholds", [(0, 5, 5), (50_000, 0, 0), (THRESHOLDS)])
    def test_foreign_thresholds(self, thresholds):
        """What the block's own code has set is in force afterwards, wherever it is thrown out."""
        bytecodes, number = Bytecodes([Scope.__exit__, Window.close]), 0

        def work():
            with gcwise.paused("foreign", policy=NOTHING):
                gc.set_threshold(*thresholds)

        while bytecodes.run(number, work) is not None:
            number += 1
            heal()
            assert gc.get_threshold() == thresholds, bytecodes.place
            gc.set_threshold(*THRESHOLDS)

        assert number > 50

    def test_loop_and_decorated(self):
        """A loop and a decorated generator are blocks like any other."""
        before = settings()

        @gcwise.paused("numbers", policy=NOTHING)
        def numbers():
            yield from range(2)

        def work():
            for _ in gcwise.each(numbers(), "loop", policy=NOTHING):
                pass

        thrown, _ = throw_everywhere([*WATCHED, _Loop.bodies], work)

        assert thrown > 300
        assert settings() == before


class Calls:
    """Throws where CPython itself looks for signals: at a function's begin, after a C function."""

    def __init__(self):
        self.left, self.place = -1, None

    def run(self, number, work):
        """Do the work, thrown out at that place; return the place, None at the end."""
        self.left, self.place = number, None
        found = sys.getprofile()
        with contextlib.suppress(ThrownError):
            sys.setprofile(self.on_event)
            try:
                work()
            finally:
                sys.setprofile(found)
        return self.place

    def on_event(self, frame, event, argument):
        """Count the places in gcwise."""
        if event not in {"call", "c_return"} or not frame.f_globals["__name__"].startswith(
            "gcwise"
        ):
            return
        if frame.f_code.co_name == "<genexpr>" or is_in_callback(frame):
            return  # Python drops what is raised where it frees a generator, or calls back.
        self.left -= 1
        if self.left == -1:
            self.place = frame.f_code.co_name, frame.f_lineno, event
            raise ThrownError


def is_in_callback(frame):
    """Tell whether a collection called what runs."""
    while frame is not None:
        if frame.f_code is Window._on_collection.__code__:
            return True
        frame = frame.f_back
    return False


class TestEverySignalCheck:
    """Thrown wherever CPython looks for signals, in everything that a scope's end does."""

    @pytest.mark.parametrize(
        "spelling", [gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown]
    )
    @pytest.mark.parametrize("policy", [None, Policy.always(0), Policy.every(1), Policy.never()])
    def test_decisions(self, spelling, policy, no_heap):
        """Decisions, collections and what is learned: healed, and decisions go on."""
        before, calls, thrown = settings(), Calls(), 0

        def work():
            collector.quiet.wake()
            with spelling("decided", policy=policy):
                cycle = []
                cycle.append(cycle)

        while (place := calls.run(thrown, work)) is not None:
            thrown += 1
            healed(before, place)
            assert is_deciding(), place

        assert thrown > 5

    @pytest.mark.parametrize("question", [gcwise.should_collect, gcwise.maybe_collect])
    def test_questions(self, question, no_heap):
        """A question that is thrown out of leaves the next one its turn."""
        before, calls, thrown = settings(), Calls(), 0

        def work():
            collector.quiet.wake()
            question("asked")

        while (place := calls.run(thrown, work)) is not None:
            thrown += 1
            assert settings() == before
            assert is_deciding(), place

        assert thrown > 10


@contextlib.contextmanager
def handled(error):
    """Let the signals of the tests raise."""

    def handler(number, frame):
        raise error

    found = [(each, signal.signal(each, handler)) for each in (signal.SIGALRM, signal.SIGINT)]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, handler in found:
            signal.signal(each, handler)


@pytest.fixture
def dropped(monkeypatch):
    """Throw again what Python dropped: raised in a finalizer, or in one of `gc.callbacks`."""
    found = Dropped()
    monkeypatch.setattr(sys, "unraisablehook", found.hook)
    return found


class Dropped:
    """What Python dropped, and how to throw it again."""

    def __init__(self):
        self.types, self.again = [], None

    def hook(self, what):
        """Take note of it, and let it be thrown again when this hook is left."""
        self.types.append(what.exc_type)
        threading.Timer(0.01, self.again, [threading.current_thread()]).start()


def busy_blocks(choose):
    """Open and close blocks of all sorts until something is thrown."""
    while True:
        with choose.choice(KINDS)("outer"):
            for _ in gcwise.each(range(2), "loop"):
                with choose.choice(KINDS)("inner"):
                    choose.random()
            with gcwise.collect_after("after"):
                cycle = []
                cycle.append(cycle)


def throw_out(choose, error, send):
    """Work until thrown out by what `send` has sent; tell whether healing was needed."""
    with contextlib.suppress(error):
        send()
        busy_blocks(choose)
    needed = any(collector.window._open) or gc.get_threshold() != THRESHOLDS
    heal()
    assert gc.isenabled()
    assert gc.get_threshold() == THRESHOLDS
    assert not any(collector.window._open)
    assert collector.window._callback not in gc.callbacks
    return needed


needs_timers = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no interval timers on this system"
)


class TestSignals:
    """Real signals whose handlers raise, at random moments."""

    @needs_timers
    @pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError, ThrownError])
    def test_timer(self, error, dropped, no_heap):
        """Each of 3,300 from a timer comes out, and one block heals what it left."""
        choose, needed = random.Random(error.__name__), 0

        def send(_thread=None):
            signal.setitimer(signal.ITIMER_REAL, choose.uniform(20e-6, 400e-6))

        dropped.again = send
        with handled(error):
            for _ in range(TIMER // 3):
                needed += throw_out(choose, error, send)
        tell(error.__name__, TIMER // 3, needed, dropped)

        assert set(dropped.types) <= {error}
        assert is_deciding()

    @pytest.mark.parametrize("send", [_thread.interrupt_main, signal.raise_signal])
    def test_from_a_thread(self, send, dropped, no_heap):
        """So do five hundred that another thread has sent."""
        choose, needed, sending = random.Random(1), 0, threading.Semaphore(0)
        moments, arguments = random.Random(2), [signal.SIGINT] * (send is signal.raise_signal)
        gone = threading.Event()

        def interrupt():
            while sending.acquire() and not gone.is_set():
                time.sleep(moments.uniform(20e-6, 300e-6))
                send(*arguments)

        dropped.again = lambda _thread: sending.release()
        thread = threading.Thread(target=interrupt)
        with handled(KeyboardInterrupt):
            thread.start()
            try:
                for _ in range(SENT // 2):
                    needed += throw_out(choose, KeyboardInterrupt, sending.release)
            finally:
                gone.set()
                sending.release()
                thread.join()
        tell(send.__name__, SENT // 2, needed, dropped)

        assert set(dropped.types) <= {KeyboardInterrupt}
        assert is_deciding()


def throw_at(thread):
    """Throw asynchronously at a thread, as time limits and task killers do."""
    ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(ThrownError)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error)


class Target(threading.Thread):
    """A thread that works in blocks, is thrown out of them, and begins again."""

    def __init__(self, seed, times, *, alone):
        super().__init__()
        self.choose, self.times, self.alone = random.Random(seed), times, alone
        self.ready, self.out, self.needed = threading.Semaphore(0), 0, 0

    def run(self):
        """Work until thrown out so many times."""
        while self.out < self.times:
            # What Python has dropped is thrown again, and may come too late for the blocks.
            with contextlib.suppress(ThrownError):
                self.work()

    def work(self):
        """Work until thrown out once; alone, see what was left."""
        if self.alone:
            self.needed += throw_out(self.choose, ThrownError, self.ready.release)
        else:
            with contextlib.suppress(ThrownError):
                self.ready.release()
                busy_blocks(self.choose)
        self.out += 1


class TestAsynchronous:
    """Exceptions that one thread throws at others by `PyThreadState_SetAsyncExc`."""

    @pytest.mark.parametrize(("number", "times"), [(1, ALONE), (3, OVERLAPPING // 3)])
    def test_threads(self, number, times, dropped, no_heap):
        """Each comes out, and one block heals what it left; for several threads one for all."""
        before, moments = settings(), random.Random(number)
        targets = [Target(seed, times, alone=number == 1) for seed in range(number)]
        dropped.again = throw_at

        for target in targets:
            target.start()
        while living := [target for target in targets if target.is_alive()]:
            for target in living:
                target.ready.acquire(timeout=0.1)
                time.sleep(moments.uniform(20e-6, 300e-6))
                throw_at(target)
        for target in targets:
            target.join()
        needed = healed(before, number) + sum(target.needed for target in targets)
        tell(f"{number} threads", number * times, needed, dropped)

        assert [target.out for target in targets] == [times] * number
        assert is_deciding()


def tell(name, thrown, needed, dropped):
    """Print the figures of a run."""
    print(f"{name}: {thrown} thrown, {needed} needed healing, {len(dropped.types)} dropped")
