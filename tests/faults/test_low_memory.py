"""Short memory: cycles that hold large buffers, under a limit that is real."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gcwise
from gcwise._collector import collector

resource = pytest.importorskip("resource", reason="limits of processes need a Unix")
ROOT = os.fspath(Path(gcwise.__file__).parent.parent)
MIB = 2**20
# Four such objects a batch: far too few for automatic gc to look for them, and three quarters of
# the batches more than there is memory for.
LIMIT, BUFFER, BATCHES = 768 * MIB, 8 * MIB, 60

JOB = """
import contextlib, gc, resource, sys
import gcwise
from gcwise._collector import collector

kind, way, limited, limit, size, batches = sys.argv[1:4] + [int(each) for each in sys.argv[4:]]
if kind == "numpy":
    import numpy

class Image:
    # A cycle, as between a widget and its callback, that holds pixels.
    def __init__(self):
        self.me = self
        self.pixels = bytearray(size) if kind == "bytearray" else numpy.ones(size // 8)

def process(batch):
    for _ in range(4):
        image = Image()
    return batch

if limited == "policy":
    gcwise.set_policy(gcwise.Policy(memory_limit=limit))
if limited != "group":
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
found = gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)
print("started")
for batch in range(batches):
    with gcwise.batch("images") if way == "gcwise" else contextlib.nullcontext():
        process(batch)
assert (gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)) == found
assert not collector.window._batches
print("survived")
"""

SHORTAGE = """
import gc, resource
import gcwise
from gcwise import Reason
from gcwise._collector import collector

def fill(kept):
    # First in large steps, and at last by objects for which collections come.
    place = iter(range(len(kept)))
    reserve = [[] for _ in range(5_000)]
    for size in (2**20, 2**12, 2**6):
        try:
            while True:
                kept[next(place)] = bytearray(size)
        except MemoryError:
            pass
    try:
        while True:
            kept[next(place)] = []
    except MemoryError as error:
        # Without any the interpreter can make no traceback, and raises another error for that.
        reserve = None
        raised[0] = error
        raise

raised = [None]
resource.setrlimit(resource.RLIMIT_AS, (256 * 2**20, 256 * 2**20))
found = gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)
for block in (gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown):
    scope, kept, last = block("filled"), [None] * 4_000_000, None
    try:
        with scope:
            fill(kept)
    except MemoryError as error:
        last = error
        kept = None
    assert last is raised[0]
    last = raised[0] = None
    assert scope.decision.reason is Reason.EXCEPTION
    assert (gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)) == found
    assert not collector.window._batches
    assert not collector.window._pauses
with gcwise.batch("after") as scope:
    pass
assert scope.decision is not None
print("survived")
"""


def run(script, *arguments, prepare=None):
    """Run a script in a fresh interpreter; return its exit code, what it said, and its errors."""
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # One thread: numpy would reserve address space for a pool of them.
        env={**os.environ, "PYTHONPATH": ROOT, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=prepare,
    )
    return done.returncode, done.stdout.split(), done.stderr


@pytest.mark.parametrize("kind", ["bytearray", "numpy"])
class TestAddressSpace:
    """Under a limit of the process's address space."""

    def test_automatic_collection_dies(self, kind):
        """Control: a few objects reach no threshold, however many bytes they hold."""
        code, said, errors = run(JOB, kind, "automatic", "none", LIMIT, BUFFER, BATCHES)
        assert code == 1
        assert said == ["started"]
        assert "MemoryError" in errors

    @pytest.mark.parametrize("limited", ["none", "policy"])
    def test_batches_survive(self, kind, limited):
        """Garbage is weighed by its bytes, whether the limit was told or is not known."""
        code, said, errors = run(JOB, kind, "gcwise", limited, LIMIT, BUFFER, BATCHES)
        assert (code, said) == (0, ["started", "survived"]), errors


@pytest.fixture
def group():
    """Make a control group with a limit of memory, and return the function that enters it."""
    name = f"gcwise-{os.getpid()}"
    for mount, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        folder = Path("/sys/fs/cgroup", mount, name)
        with contextlib.suppress(OSError):
            folder.mkdir()
            (folder / limit).write_text(str(LIMIT), encoding="ascii")
            break
        with contextlib.suppress(OSError):
            folder.rmdir()
    else:
        pytest.skip("no control group with a limit of memory may be made here")
    yield lambda: (folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    folder.rmdir()


class TestControlGroup:
    """Under the limit of a container."""

    def test_automatic_collection_dies(self, group):
        """Control: the kernel kills it."""
        arguments = ("bytearray", "automatic", "group", LIMIT, BUFFER, BATCHES)
        code, said, _ = run(JOB, *arguments, prepare=group)
        assert code == -signal.SIGKILL
        assert said != ["started", "survived"]

    def test_batches_survive(self, group):
        """Its memory stays within the limit."""
        arguments = ("bytearray", "gcwise", "group", LIMIT, BUFFER, BATCHES)
        code, said, errors = run(JOB, *arguments, prepare=group)
        assert (code, said) == (0, ["started", "survived"]), errors


class TestMemoryError:
    """A block in which memory runs out."""

    @pytest.mark.parametrize(
        "block", [gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown]
    )
    def test_it_passes_through(self, block):
        """The same error arrives, alone, and the window is closed."""
        scope, raised = block("large"), []

        def run_out():
            try:
                bytearray(sys.maxsize)
            except MemoryError as error:
                raised.append(error)
                raise

        with pytest.raises(MemoryError) as caught, scope:
            run_out()
        assert caught.value is raised[0]
        assert caught.value.__context__ is None
        assert scope.decision.reason is gcwise.Reason.EXCEPTION
        assert not collector.window._batches
        assert not collector.window._pauses

    def test_with_next_to_nothing_left(self):
        """The same is true when memory really has run out, but for a few hundred kilobytes."""
        code, said, errors = run(SHORTAGE)
        assert (code, said) == (0, ["survived"]), errors

    def test_sensors_that_run_out_of_memory(self, monkeypatch):
        """Nor does a sensor's own want of memory come out of a block's end."""

        def short(_):
            raise MemoryError

        monkeypatch.setattr("psutil.Process.memory_info", short)
        with gcwise.batch("short", policy=gcwise.Policy()) as scope:
            pass
        assert scope.decision is not None
        with contextlib.suppress(ValueError), gcwise.teardown("short"):
            raise ValueError
