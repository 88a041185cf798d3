"""Setting hooks, and telling them without harm to whoever decides."""

import functools
import importlib
import logging
import sys
import threading

import pytest

import gcwise.instrumentation
from gcwise import Reason
from gcwise.instrumentation import (
    LoggingOnDecisionHook,
    _hooks,
    get_on_decision_hooks,
    set_on_decision_hooks,
)
from gcwise.instrumentation._hooks import Hooks, registered, tell
from tests.faults import children
from tests.faults.test_interrupts import Bytecodes
from tests.instrumentation.decisions import done, skipped
from tests.interpreters import needs_counting, needs_settings


class HookError(Exception):
    """What only a hook of these tests raises."""


def fails(decision):
    """Raise, as a hook should not."""
    raise HookError(decision.site)


def errors(caplog):
    """Return the records of hooks that were dropped."""
    return [record for record in caplog.records if record.levelno == logging.ERROR]


def test_the_default_is_logging():
    """Without a word from the program there is one hook, and None brings it back."""
    (default,) = get_on_decision_hooks()
    assert isinstance(default, LoggingOnDecisionHook)
    assert not registered.chosen
    set_on_decision_hooks([print])
    assert registered.chosen
    set_on_decision_hooks(None)
    assert get_on_decision_hooks() == (default,)
    assert not registered.chosen


def test_hooks_are_told_in_their_order():
    """Each hears of each decision, done or skipped, with the decision itself."""
    heard = []
    hooks = [lambda each: heard.append((1, each)), lambda each: heard.append((2, each))]
    set_on_decision_hooks(iter(hooks))
    assert get_on_decision_hooks() == tuple(hooks)
    decisions = [done(), skipped()]
    for decision in decisions:
        tell(decision)
    assert heard == [(number, decision) for decision in decisions for number in (1, 2)]


def test_nobody_is_told_what_was_not_decided():
    """Switched off, gcwise decides nothing."""
    heard = []
    set_on_decision_hooks([heard.append])
    tell(skipped()._replace(reason=Reason.INACTIVE))
    assert heard == []


def test_no_hooks():
    """Empty switches telling off."""
    set_on_decision_hooks(())
    assert get_on_decision_hooks() == ()
    assert tell(done()) is None


class Callable:
    """A hook without a name of its own."""

    def __call__(self, decision):
        """Raise, as a hook should not."""
        raise HookError


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (print, r"iterable of hooks or None, got builtin_function.*set_on_decision_hooks\(\[hook"),
        (5, "iterable of hooks or None, got int: 5"),
        ([print, "log"], "a hook must be callable with a gcwise.Decision, got str: 'log'"),
        ([None], "a hook must be callable with a gcwise.Decision, got NoneType: None"),
        ([Callable], r"a hook must be made, got the class: Callable\(\)"),
    ],
)
def test_what_is_no_hook_is_refused(hooks, message):
    """The error says what is wrong and what to do, and nothing is changed."""
    before = [fails]
    set_on_decision_hooks(before)
    with pytest.raises(TypeError, match=message):
        set_on_decision_hooks(hooks)
    assert get_on_decision_hooks() == tuple(before)


def test_a_class_is_no_iterable_of_hooks():
    """One whose instances are iterable is told about as other things are."""
    with pytest.raises(TypeError, match="hooks must be an iterable of hooks or None, got type: "):
        set_on_decision_hooks(list)


@pytest.mark.parametrize("error", [TypeError("own"), HookError("own")])
def test_an_iterable_that_fails_is_not_misunderstood(error):
    """Its own error passes through, and nothing is changed."""

    def iterates():
        yield print
        raise error

    set_on_decision_hooks([fails])
    with pytest.raises(type(error), match="own"):
        set_on_decision_hooks(iterates())
    assert get_on_decision_hooks() == (fails,)


def test_a_hook_that_raises_is_logged_once_and_dropped(caplog):
    """The others go on, and the record has its name and the traceback."""
    heard = []
    set_on_decision_hooks([heard.append, fails, heard.append])
    tell(done("first"))
    tell(done("second"))
    assert [each.site for each in heard] == ["first", "first", "second", "second"]
    assert get_on_decision_hooks() == (heard.append, heard.append)
    (record,) = errors(caplog)
    assert record.name == "gcwise"
    assert record.getMessage() == (f"the hook {__name__}.fails raised an exception and was dropped")
    assert isinstance(record.exc_info[1], HookError)
    assert "raise HookError(decision.site)" in caplog.text


