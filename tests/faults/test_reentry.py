"""Calls into gcwise from where nobody expects them, and foreign code in the middle of gcwise's."""

import contextlib
import gc
import signal
import sys
import time
import weakref

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import collector
from tests.faults import children

ALWAYS, NEVER = Policy.always(), Policy.never()
# More than any window admits here before an automatic collection.
MANY = 200_000


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """Take the objects there are out of sight, so that full collections are cheap."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Cycle:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


class Final(Cycle):
    """Calls an action when it is found to be garbage."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def __del__(self):
        self.action()


def cycles(done):
    """Make cyclic garbage until something is done."""
    for _ in range(MANY):
        Cycle()
        if done():
            break


# How code is called in the middle of a collection.


@contextlib.contextmanager
def finalizer(action):
    """Call it from the finalizer of an object in a cycle."""
    Final(action)
    yield


@contextlib.contextmanager
def weakref_callback(action):
    """Call it from the callback of a weak reference to an object in a cycle."""
    reference = weakref.ref(Cycle(), lambda _: action())
    yield
    del reference


@contextlib.contextmanager
def gc_callback(action):
    """Call it from a callback of the collector, at the start and at the end of each collection."""

    def callback(phase, info):
        action()

    gc.callbacks.append(callback)
    yield
    gc.callbacks.remove(callback)


PLACES = [finalizer, weakref_callback, gc_callback]
places = pytest.mark.parametrize("place", PLACES, ids=lambda each: each.__name__)

# Who runs the collection.


def by_the_user(done):
    """Run a blind collection."""
    gc.collect()


def automatic(done):
    """Let automatic collection come."""
    cycles(done)


def automatic_in_a_batch(done):
    """Let automatic collection come that a window admits."""
    with gcwise.batch("outer", policy=NEVER):
        cycles(done)


def by_a_decision(done):
    """Let gcwise collect at the end of a window."""
    with gcwise.paused("outer") as scope:
        cycles(lambda: gc.get_count()[0] > 5_000)
    assert scope.decision.reason is not gcwise.Reason.BUSY


def by_a_schedule(done):
    """Let gcwise collect because its turn has come."""
    assert gcwise.maybe_collect("outer", policy=ALWAYS).collection is not None


def by_a_teardown(done):
    """Let gcwise try all generations."""
    with gcwise.teardown("outer") as scope:
        pass
    assert scope.decision.collection is not None


TRIGGERS = [
    by_the_user,
    automatic,
    automatic_in_a_batch,
    by_a_decision,
    by_a_schedule,
    by_a_teardown,
]
triggers = pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda each: each.__name__)

# What it calls.


def scope_of(window):
    """Return what opens and closes a window and tells what was decided."""

    def call(policy):
        with window("inner", policy=policy) as scope:
            Cycle()
        return scope.decision

    call.__name__ = window.__name__
    return call


def checkpoint(policy):
    """Decide in the middle of a window."""
    with gcwise.batch("inner", policy=policy) as scope:
        return scope.checkpoint()


def each(policy):
    """Loop."""
    for _ in gcwise.each([1, 2], "inner", policy=policy):
        Cycle()


def decorated(policy):
    """Call a decorated function."""
    gcwise.paused("inner", policy=policy)(Cycle)


def settings(policy):
    """Set what there is to set, and let it be as it was."""
    gcwise.set_policy(gcwise.get_policy())
    gcwise.set_active(False)
    gcwise.set_active(True)


def should_collect(policy):
    """Ask only."""
    return gcwise.should_collect("inner", policy=policy)


def maybe_collect(policy):
    """Collect if it is worth it."""
    return gcwise.maybe_collect("inner", policy=policy)


SPELLINGS = [
    *map(scope_of, [gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown]),
    *(checkpoint, each, settings, should_collect, maybe_collect),
]
spellings = pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda each: each.__name__)


@places
@triggers
@spellings
def test_in_the_middle_of_a_collection(place, trigger, spelling):
    """Whatever is called there answers, collects nothing and leaves nothing behind."""
    told, before = [], _state()

    def action():
        told.extend(spelling(policy) for policy in (None, ALWAYS, Policy(1e6)))

    with place(action):
        trigger(lambda: told)

    assert told
    assert not [decision for decision in told if decision and decision.collection]
    assert _state() == before
    assert gcwise.maybe_collect("after", policy=ALWAYS).collection is not None


