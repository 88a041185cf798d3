"""What is read of the process, and what happens at the watched program's end."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hand_over", "objects_alive", "peak_memory", "resident_reader"]

# Objects whose types are counted at the end.
COUNTED = 50_000
# Seconds for each object that is tracked.
LISTING = 2e-8
STATM, STATUS = "/proc/self/statm", "/proc/self/status"
# Run without site and environment: the import path is that of the command which was typed.
REPORT = """\
import marshal, sys
data = marshal.loads(sys.stdin.buffer.read())
config = __import__("json").loads(data["config"])
sys.path[:] = config["path"]
from gcwise._watch.reporter import report
report(data, config)
"""


def resident_reader() -> Callable[[], int]:
    """Return a function that tells resident memory in bytes: the peak where there is no /proc.

    It keeps no file open, as the numbers of the program's own files would be others then.
    """
    if not os.path.exists(STATM):
        return peak_memory
    page = os.sysconf("SC_PAGE_SIZE")

    def resident() -> int:
        try:
            file = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return int(os.read(file, 100).split()[1]) * page
            finally:
                os.close(file)
        except OSError:
            return 0

    return resident


def peak_memory() -> int:
    """Return the most resident memory so far in bytes, 0 where that is not told."""
    # The operating system's other figure still counts what ran in the process before the program.
    try:
        with open(STATUS, "rb") as file:
            found = next((line for line in file if line.startswith(b"VmHWM:")), None)
    except OSError:
        found = None
    if found is not None:
        return int(found.split()[1]) * 1024
    try:
        import resource  # noqa: PLC0415  # Windows has none.
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def objects_alive(longest: float, limit: float) -> tuple[int, int, list[tuple[str, int]]]:
    """Return how many objects are tracked, how many were looked at, and the most frequent types.

    Args:
        longest: Seconds that the longest collection took: this takes about a third of a full one.
        limit: Seconds that it may take; if it would take more, nothing is counted.
    """
    if max(longest / 3, gc.get_count()[0] * LISTING) > limit:
        return 0, 0, []
    objects = gc.get_objects()
    looked_at = objects[:: len(objects) // COUNTED + 1]
    types: dict[type, int] = {}
    for each in looked_at:
        types[type(each)] = types.get(type(each), 0) + 1
    most = sorted(types.items(), key=lambda item: -item[1])[:10]
    named = [(f"{kind.__module__}.{kind.__qualname__}", number) for kind, number in most]
    return len(objects), len(looked_at), named


def hand_over(executable: str, data: bytes) -> None:
    """Let a fresh interpreter report, after what the program has printed."""
    command = [executable, "-I", "-S", "-c", REPORT]
    # It fails again where it should, at the program's own end.
    quietly(lambda: sys.stdout.flush())  # noqa: PLW0108  # There may be none.
    try:
        (feed_spawned if hasattr(os, "posix_spawn") else feed)(command, data)
    except Exception as error:  # noqa: BLE001  # Whatever state the program has left behind.
        message = f"gcwise watch: no report: {type(error).__name__}: {error}\n"
        quietly(lambda: os.write(2, message.encode(errors="backslashreplace")))


def quietly(action: Callable[[], object]) -> None:
    """Do something that may fail, where nobody is left to be told."""
    try:
        action()
    except Exception:  # noqa: BLE001, S110
        pass


def feed_spawned(command: list[str], data: bytes) -> None:
    """Run a command with this input, and wait for its end.

    Importing `subprocess` here evaluates code in strings, and with that Python forgets that an
    interrupt is to end the process by its signal.
    """
    reading, writing = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, reading, 0)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    finally:
        os.close(reading)
    with open(writing, "wb") as pipe:
        pipe.write(data)
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        pass  # The program ignores the ends of its children.


def feed(command: list[str], data: bytes) -> None:
    """Run a command with this input, and wait for its end, where nothing can be spawned."""
    import subprocess  # noqa: PLC0415

    subprocess.run(command, input=data, check=False)  # noqa: S603