def test_a_failure_that_nobody_listens_for_is_on_stderr(capsys, monkeypatch):
    """A hook that fails at its first try is not dropped in silence."""
    monkeypatch.setattr(logging.getLogger("gcwise"), "propagate", False)
    set_on_decision_hooks([fails])
    tell(done())
    said = capsys.readouterr().err
    assert said.startswith(f"the hook {__name__}.fails raised an exception and was dropped\n")
    assert "raise HookError(decision.site)" in said


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        (Callable(), f"{__name__}.Callable"),
        (functools.partial(fails), "functools.partial"),
        (Callable().__call__, f"{__name__}.Callable.__call__"),
    ],
)
def test_hooks_without_a_name(caplog, hook, name):
    """They are called by their type, and never shown: they may hold secrets."""
    set_on_decision_hooks([hook])
    tell(done())
    (record,) = errors(caplog)
    assert f"the hook {name} raised" in record.getMessage()


def test_a_failure_that_cannot_be_logged_is_kept_quiet(caplog):
    """Where logging fails as well, whoever decided never hears of it."""

    class Broken(logging.Handler):
        def emit(self, record):
            raise HookError

    logging.getLogger("gcwise").addHandler(Broken())
    set_on_decision_hooks([fails])
    tell(done())
    assert get_on_decision_hooks() == ()


