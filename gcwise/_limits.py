"""The memory limit of the container that the process runs in."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NO_LIMIT", "container_limit", "plausible"]

# Kernels write "no limit" as a number near 2**63.
NO_LIMIT = 2**60
MOST_DIGITS = 20


def plausible(size: int, otherwise: int) -> int:
    """Return a size in bytes if it can be that of a memory."""
    return size if 0 < size < NO_LIMIT else otherwise


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
    # More digits mean more than any memory, and int() refuses very many.
    digits = text if text.isdecimal() and len(text) < MOST_DIGITS else "0"
    return plausible(int(digits), NO_LIMIT)


def _read(path: str) -> str:
    try:
        # Importing pathlib would cost a third of importing gcwise.
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except (OSError, ValueError, MemoryError, NameError):
        # ValueError for names that no file can have; `open` goes first as the interpreter ends.
        return ""
