"""What the machine tells, and that no sensor that fails is ever heard of."""

import gc
import os
import time

import psutil
import pytest

from gcwise._runtime import (
    NO_LIMIT,
    READ_INTERVAL,
    UNKNOWN_RESIDENT,
    PyPy,
    Runtime,
    container_limit,
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

    def test_it_is_read_at_most_once_in_five_milliseconds(self, process):
        """In between the last reading is given, and marked as such."""
        process.told = [GIB, 2 * GIB]
        runtime = Runtime()
        assert READ_INTERVAL == 5e-3
        assert runtime.resident(0.0) == (GIB, True)
        assert runtime.resident(READ_INTERVAL * 0.9) == (GIB, False)
        assert process.asked == 1
        assert runtime.resident(READ_INTERVAL) == (2 * GIB, True)
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


def write(root, files):
    """Write a file system of control groups below `root`; return it as a string."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return os.fspath(root)


class TestContainer:
    """Limits of control groups, in a file system made for the test."""

    MEMORY = "sys/fs/cgroup/memory"

    def test_no_control_groups_no_limit(self, tmp_path):
        """Other systems have no such files."""
        assert container_limit(os.fspath(tmp_path)) == NO_LIMIT

    def test_version_two(self, tmp_path):
        """The one group without controllers has its limit in memory.max."""
        files = {
            "proc/self/cgroup": "0::/jobs/mine\n",
            "sys/fs/cgroup/jobs/mine/memory.max": f"{GIB}\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    def test_version_two_seen_from_inside_a_container(self, tmp_path):
        """There the process is in the root group, which then has a limit."""
        files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize("tightest", ["", "jobs/", "jobs/mine/"])
    def test_any_group_above_may_be_the_one_that_limits(self, tmp_path, tightest):
        """All are read and the tightest counts."""
        groups = ["", "jobs/", "jobs/mine/"]
        files = {f"sys/fs/cgroup/{group}memory.max": f"{4 * GIB}\n" for group in groups}
        files[f"sys/fs/cgroup/{tightest}memory.max"] = f"{GIB}\n"
        files["proc/self/cgroup"] = "0::/jobs/mine\n"
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize("controllers", ["memory", "cpu,memory", "memory,hugetlb"])
    def test_version_one(self, tmp_path, controllers):
        """The memory controller, alone or with others, has a tree of its own."""
        files = {
            "proc/self/cgroup": f"5:cpuset:/other\n4:{controllers}:/docker/0a1b\n1:name=x:/\n",
            f"{self.MEMORY}/docker/0a1b/memory.limit_in_bytes": f"{GIB}\n",
            f"{self.MEMORY}/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpuset/other/memory.limit_in_bytes": "1\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    def test_both_versions_at_once(self, tmp_path):
        """A hybrid system has both trees, and the tighter limit counts."""
        files = {
            "proc/self/cgroup": "4:memory:/mine\n0::/mine\n",
            f"{self.MEMORY}/mine/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/mine/memory.max": f"{GIB}\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize(
        "text", ["max\n", "", "9223372036854771712\n", "-1\n", "0\n", "many\n", "\u00b2"]
    )
    def test_what_is_no_limit_is_none(self, tmp_path, text):
        """Words, emptiness, zero and numbers near 2**63 all mean that nothing is limited."""
        files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": text}
        assert container_limit(write(tmp_path, files)) == NO_LIMIT

    @pytest.mark.parametrize("lines", ["nonsense\n", "0:\n", "::\n\n", "a:b:c:d:e\n", "\x00\n"])
    def test_lines_of_another_kind_are_passed_over(self, tmp_path, lines):
        """A future kernel's format must not be an error."""
        limited = {"proc/self/cgroup": f"{lines}0::/mine\n", "sys/fs/cgroup/mine/memory.max": "7\n"}
        assert container_limit(write(tmp_path, limited)) == 7
