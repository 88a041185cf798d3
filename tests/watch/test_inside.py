"""What runs inside the watched program, seen from inside this one."""

import _thread
import atexit
import builtins
import gc
import importlib
import json
import marshal
import os
import runpy
import signal
import subprocess
import sys
import threading
import time

import pytest

from gcwise._watch.attribution import callers
from gcwise._watch.run import Run
from tests.interpreters import needs_settings

pytestmark = needs_settings


@pytest.fixture
def load(inside):
    """Return a function that imports a module of those."""
    return lambda name: importlib.import_module(f"gcwise._watch.inside.{name}")


@pytest.fixture
def recorder(load):
    """Return a recorder that watches this process."""
    made = load("gcwise_recorder").Recorder("{}")
    made.watch()
    yield made
    made.stop()


def tell(recorder, phase, info):
    """Call a recorder as the collector does."""
    for each in recorder.callbacks:
        each(phase, info)


def called():
    """Collect."""
    gc.collect()


class TestRecorder:
    """What is noted of collections."""

    def test_explicit_and_automatic(self, recorder):
        """Explicit collections are told from automatic ones, of each generation."""
        gc.collect(0)
        gc.collect(1)
        gc.collect()
        thresholds = gc.get_threshold()
        gc.set_threshold(200, 1, 1)
        kept = [[] for _ in range(1000)]
        gc.set_threshold(*thresholds)
        run = Run(recorder.data(), __file__)

        assert [each.generation for each in run.of(explicit=True)] == [0, 1, 2]
        assert len(list(run.of(explicit=False))) >= 2
        assert len(kept) == 1000
        assert len(run.collections) == sum(each["collections"] for each in run.data["stats"])

    def test_while_switched_off(self, recorder):
        """While automatic collection is off, whatever the counts, each one is explicit."""
        gc.disable()
        kept = [[] for _ in range(5000)]
        gc.collect(0)
        gc.enable()
        run = Run(recorder.data(), __file__)

        assert run.collections[0].explicit
        assert len(kept) == 5000

    def test_place_and_yield(self, recorder):
        """An explicit collection is put down to the line that called for it, with what it freed."""
        cycle = []
        cycle.append(cycle)
        del cycle
        called()
        called()
        (caller,) = callers(Run(recorder.data(), __file__))

        assert caller.place.file == __file__
        assert caller.place.function.endswith("called")
        assert caller.total.calls == 2
        assert caller.total.freed >= 1

    def test_calls_are_told_apart(self, load, monkeypatch):
        """A call that an earlier sample has met is known again, another of its function not."""
        monkeypatch.setattr(sys, "gettrace", lambda: None)
        made = load("gcwise_recorder").Recorder("{}")

        def twice():
            frame = sys._getframe()
            frame.f_trace = None  # A measurement of coverage has set it.
            return [made._stack(frame), made._stack(frame)]

        first, second = twice(), twice()

        stacks = list(made._stacks)
        number = made._numbers[id(twice.__code__)]
        assert [stacks[each][0] for each in first + second] == [~number, number] * 2

    def test_tracing(self, load, monkeypatch):
        """While a trace function is set, frames are left alone."""
        monkeypatch.setattr(sys, "gettrace", lambda: print)
        made = load("gcwise_recorder").Recorder("{}")
        frame = sys._getframe()

        made._stack(frame)

        assert frame.f_trace is not load("gcwise_recorder").seen

    def test_seen_traces_nothing(self, load):
        """Called as a trace function, the mark goes on doing nothing."""
        assert load("gcwise_recorder").seen(None, "line", None) is None

    def test_bounds(self, load, monkeypatch):
        """Beyond its room a recorder keeps no more, and says unknown."""
        module = load("gcwise_recorder")
        monkeypatch.setattr(module, "MOST_STACKS", 0)
        monkeypatch.setattr(module, "MOST_CODES", 0)
        made = module.Recorder("{}")

        assert made._stack(sys._getframe()) == -1
        assert made._number((lambda: None).__code__) == 0
        assert made._place(None) == -1

        monkeypatch.setattr(module, "MOST", 1)
        made.watch()
        gc.collect()
        gc.collect()
        made.stop()
        assert len(made.took) == len(made.began) == 1

    def test_samples_are_bounded_by_time(self, recorder, monkeypatch):
        """Between two samples, collections are counted without looking at the stack."""
        recorder._cost = 1.0
        for _ in range(50):
            gc.collect(0)
        run = Run(recorder.data(), __file__)

        assert len(run.collections) >= 50
        assert sum(each.functions is not None for each in run.samples) <= 2

    def test_doubtful(self, load):
        """Where counts leave it open, the name of what is called decides."""
        calls_collect = load("gcwise_recorder").calls_collect

        assert called.__code__.co_names == ("gc", "collect")
        assert not calls_collect(None)
        assert calls_collect(sys._getframe())
        assert not calls_collect(sys._getframe(1))

    def test_doubtful_collections(self, load, monkeypatch):
        """A collection whose generation had its turn, but no young objects, is looked at twice."""
        module = load("gcwise_recorder")
        monkeypatch.setattr(gc, "get_count", lambda: (10, 11, 0))
        monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
        made = module.Recorder("{}")
        monkeypatch.undo()
        tell(made, "start", {"generation": 1})
        tell(made, "stop", {"generation": 1, "collected": 0})

        assert list(made.kinds) == [1]

    def test_interrupted(self, load, monkeypatch):
        """What was half written when a handler raised is dropped, and the rest stays in step."""
        module = load("gcwise_recorder")
        made = module.Recorder("{}")
        raised = []
        monkeypatch.setattr(module, "deliver_later", raised.append)
        monkeypatch.setattr(made, "_add", lambda *args: made.samples.append(0) or 1 / 0)
        # The generator has been given the method that it calls by now: only what is looked up late.
        for _ in range(2):
            tell(made, "start", {"generation": 2})
            tell(made, "stop", {"generation": 2, "collected": 1})

        assert [type(error) for error in raised] == [ZeroDivisionError] * 2
        assert {len(each) for each in (made.began, made.took, made.kinds, made.freed)} == {2}
        assert len(made.samples) % 5 == 0

    def test_interrupted_at_start(self, load, monkeypatch):
        """Where a handler raised as a collection began, that one is not noted; the next one is."""
        module = load("gcwise_recorder")
        raised = []
        monkeypatch.setattr(module, "deliver_later", raised.append)
        monkeypatch.setattr(gc, "get_threshold", lambda: 1 / 0 if not raised else (700, 10, 10))
        made = module.Recorder("{}")
        for number in 1, 2:
            tell(made, "start", {"generation": 2})
            tell(made, "stop", {"generation": 2, "collected": number})

        assert [type(error) for error in raised] == [ZeroDivisionError]
        assert list(made.freed) == [2]

    def test_no_frame(self, recorder, load, monkeypatch):
        """A collection that no Python code was interrupted by is noted, without a place."""
        raised = []
        monkeypatch.setattr(load("gcwise_recorder"), "deliver_later", raised.append)
        before = len(recorder.samples)

        # The thread runs nothing but this function in C.
        _thread.start_new_thread(gc.collect, ())
        for _ in range(10_000):
            if raised or len(recorder.samples) >= before + 5:
                break
            time.sleep(0.001)

        recorder.stop()
        assert not raised
        number, _thread_number, _stack, place, _resident = recorder.samples[before : before + 5]
        assert recorder.kinds[number] == 2 + 4
        assert place == -1

    def test_half_written(self, load):
        """A sample of a collection that was dropped goes, too."""
        made = load("gcwise_recorder").Recorder("{}")
        made.began.append(1.0)
        made.samples.extend([0, 0, 0, 0, 0, 7])

        made._mend()

        assert not made.began
        assert not made.samples

    def test_no_room(self, load):
        """Where the stack has no room for it, a collection is not noted; the next one is."""
        made = load("gcwise_recorder").Recorder("{}")
        lost = []

        def deeper():
            try:
                deeper()
            except RecursionError:
                try:
                    tell(made, "start", {"generation": 0})
                except RecursionError:
                    lost.append(1)

        deeper()
        assert lost
        kept = len(made.took)

        for _ in range(3):
            tell(made, "start", {"generation": 1})
            tell(made, "stop", {"generation": 1, "collected": 5})

        assert len(made.took) - kept == 3
        assert made.freed[-1] == 5

    def test_another_observer(self, load):
        """Where an observer is over another takes its turns, and looks at the same frames."""
        made = load("gcwise_recorder").Recorder("{}")
        for number in range(1, 4):
            for turns in made._turns.__iadd__, made._turns.__isub__:
                turns.__self__.close()
            for phase in "start", "stop":
                tell(made, phase, {"generation": 2, "collected": number})
            assert list(made.freed)[-1] == number
        run = Run(made.data(), __file__)

        # What calls the callbacks as the collector would, and not what takes turns for it.
        assert {each.place.function for each in run.samples} == {"tell"}

    def test_stop_without_start(self, load):
        """A collection whose start was not noted is none."""
        made = load("gcwise_recorder").Recorder("{}")

        tell(made, "stop", {"generation": 1, "collected": 5})
        assert not made.took

        tell(made, "start", {"generation": 1})
        for _ in range(2):
            tell(made, "stop", {"generation": 1, "collected": 5})
        assert len(made.took) == 1

    def test_end(self, load):
        """Closing the generators ends them."""
        for observer in load("gcwise_recorder").Recorder("{}")._observers():
            turns = observer()
            assert turns.send(None) == turns.send(None) == 0

            turns.close()

            assert next(turns, "over") == "over"

    def test_start(self, load, monkeypatch):
        """Once started, it reports at exit, stops in forked children, and counts them."""
        module = load("gcwise_recorder")
        registered, forks, handed = [], {}, []
        monkeypatch.setattr(atexit, "register", registered.append)
        monkeypatch.setattr(atexit, "unregister", registered.remove)
        monkeypatch.setattr(os, "register_at_fork", lambda **hooks: forks.update(hooks))
        monkeypatch.setattr(module, "hand_over", lambda *args: handed.append(args))
        before = len(gc.callbacks)

        module.start("{}")
        assert len(gc.callbacks) == before + 1
        forks["after_in_parent"]()
        registered[0]()
        ((executable, data),) = handed
        assert executable == sys.executable
        assert marshal.loads(data)["forks"] == 1
        assert marshal.loads(data)["present"]
        forks["after_in_child"]()
        assert not registered
        assert len(gc.callbacks) == before

        monkeypatch.delattr(os, "register_at_fork")
        module.start("{}")
        gc.callbacks.pop()
        registered[0]()
        assert not marshal.loads(handed[1][1])["present"]


