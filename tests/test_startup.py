"""The start of a program: what is frozen, when, and when not."""

import asyncio
import gc
import importlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

import gcwise
from gcwise import Policy, Reason, _startup
from gcwise._collector import collector
from gcwise._runtime import Runtime
from gcwise.testing import forced, simulated
from tests.interpreters import COUNTED, real

freezing = pytest.mark.skipif(
    type(real) is not Runtime, reason="this gc cannot freeze, or not at once"
)
RELOADED = pytest.mark.parametrize("variable", ["RUN_MAIN", "WERKZEUG_RUN_MAIN"])


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def _anew(monkeypatch):
    """Give each test a process that has not started yet, and thaw what it froze."""
    for variable in _startup.RELOADERS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(_startup, "blocks", {})
    yield
    if hasattr(gc, "unfreeze"):
        gc.unfreeze()
        _startup.atexit.unregister(gc.unfreeze)


def old():
    """Return the objects that a full collection would examine."""
    return len(gc.get_objects())


def run(script, **environment):
    """Run a program with warnings as errors; return what it printed and said."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


class TestFreezing:
    """What a block does that comes to its end."""

    @freezing
    def test_everything_alive_is_frozen(self):
        """What was loaded is not examined any more, and reference counting still frees it."""
        with gcwise.startup("start") as start:
            loaded = [[number] for number in range(10_000)]
            assert not start.frozen

        assert start.frozen
        assert gc.get_freeze_count() > 10_000
        assert old() < 1_000
        before = gc.get_freeze_count()
        loaded.clear()
        assert gc.get_freeze_count() <= before - 10_000

    @freezing
    def test_automatic_gc_forgets_what_was_frozen(self):
        """Old garbage does not wait until there is a quarter as much as was frozen."""
        printed, _ = run("""
            import gc, weakref
            import gcwise

            class Node:
                def __init__(self):
                    self.me = self

            with gcwise.startup():
                loaded = [[number] for number in range(200_000)]
            node = Node()
            gc.collect(1)
            died = weakref.ref(node)
            del node
            gc.set_threshold(100, 2, 2)
            more = [[number] for number in range(40_000)]
            print(died())
        """)

        assert printed == "None\n"

    @freezing
    @freezing
    def test_full_collections_are_expected_to_be_cheap(self):
        """What is frozen does not count for what a full collection is expected to examine."""
        gcwise.maybe_collect("look", policy=Policy())
        before = collector._ledger.outlooks()[2].candidates
        with gcwise.startup():
            pass
        gcwise.maybe_collect("look", policy=Policy())

        assert collector._ledger.outlooks()[2].candidates < before / 2
        collector.after_fork()
        assert collector._ledger.outlooks()[2].candidates < before / 2

    @freezing
    def test_garbage_is_collected_first(self):
        """Old garbage, too, is gone before anything is frozen."""
        node = Node()
        gc.collect()
        died = weakref.ref(node)
        with gcwise.startup():
            del node

        assert died() is None

    @freezing
    def test_decision(self):
        """The full collection is a decision of the place, and counts in the report."""
        gcwise.reset()
        with gcwise.startup("start") as start:
            pass

        assert start.decision.reason is Reason.SCHEDULED
        assert start.decision.collection.generation == 2
        (place,) = gcwise.report().places
        assert (place.site, place.decisions, place.collections) == ("start", 1, (0, 0, 1))

    @freezing
    def test_soon_after_another_decision(self):
        """It is not skipped where next to nothing is new since the last decision."""
        gcwise.maybe_collect("just before")
        with gcwise.startup("start") as start:
            pass

        assert start.frozen

    @freezing
    def test_automatic_collection_is_off_inside(self):
        """However much is loaded, nothing is examined meanwhile."""
        before = [each["collections"] for each in real.stats()]
        with gcwise.startup():
            loaded = [[number] for number in range(50_000)]
            assert [each["collections"] for each in real.stats()] == before
        assert loaded

    @freezing
    def test_decorator(self):
        """A decorated function freezes what it has loaded, once."""

        @gcwise.startup()
        def load():
            return [[number] for number in range(10_000)]

        loaded = load()

        assert gc.get_freeze_count() > len(loaded)
        with pytest.raises(RuntimeError, match="test_decorator"):
            load()

    @freezing
    def test_coroutine(self):
        """A decorated coroutine function may await while it loads."""

        @gcwise.startup("load")
        async def load():
            await asyncio.sleep(0)
            return gc.get_threshold()[0]

        assert asyncio.run(load()) > real.get_threshold()[0]
        assert gc.get_freeze_count() > 1_000

    @freezing
    def test_checkpoint(self):
        """A checkpoint decides as it does elsewhere, and freezes nothing."""
        with gcwise.startup() as start:
            start.checkpoint()
            assert gc.get_freeze_count() < 1_000

        assert start.frozen

    @freezing
    @pytest.mark.parametrize("window", [gcwise.paused, gcwise.batch])
    def test_nested(self, window):
        """It freezes inside another window, which goes on, and around one."""
        with window("outer", policy=Policy.never()):
            held = real.get_threshold()
            with gcwise.startup() as start, window("inner", policy=Policy.never()):
                pass
            assert start.frozen
            assert real.get_threshold() == held

    def test_exit(self):
        """When the program exits, everything is thawed, and its finalizers run."""
        printed, _ = run("""
            import atexit, gc
            import gcwise

            class Loaded:
                def __init__(self):
                    self.me = self
                def __del__(self):
                    print("finalized")

            def thawed():
                print(getattr(gc, "get_freeze_count", int)() < 1000)

            atexit.register(thawed)
            with gcwise.startup():
                Loaded.one = Loaded()
        """)

        assert printed.splitlines()[0] == "True"
        assert "finalized" in printed or not COUNTED


class TestOnce:
    """A process starts once."""

    def test_second_entry(self):
        """A second block is refused, with the place of the first and what to do."""
        with gcwise.startup("first"):
            pass
        with pytest.raises(RuntimeError, match="serves once in a process, and did at 'first'; put"):
            gcwise.startup("second").__enter__()

    def test_a_refused_one_leaves_the_first_alone(self):
        """Leaving a block that was never entered does not make room for another."""
        with gcwise.startup("first"):
            pass
        with pytest.raises(RuntimeError, match="not been entered"):
            gcwise.startup("second").__exit__(KeyError, KeyError(), None)
        with pytest.raises(RuntimeError, match="once in a process"):
            gcwise.startup("third").__enter__()

    def test_nested_in_itself(self):
        """One inside another is refused, and the outer one goes on."""
        with gcwise.startup("outer") as outer, pytest.raises(RuntimeError, match="did at 'outer'"):
            gcwise.startup("inner").__enter__()

        assert outer.decision is not None

    def test_same_block(self):
        """One that was entered before is refused like any scope."""
        with gcwise.startup() as start:
            pass
        with pytest.raises(RuntimeError, match="already been entered"):
            start.__enter__()

    def test_threads(self):
        """Of two threads that enter at the same time, one is refused."""
        barrier, refused = threading.Barrier(2), []

        def enter():
            barrier.wait()
            try:
                with gcwise.startup():
                    time.sleep(0.05)
            except RuntimeError as error:
                refused.append(error)

        threads = [threading.Thread(target=enter) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1

    def test_reload(self, monkeypatch):
        """A reload of gcwise itself does not forget that the process has started."""
        monkeypatch.setattr(_startup, "startup", _startup.startup)
        with gcwise.startup("first"):
            pass
        importlib.reload(_startup)
        with pytest.raises(RuntimeError, match="did at 'first'"):
            _startup.startup("again").__enter__()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_fork(self):
        """A forked child keeps what is frozen, and may have a start of its own."""
        printed, _ = run("""
            import gc, os
            import gcwise

            frozen = getattr(gc, "get_freeze_count", int)
            with gcwise.startup("parent") as parent:
                loaded = [[number] for number in range(10_000)]
            settings = gc.isenabled(), getattr(gc, "get_threshold", int)()
            if not os.fork():
                inherited = frozen()
                more = [[number] for number in range(1_000)]
                with gcwise.startup("child") as child:
                    pass
                assert child.frozen == parent.frozen
                assert (gc.isenabled(), getattr(gc, "get_threshold", int)()) == settings
                if child.frozen:
                    assert inherited > 10_000 and frozen() > inherited + 900
                    gc.collect()
                print("child", flush=True)
                os._exit(0)
            _, status = os.wait()
            print(status)
        """)

        assert printed.split() == ["child", "0"]


class TestExceptions:
    """A start that fails."""

    def test_nothing_is_frozen(self):
        """What passes through finds gc as before, with nothing frozen, and may try again."""
        frozen = getattr(gc, "get_freeze_count", int)
        found = gc.isenabled(), real.get_threshold(), list(real.callbacks), frozen()
        start = gcwise.startup()
        with pytest.raises(LookupError), start:
            raise LookupError
        assert (gc.isenabled(), real.get_threshold(), list(real.callbacks), frozen()) == found
        assert start.decision.reason is Reason.EXCEPTION
        assert not start.frozen

        with gcwise.startup() as again:
            pass
        assert again.frozen == (type(real) is Runtime)

    @pytest.mark.parametrize("arguments", [{"name": 1}, {"policy": 1}])
    def test_bad_arguments(self, arguments):
        """Names and policies are checked as everywhere."""
        with pytest.raises(TypeError, match=next(iter(arguments))):
            gcwise.startup(**arguments)


class TestUnfit:
    """Where freezing is no use, the block is that of `paused`, and says so."""

    @RELOADED
    def test_reloader(self, monkeypatch, caplog, variable):
        """In the child of a reloader nothing is frozen."""
        monkeypatch.setenv(variable, "true")
        with gcwise.startup("start") as start:
            assert real.get_threshold() > (10_000,) or not COUNTED

        assert not start.frozen
        assert start.decision.reason is not Reason.SCHEDULED
        (message,) = caplog.messages
        assert message.startswith("start: startup() froze nothing: ")
        assert variable in message or type(real) is not Runtime
        with pytest.raises(RuntimeError, match="once"):
            gcwise.startup().__enter__()

    @RELOADED
    @freezing
    def test_parent_of_a_reloader(self, monkeypatch, variable):
        """Any other value is not what reloaders set."""
        monkeypatch.setenv(variable, "false")
        with gcwise.startup() as start:
            pass

        assert start.frozen

    def test_stderr(self):
        """Where no logging is set up the message goes to stderr."""
        _, said = run("import gcwise\nwith gcwise.startup('start'): pass", RUN_MAIN="true")

        assert said.startswith("start: startup() froze nothing: ")
        assert said.count("\n") == 1

    @pytest.mark.parametrize("kind", list(_startup.UNFIT), ids=lambda each: each.__name__)
    def test_kinds(self, monkeypatch, caplog, kind):
        """Where freezing is absent or takes long, nothing is frozen."""
        froze = []
        monkeypatch.setattr(_startup.gc, "freeze", lambda: froze.append(1), raising=False)
        with simulated():
            monkeypatch.setitem(_startup.UNFIT, type(collector.runtime), _startup.UNFIT[kind])
            with gcwise.startup("start") as start:
                pass

        assert not froze
        assert not start.frozen
        assert caplog.messages == [f"start: startup() froze nothing: {_startup.UNFIT[kind]}"]

    def test_simulated(self, caplog):
        """A simulated collector has nothing to freeze."""
        with simulated(), gcwise.startup() as start:
            pass

        assert not start.frozen
        assert _startup.SIMULATED in caplog.text

    @freezing
    def test_no_collection(self, caplog):
        """Where no collection could be had nothing is frozen, for garbage would stay."""
        with forced(False), gcwise.startup() as start:
            pass

        assert not start.frozen
        assert start.decision.reason is Reason.NOT_SCHEDULED
        assert "froze nothing: no collection" in caplog.text

    def test_switched_off(self, caplog):
        """While gcwise is off nothing is done, said or counted, and a second block is no error."""
        gcwise.set_active(False)
        for _ in range(2):
            with gcwise.startup() as start:
                assert real.get_threshold() < (10_000,)

        assert not start.frozen
        assert start.decision.reason is Reason.INACTIVE
        assert caplog.messages == []

    def test_switched_off_inside(self, caplog):
        """Switched off inside, it freezes nothing either, and gives gc back."""
        with gcwise.startup() as start:
            gcwise.set_active(False)

        assert not start.frozen
        assert caplog.messages == []


@pytest.fixture(autouse=True)
def _heard(caplog):
    caplog.set_level(logging.WARNING, "gcwise")