def test_two_threads_drop_a_hook_once(caplog):
    """One that raises in two threads at a time is logged once."""
    both = threading.Barrier(2)

    def fails_together(decision):
        both.wait(20)
        raise HookError

    set_on_decision_hooks([fails_together])
    decision = done()
    threads = [threading.Thread(target=tell, args=(decision,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors(caplog)) == 1


def test_hooks_set_meanwhile_are_not_dropped():
    """A hook that puts another list in place, and raises, loses nothing of that."""

    def replaces(decision):
        set_on_decision_hooks([replaces, print])
        raise HookError

    set_on_decision_hooks([replaces])
    tell(done())
    assert get_on_decision_hooks() == (replaces, print)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes_through(error):
    """It is for the program, the hook stays, and the next decision is told."""
    heard = []

    def interrupted(decision):
        heard.append(decision)
        if len(heard) == 1:
            raise error

    set_on_decision_hooks([interrupted])
    with pytest.raises(error):
        tell(done())
    assert get_on_decision_hooks() == (interrupted,)
    tell(done())
    assert len(heard) == 2


def test_a_hook_that_decides_does_not_hear_of_itself():
    """What is decided while a hook runs is not told in its thread, but in others it is."""
    heard = []

    def decides(decision):
        heard.append(decision.site)
        tell(done("inside"))
        if decision.site == "outside":
            thread = threading.Thread(target=tell, args=(done("other thread"),))
            thread.start()
            thread.join()

    set_on_decision_hooks([decides])
    tell(done("outside"))
    tell(done("after"))
    assert heard == ["outside", "other thread", "after"]


@needs_counting
def test_a_finalizer_inside_a_hook_is_not_told():
    """A hook may free what decides as it goes, in the middle of the hook."""
    heard = []

    class Final:
        def __del__(self):
            tell(skipped("finalizer"))

    def frees(decision):
        heard.append(decision.site)
        final = [Final()]
        final.clear()

    set_on_decision_hooks([frees])
    tell(done())
    assert heard == ["place"]


def test_a_mark_left_behind_is_not_believed():
    """A signal handler may raise just before it is taken away: what counts is who is told now."""
    heard = []
    set_on_decision_hooks([heard.append])
    registered._telling.now = True
    tell(skipped())
    assert len(heard) == 1
    assert not registered._telling.now


@needs_settings
def test_an_interrupt_at_any_bytecode_is_got_over():
    """Whichever step of telling a signal handler throws at, the next decision is told."""
    if sys.gettrace() is not None:
        pytest.skip("a tracer, as that of coverage, would be thrown out of as well")
    heard, decision, thrown = [], skipped(), 0
    set_on_decision_hooks([heard.append])
    bytecodes = Bytecodes([Hooks.tell])
    while bytecodes.run(thrown, lambda: tell(decision)) is not None:
        thrown += 1
        heard.clear()
        tell(decision)
        assert heard == [decision], bytecodes.place
    assert thrown > 30


def test_setting_is_atomic():
    """Threads that tell meanwhile find the hooks of one call, never a mixture."""
    heard = threading.local()
    sets = [[functools.partial(lambda n, _: heard.own.append(n), n)] * 5 for n in range(3)]
    decision, mixtures, over = skipped(), [], threading.Event()

    def tells():
        while not over.is_set():
            heard.own = []
            tell(decision)
            if len(heard.own) != 5 or len(set(heard.own)) != 1:
                mixtures.append(heard.own)

    set_on_decision_hooks(sets[0])
    threads = [threading.Thread(target=tells) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(2_000):
        set_on_decision_hooks(sets[turn % 3])
    over.set()
    for thread in threads:
        thread.join()
    assert mixtures == []


def test_a_reload_keeps_the_hooks():
    """Whoever has looked up `tell` tells those that are set later."""
    heard, before = [], tell
    importlib.reload(_hooks)
    _hooks.set_on_decision_hooks([heard.append])
    before(skipped())
    assert [each.reason for each in heard] == [Reason.NOT_SCHEDULED]


def test_names():
    """All public names are there, whenever they are imported, and no others."""
    for name in gcwise.instrumentation.__all__:
        assert getattr(gcwise.instrumentation, name).__module__.startswith("gcwise.")
    with pytest.raises(AttributeError, match="has no attribute 'StructlogOnDecisionHook'"):
        gcwise.instrumentation.StructlogOnDecisionHook  # noqa: B018


BEGIN = """
import sys
import gcwise
from gcwise._collector import collector
from gcwise.instrumentation import set_on_decision_hooks
from gcwise.instrumentation._hooks import tell

def decision(site="child"):
    return collector.decide(site, gcwise.Policy.always())
"""


def run(script, *options):
    """Run a script in a process that must end well and say nothing on stderr."""
    return children.run(script, *options, begin=BEGIN, end="")


def test_nothing_heavy_is_imported_to_tell():
    """Neither importing gcwise nor telling the default hook brings logging, or what it imports."""
    run(
        """
        tell(decision())
        heavy = {"logging", "typing_extensions", "prometheus_client", "opentelemetry"}
        assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
        """
    )


def test_a_failure_is_seen_where_no_logging_is_set_up():
    """A hook that fails at its first try is not dropped in silence: stderr has the traceback."""
    said = run(
        """
        import contextlib, io

        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            set_on_decision_hooks([lambda decision: 1 / 0])
            tell(decision())
        print(said.getvalue())
        """
    )
    assert "the hook __main__.<lambda> raised an exception and was dropped" in said
    assert "ZeroDivisionError" in said


@needs_counting
@pytest.mark.parametrize("options", [["-X", "dev"], []], ids=["dev", "plain"])
def test_nobody_is_told_as_the_interpreter_ends(options):
    """Finalizers that run then decide in peace, modules gone or not."""
    said = run(
        """
        import os

        class Final:
            def __init__(self, name):
                self.me, self.name = self, name

            def __del__(self, tell=tell, decision=decision(), write=os.write):
                tell(decision)
                write(1, self.name)

        set_on_decision_hooks([lambda decision: os.write(1, b"told ")])
        first, sys.last = Final(b"first "), Final(b"last ")
        tell(decision())
        """,
        *options,
    )
    assert sorted(said.split()) == ["first", "last", "told"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks there")
def test_a_forked_child_is_told():
    """Forked in a hook, or while other threads are in theirs, a child goes on telling."""
    run(
        """
        import os, threading, warnings

        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        heard, inside, go = [], threading.Event(), threading.Event()

        def waits(told):
            if told.site == "other":
                inside.set()
                assert go.wait(20)
            elif told.site == "forks" and not os.fork():
                # Still inside the parent's hook.
                tell(decision("not told"))
                os._exit(heard != [])
            heard.append(told.site)

        set_on_decision_hooks([waits])
        other = threading.Thread(target=tell, args=(decision("other"),))
        other.start()
        assert inside.wait(20)
        if not os.fork():
            tell(decision("child"))
            in_thread = threading.Thread(target=tell, args=(decision("thread"),))
            in_thread.start()
            in_thread.join(20)
            os._exit(heard != ["child", "thread"])
        assert os.wait()[1] == 0
        tell(decision("forks"))
        assert os.wait()[1] == 0
        go.set()
        other.join()
        assert heard == ["forks", "other"], heard
        """
    )


def test_a_time_limit_passes_through_the_default(monkeypatch):
    """A signal handler that raises while logging is looked for ends the work, and drops no hook."""

    def late(_decision):
        raise TimeoutError

    monkeypatch.setattr(registered, "_hooks", ([late],))
    assert not registered.chosen
    with pytest.raises(TimeoutError):
        tell(done("late"))
    assert registered.get() == (late,)
    monkeypatch.setattr(registered, "chosen", True)
    tell(done("late"))
    assert registered.get() == ()