class TestEnding:
    """What is read of the process, and the handing over."""

    @pytest.fixture
    def ending(self, load):
        """Return the module."""
        return load("gcwise_ending")

    def test_memory(self, ending):
        """Resident memory and its peak are told in bytes."""
        resident, peak = ending.resident_reader()(), ending.peak_memory()

        assert 2**20 < resident < 2**36
        assert resident <= peak * 1.05

    def test_without_proc(self, ending, monkeypatch):
        """Where there is no /proc, the operating system's peak stands for both."""
        monkeypatch.setattr(ending, "STATM", "/missing")
        monkeypatch.setattr(ending, "STATUS", "/missing")

        assert ending.resident_reader() is ending.peak_memory
        linux = ending.peak_memory()
        assert linux > 2**20
        monkeypatch.setattr(sys, "platform", "darwin")
        assert ending.peak_memory() < linux

    def test_without_anything(self, ending, monkeypatch):
        """Where nothing tells, the peak is 0."""
        monkeypatch.setattr(ending, "STATUS", "/missing")
        monkeypatch.setitem(sys.modules, "resource", None)

        assert ending.peak_memory() == 0

    def test_proc_that_goes_away(self, ending, monkeypatch):
        """A program without /proc after its start is watched all the same."""
        resident = ending.resident_reader()
        monkeypatch.setattr(ending, "STATM", "/missing")

        assert resident() == 0

    def test_objects(self, ending):
        """The most frequent types are told, with the numbers that were looked at."""
        tracked, looked_at, types = ending.objects_alive(0.0, 10.0)

        assert tracked >= looked_at > 0
        assert len(types) == 10
        assert types == sorted(types, key=lambda item: -item[1])
        assert "builtins.dict" in dict(types)

    def test_too_many_objects(self, ending):
        """Where counting the objects would take too long, it is left."""
        assert ending.objects_alive(1.0, 0.1) == (0, 0, [])
        assert ending.objects_alive(0.0, -1.0) == (0, 0, [])

    @pytest.mark.parametrize("name", ["feed", "feed_spawned"])
    def test_feeding(self, name, ending, tmp_path):
        """A command gets its input, however it is run."""
        path = tmp_path / "out"
        script = f"import sys; open({str(path)!r}, 'wb').write(sys.stdin.buffer.read())"

        getattr(ending, name)([sys.executable, "-S", "-c", script], b"x" * 200_000)

        assert path.stat().st_size == 200_000

    def test_children_ignored(self, ending):
        """A program that ignores the ends of its children gets its report, too."""
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            ending.feed_spawned([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], b"x")
        finally:
            signal.signal(signal.SIGCHLD, before)

    def test_report_failing(self, ending, monkeypatch, capfd):
        """If no report can be made, a line says why."""
        monkeypatch.setattr(sys, "stdout", None)

        ending.hand_over("/missing/python", b"")

        assert capfd.readouterr().err.startswith("gcwise watch: no report: FileNotFoundError: ")

    def test_handing_over(self, ending, monkeypatch):
        """Where nothing can be spawned, the reporter is run as a subprocess."""
        ran = []
        monkeypatch.delattr(os, "posix_spawn")
        monkeypatch.setattr(subprocess, "run", lambda command, **more: ran.append(command))

        ending.hand_over(sys.executable, b"")

        assert ran[0][:3] == [sys.executable, "-I", "-S"]