@places
@triggers
@pytest.mark.parametrize("window", [gcwise.batch, gcwise.paused, gcwise.teardown])
def test_a_window_that_outlives_the_collection(place, trigger, window):
    """A window that is opened in the middle of a collection holds until it is closed."""
    opened, before = [], _state()

    def action():
        if not opened:
            opened.append(window("long", policy=NEVER).__enter__())

    with place(action):
        trigger(lambda: opened)

    if window is not gcwise.teardown:
        assert gc.get_threshold() != before[1]
    opened.pop().__exit__(None, None, None)
    assert _state() == before


@pytest.fixture
def unraisable(monkeypatch):
    """Collect the exceptions that nobody can catch."""
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: errors.append(str(each.exc_value)))
    return errors


@places
@triggers
@pytest.mark.parametrize("spelling", [scope_of(gcwise.batch), maybe_collect])
def test_raising(place, trigger, spelling, unraisable):
    """What is called in a collection and raises, inside a window or not, disturbs no decision."""
    before = _state()

    def action():
        with gcwise.paused("raising"):
            spelling(ALWAYS)
            raise ValueError("boom")

    with place(action):
        trigger(lambda: unraisable)

    assert set(unraisable) == {"boom"}
    assert _state() == before
    assert gcwise.maybe_collect("after", policy=ALWAYS).collection is not None


# What other libraries put into `gc.callbacks`.


class Callback:
    """A callback that does something the first time it is called in a phase."""

    def __init__(self, phase, does):
        self.phase, self.does, self.called = phase, does, 0

    def __call__(self, phase, info):
        """Count the calls in its phase."""
        if phase == self.phase:
            self.called += 1
            if self.called == 1:
                self.does(self)


def _boom(callback):
    raise ValueError("boom")


def _remove(callback):
    gc.callbacks.remove(callback)


def _remove_ours(callback):
    gc.callbacks[:] = [each for each in gc.callbacks if each != collector.window._callback]


def _twice(callback):
    gc.callbacks[:] = [*gc.callbacks, *gc.callbacks]


FOREIGN = {
    "slow": lambda callback: time.sleep(0.05),
    "raises": _boom,
    "removes itself": _remove,
    "removes ours": _remove_ours,
    "clears the list": lambda callback: gc.callbacks.clear(),
    "replaces the content": lambda callback: gc.callbacks.__setitem__(slice(None), [callback]),
    "has all called twice": _twice,
    "sorts": lambda callback: gc.callbacks.reverse(),
    "sets a threshold": lambda callback: gc.set_threshold(*gc.get_threshold()),
}


@pytest.fixture
def foreign(request):
    """Put other code's callback into the list, before or behind ours, and take it out again."""
    before = list(gc.callbacks)
    yield
    # That it does as it likes with the list is its own affair; ours must not be left in it.
    assert collector.window._callback not in gc.callbacks
    gc.callbacks[:] = before


@pytest.mark.usefixtures("foreign")
@triggers
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("phase", ["start", "stop"])
@pytest.mark.parametrize("does", FOREIGN.values(), ids=FOREIGN)
def test_foreign_callbacks(trigger, first, phase, does, unraisable):
    """A callback of another library may do what it likes: thresholds and decisions stay right."""
    callback, before = Callback(phase, does), _state()

    with gcwise.batch("around", policy=NEVER):
        gc.callbacks.insert(0 if first else len(gc.callbacks), callback)
        trigger(lambda: callback.called)
        if not callback.called:
            gc.collect()

    assert callback.called
    assert set(unraisable) <= {"boom"}
    assert _state()[:2] == before[:2]
    assert gcwise.maybe_collect("after", policy=ALWAYS).collection is not None


@pytest.mark.usefixtures("foreign")
def test_a_list_that_is_put_back():
    """Code that saves the list inside a window and puts it back later leaves ours in it: once."""
    saved = None
    with gcwise.batch("outer", policy=NEVER):
        saved = list(gc.callbacks)
    gc.callbacks[:] = saved
    thresholds = gc.get_threshold()
    gc.collect()
    cycles(lambda: gc.get_count()[1] > 2)
    assert gc.get_threshold() == thresholds

    with gcwise.batch("next", policy=NEVER):
        pass


