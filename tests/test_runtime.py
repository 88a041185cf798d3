"""What the machine tells, and that no sensor that fails is ever heard of."""

import gc
import time

import psutil
import pytest

from gcwise._limits import NO_LIMIT
from gcwise._runtime import (
    READ_INTERVAL,
    UNKNOWN_RESIDENT,
    PyPy,
    Runtime,
    kind,
)
from tests.interpreters import needs_settings

GIB = 2**30

lazy = pytest.mark.skipif(kind() is PyPy, reason="PyPy's runtime reads memory from the beginning")


class TimeLimitError(Exception):
    """What the signal handler of a job queue raises."""


class Process:
    """A process that tells what its class was told to, and counts how often it was asked."""

    told, made, asked = [], 0, 0

    def __init__(self):
        type(self).made += 1

    def memory_info(self):
        """Return or raise the next reading; the last one goes on."""
        type(self).asked += 1
        told = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(told, BaseException):
            raise told
        return type("Info", (), {"rss": told})


@pytest.fixture
def process(monkeypatch):
    """Put a process with readings of our own in psutil's place."""
    double = type("Double", (Process,), {"told": [GIB]})
    monkeypatch.setattr(psutil, "Process", double)
    return double


@needs_settings
class TestInterpreter:
    """What is handed on from `gc` and `time`."""

    def test_it_is_the_interpreters_own(self):
        """The runtime reads and changes the very collector that the program uses."""
        runtime = Runtime()
        assert len(runtime.count()) == 3
        assert runtime.stats()[2].keys() >= {"collections", "collected", "uncollectable"}
        assert runtime.is_enabled() is gc.isenabled()
        assert runtime.get_threshold() == gc.get_threshold()
        assert runtime.callbacks is gc.callbacks
        assert runtime.clock() <= time.perf_counter() <= runtime.clock()

    def test_collections_show_in_the_statistics(self):
        """An explicit collection frees a cycle and is counted in its generation."""
        runtime = Runtime()
        runtime.collect(0)
        before = runtime.stats()[0]["collections"]
        cycle = []
        cycle.append(cycle)
        del cycle
        assert runtime.collect(0) >= 1
        assert runtime.stats()[0]["collections"] == before + 1

    def test_survivors_of_a_young_collection_are_counted(self):
        """They are in the middle generation, and so few else that they show."""
        runtime = Runtime()
        gc.disable()  # Else the middle generation's turn may come meanwhile.
        try:
            gc.collect(1)
            before = runtime.middle()
            kept = [[] for _ in range(1_000)]
            gc.collect(0)
        finally:
            gc.enable()
        assert len(kept) <= runtime.middle() - before < len(kept) + 100

    def test_resident_memory_and_limit_are_real(self):
        """On this machine both can be read, and the process is within its limit."""
        runtime = Runtime()
        resident, fresh = runtime.resident(runtime.clock())
        assert fresh
        assert 2**20 < resident < runtime.memory_limit() <= NO_LIMIT


@lazy
class TestResident:
    """Resident memory, the dear sensor."""

    def test_it_is_read_at_most_once_in_ten_milliseconds(self, process):
        """In between the last reading is given, and marked as such."""
        process.told = [GIB, 2 * GIB]
        runtime = Runtime()
        assert READ_INTERVAL == 10e-3
        assert runtime.resident(0.0) == (GIB, True)
        assert runtime.resident(READ_INTERVAL * 0.9) == (GIB, False)
        assert process.asked == 1
        assert runtime.resident(READ_INTERVAL) == (2 * GIB, True)
        assert runtime.resident(READ_INTERVAL * 9, READ_INTERVAL * 10) == (2 * GIB, False)
        assert process.asked == 2

    def test_the_process_is_looked_up_once(self, process):
        """Its handle is kept, until a fork makes it another's."""
        runtime = Runtime()
        runtime.resident(0.0)
        runtime.resident(1.0)
        assert process.made == 1
        runtime.reset()
        assert runtime.resident(1.0) == (GIB, True)
        assert process.made == 2

    @pytest.mark.parametrize(
        "error", [psutil.AccessDenied(), psutil.NoSuchProcess(1), OSError(), ValueError()]
    )
    def test_a_sensor_that_fails_is_decided_without(self, process, error):
        """What was read last serves on, and a plausible size if there was nothing."""
        process.told = [error, GIB, error]
        runtime = Runtime()
        assert runtime.resident(0.0)[0] == UNKNOWN_RESIDENT
        assert runtime.resident(1.0)[0] == GIB
        assert runtime.resident(2.0)[0] == GIB

    @pytest.mark.parametrize("limit", [TimeoutError(), KeyboardInterrupt(), TimeLimitError()])
    def test_what_a_signal_handler_raises_is_not_lost(self, process, limit):
        """A time limit that runs out while memory is read is no failing sensor."""
        process.told = [limit]
        with pytest.raises(type(limit)):
            Runtime().resident(0.0)

    def test_a_sensor_that_says_zero_is_not_believed(self, process):
        """A share of resident memory must have something to be divided by."""
        process.told = [0]
        assert Runtime().resident(0.0)[0] == UNKNOWN_RESIDENT

    def test_a_machine_without_proc_is_decided_without(self, monkeypatch):
        """Where the process cannot even be looked up, a plausible size serves."""

        def missing():
            raise FileNotFoundError("/proc")

        monkeypatch.setattr(psutil, "Process", missing)
        assert Runtime().resident(0.0)[0] == UNKNOWN_RESIDENT


@lazy
class TestLimit:
    """The memory that the process may use."""

    @pytest.mark.parametrize(
        ("container", "machine", "limit"),
        [(2 * GIB, 8 * GIB, 2 * GIB), (NO_LIMIT, 8 * GIB, 8 * GIB), (16 * GIB, 0, 16 * GIB)],
    )
    def test_the_tighter_of_container_and_machine(self, monkeypatch, container, machine, limit):
        """It is found once, and then remembered."""
        total = type("Memory", (), {"total": machine})
        monkeypatch.setattr("gcwise._runtime.container_limit", lambda: container)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: total)
        runtime = Runtime()
        assert runtime.memory_limit() == limit
        total.total = 1
        assert runtime.memory_limit() == limit

    def test_a_machine_that_does_not_tell_has_no_limit(self, monkeypatch):
        """A failing sensor leaves the process unpressed."""

        def denied():
            raise psutil.AccessDenied

        monkeypatch.setattr("gcwise._runtime.container_limit", lambda: NO_LIMIT)
        monkeypatch.setattr(psutil, "virtual_memory", denied)
        assert Runtime().memory_limit() == NO_LIMIT

    def test_what_a_signal_handler_raises_is_not_lost(self, monkeypatch):
        """A time limit that runs out meanwhile is no failing sensor."""

        def interrupted():
            raise TimeoutError

        monkeypatch.setattr(psutil, "virtual_memory", interrupted)
        with pytest.raises(TimeoutError):
            Runtime().memory_limit()