class TestSignals:
    """What a signal's handler raises in the callback is raised after it."""

    @pytest.fixture
    def deliver(self, load, monkeypatch):
        """Return what delivers, and takes the frames of these tests for its own."""
        module = load("gcwise_signals")
        monkeypatch.setattr(module, "FOLDER", __file__.rpartition("test_inside")[0])
        return module.deliver_later

    @staticmethod
    def in_a_callback(action):
        """Let a callback do something in the next collection, and collect."""

        def callback(phase, info):
            if phase == "stop":
                action()

        gc.callbacks.append(callback)
        try:
            gc.collect()
            return [None for _ in range(10)]
        finally:
            gc.callbacks.remove(callback)

    def test_raised_after_the_callback(self, deliver):
        """It comes in the program's own frame, without a frame of ours, and the handler is back."""
        error, before = KeyboardInterrupt(), signal.getsignal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt) as info:
            self.in_a_callback(lambda: deliver(error))

        assert info.value is error
        assert [entry.name for entry in info.traceback][1:] == ["in_a_callback"]
        assert signal.getsignal(signal.SIGINT) is before

    def test_handler_stays_in_the_traceback(self, deliver):
        """The frames of the handler that raised are kept."""

        def caught():
            try:
                json.loads("no JSON")
            except ValueError as error:
                deliver(error)

        with pytest.raises(ValueError, match="Expecting value") as info:
            self.in_a_callback(caught)

        names = [entry.name for entry in info.traceback]
        assert names[1:4] == ["in_a_callback", "loads", "decode"]

    def test_own_errors_are_dropped(self, deliver):
        """What comes from the recorder itself never reaches the program."""
        with pytest.raises(RecursionError) as info:
            raise RecursionError
        deliver(info.value)

        assert self.in_a_callback(lambda: None)

    def test_other_threads(self, deliver):
        """Handlers run in the main thread only: elsewhere there is nothing to deliver."""
        thread = threading.Thread(target=deliver, args=(KeyboardInterrupt(),))
        thread.start()
        thread.join()

        assert self.in_a_callback(lambda: None)