def _state():
    return gc.isenabled(), gc.get_threshold(), list(gc.callbacks)


EVERYTHING = """
import inspect, itertools, os, signal, sys, threading, time

ALWAYS, NEVER = gcwise.Policy.always(), gcwise.Policy.never()
# Full collections are cheap from here on.
gc.freeze()

def everything():
    # Each spelling once.
    for policy in None, ALWAYS, NEVER, gcwise.Policy(1e6):
        for window in gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown:
            with window("everything", policy=policy):
                Cycle()
            window("everything", policy=policy)(Cycle.__init__)(Cycle())
        with gcwise.batch("everything", policy=policy) as scope:
            str(scope.checkpoint())
        for _ in gcwise.each([1, 2], "everything", policy=policy):
            Cycle()
        gcwise.should_collect("everything", policy=policy)
        gcwise.maybe_collect("everything", policy=policy)
"""


def script(text, end=children.END):
    """Run a script that can call everything."""
    return children.run(text, begin=children.BEGIN + EVERYTHING, end=end)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
def test_signal_handlers():
    """A handler that calls everything, between any two lines of a program that does so too."""
    script(
        """
        import random

        chance, handled = random.Random(0), 0

        def handler(number, frame):
            global handled
            everything()
            handled += 1
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 1e-3))

        signal.signal(signal.SIGALRM, handler)
        ends = time.monotonic() + 30
        signal.setitimer(signal.ITIMER_REAL, 1e-3)
        while handled < 500:
            assert time.monotonic() < ends, handled
            everything()
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )


@pytest.mark.parametrize(
    ("window", "policy"),
    [("batch", "None"), ("paused", "gcwise.Policy(1e6)"), ("teardown", "ALWAYS")],
)
def test_between_any_two_lines(window, policy):
    """A finalizer or signal handler that calls everything, at each line that a scope runs."""
    lines = script(
        f"""
        def program():
            with gcwise.{window}("program", policy={policy}) as scope:
                Cycle()
            return scope.decision

        def interrupted(line):
            # Call everything as the program arrives at a line of gcwise; tell whether it did.
            left = line

            def every_line(frame, event, arg):
                nonlocal left
                if event == "line":
                    left -= 1
                    if left == 0:
                        sys.settrace(None)
                        everything()
                return every_line

            def calls(frame, event, arg):
                return every_line if frame.f_globals["__name__"].startswith("gcwise") else None

            collector.quiet.wake()
            sys.settrace(calls)
            decision = program()
            sys.settrace(None)
            assert decision is not None
            return left <= 0

        line = 1
        while interrupted(line):
            as_found()
            assert not collector._claims
            line += 1
        print(line)
        """
    )

    assert int(lines) > 50


def test_at_exit():
    """Functions that run at exit may call everything, whether registered early or late."""
    said = children.run(
        """
        @atexit.register
        def late():
            everything()
            cycles()
            as_found()
            print("late", flush=True)

        opened = gcwise.paused("until exit").__enter__()

        @atexit.register
        def closes():
            opened.__exit__(None, None, None)
        """,
        begin="import atexit\natexit.register(lambda: early())\n"
        + children.BEGIN
        + EVERYTHING
        + "def early():\n    everything()\n    as_found()\n    print('early')\n",
        end="",
    )

    assert said.split() == ["late", "early"]


@pytest.mark.parametrize("daemon", [False, True])
def test_threads_that_still_run_at_shutdown(daemon):
    """Threads that call everything while the interpreter shuts down do not disturb its end."""
    script(
        f"""
        import atexit

        started, ended = threading.Barrier(4), []

        def work():
            started.wait(20)
            while {daemon} or threading.main_thread().is_alive():
                everything()
            everything()
            ended.append(None)

        for _ in range(3):
            threading.Thread(target=work, daemon={daemon}).start()
        started.wait(20)
        everything()

        @atexit.register
        def last():
            # Those that were waited for have closed what they opened.
            assert len(ended) == (0 if {daemon} else 3)
            if ended:
                as_found()
        """,
        end="",
    )
