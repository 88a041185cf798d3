"""What interpreter and machine tell and do: the only file that touches gc, clocks and psutil."""

from __future__ import annotations

import gc
import time

import psutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["Runtime", "container_limit"]

# Reading resident memory takes 17-33 us, a hundred times what a skipped decision does.
READ_INTERVAL = 5e-3
# Only the share of garbage in it matters, so a plausible size serves where none can be read.
UNKNOWN_RESIDENT = 64 * 2**20
# Kernels write "no limit" as a number near 2**63.
NO_LIMIT = 2**60


class Runtime:
    """CPython's collector with three generations, the clock and the memory sensor.

    Unit tests put a fake with the same names in its place.
    """

    def __init__(self) -> None:
        self.count = gc.get_count
        self.collect: Callable[[int], int] = gc.collect
        self.stats: Callable[[], list[dict[str, Any]]] = gc.get_stats
        self.is_enabled = gc.isenabled
        self.get_threshold = gc.get_threshold
        self.set_threshold = gc.set_threshold
        self.callbacks = gc.callbacks
        self.clock = time.perf_counter
        self._limit: int | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the process: after a fork, psutil's handle would go on telling of the parent."""
        self._process: psutil.Process | None = None
        self._resident = 0
        self._read_at = -READ_INTERVAL

    def resident(self, now: float) -> tuple[int, bool]:
        """Return resident memory in bytes, and whether it was read just now or at most 5 ms ago."""
        if now - self._read_at < READ_INTERVAL:
            return self._resident, False
        self._read_at = now
        self._resident = self._read_resident()
        return self._resident, True

    def _read_resident(self) -> int:
        try:
            if self._process is None:
                self._process = psutil.Process()
            return int(self._process.memory_info().rss) or UNKNOWN_RESIDENT
        except Exception:  # noqa: BLE001  # Any failing sensor is decided without, never raised.
            return self._resident or UNKNOWN_RESIDENT

    def middle(self) -> int:
        """Return the objects in the middle generation, at 3.4 ns for each."""
        return len(gc.get_objects(generation=1))

    def memory_limit(self) -> int:
        """Return the container's or else the machine's memory in bytes, read once."""
        if self._limit is None:
            self._limit = min(container_limit(), _machine_memory())
        return self._limit


def _machine_memory() -> int:
    try:
        return int(psutil.virtual_memory().total) or NO_LIMIT
    except Exception:  # noqa: BLE001  # As for resident memory.
        return NO_LIMIT


def container_limit(root: str = "") -> int:
    """Return the tightest memory limit of this process's control groups (v1 and v2), in bytes."""
    limits = [_read_limit(path) for path in _limit_files(root)]
    return min(limits, default=NO_LIMIT)


def _limit_files(root: str) -> Iterable[str]:
    mount = f"{root}/sys/fs/cgroup"
    for line in _read(f"{root}/proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if not controllers:
            yield from _upwards(mount, group, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(f"{mount}/memory", group, "memory.limit_in_bytes")


def _upwards(mount: str, group: str, name: str) -> Iterable[str]:
    """Yield the files of a group and all above it: each of them can be the one that limits."""
    while group.strip("/"):
        yield f"{mount}{group}/{name}"
        group = group.rpartition("/")[0]
    yield f"{mount}/{name}"


def _read_limit(path: str) -> int:
    text = _read(path).strip()
    return int(text) if text.isdecimal() and 0 < int(text) < NO_LIMIT else NO_LIMIT


def _read(path: str) -> str:
    try:
        # Importing pathlib would cost a third of importing gcwise.
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