class TestCustomize:
    """What Python runs first in the watched program."""

    def test_traces_are_taken_back(self, inside, monkeypatch):
        """Environment and import path are as without the watch, whether or not there was a path."""
        take_back = runpy.run_path(str(inside / "sitecustomize.py"))["take_back"]
        for path in (None, "elsewhere"):
            monkeypatch.setenv("GCWISE_WATCH", "config")
            monkeypatch.setenv("PYTHONPATH", f"{inside}:elsewhere")
            if path is not None:
                monkeypatch.setenv("GCWISE_WATCH_PYTHONPATH", path)
            if str(inside) not in sys.path:
                sys.path.insert(0, str(inside))

            assert take_back() == "config"

            assert os.environ.get("PYTHONPATH") == path
            assert not [name for name in os.environ if name.startswith("GCWISE_WATCH")]
            assert str(inside) not in sys.path

    def test_run_by_python(self, inside, monkeypatch):
        """Imported as by Python, it starts the recorder and fails as if it were not there."""
        started = []
        recorder = importlib.import_module("gcwise_recorder")
        monkeypatch.setattr(recorder, "start", started.append)
        monkeypatch.setenv("GCWISE_WATCH", "config")
        monkeypatch.setenv("PYTHONPATH", str(inside))
        monkeypatch.setitem(sys.modules, "sitecustomize", None)
        monkeypatch.setattr(builtins, "__import__", refusing("sitecustomize", builtins.__import__))

        with pytest.raises(ImportError, match="sitecustomize"):
            runpy.run_path(str(inside / "sitecustomize.py"), run_name="sitecustomize")

        assert started == ["config"]


def refusing(name, importing):
    """Return an importer that does not find one module."""

    def find(wanted, *args, **more):
        if wanted == name:
            raise ImportError(f"No module named {name!r}")
        return importing(wanted, *args, **more)

    return find
