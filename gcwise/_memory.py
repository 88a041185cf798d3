"""What memory there is in use and resident: readings before and after something."""

from __future__ import annotations

import sys

import psutil

from gcwise._record import NamedTuple

__all__ = ["SMALL_BLOCK", "Reading", "fall", "read", "resident"]

# CPython counts its small blocks, of 16 to 512 bytes, but tells no sizes: typical are 48 to 80.
SMALL_BLOCK = 64


class Reading(NamedTuple):
    """The process's memory at one moment.

    Attributes:
        resident: Bytes that the system has given it.
        allocated: Bytes in use that came from the C library's allocator, whoever asked for them,
            or None where psutil cannot tell.
        blocks: Small blocks in use, which CPython allocates itself.
    """

    resident: int
    allocated: int | None
    blocks: int


def read() -> Reading:
    """Read it all, in about 50 us."""
    heap_info = getattr(psutil, "heap_info", None)
    allocated = None
    if heap_info is not None:
        info = heap_info()
        allocated = int(info.heap_used) + int(info.mmap_used)
    return Reading(resident(), allocated, sys.getallocatedblocks())


def resident() -> int:
    """Return resident memory in bytes, of this process also after a fork."""
    return int(psutil.Process().memory_info().rss)


def fall(before: Reading, after: Reading) -> int:
    """Return by how many bytes the memory in use fell; negative when it grew."""
    small = SMALL_BLOCK * (before.blocks - after.blocks)
    if before.allocated is not None and after.allocated is not None:
        return before.allocated - after.allocated + small
    # What the system got back, or else what it would have if it were not kept.
    return max(before.resident - after.resident, small, key=abs)
