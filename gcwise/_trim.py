"""Giving back to the system what only the allocator keeps."""

from __future__ import annotations

import psutil

from gcwise._memory import resident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["trim"]


def trim() -> int:
    """Give back to the system what is free, but kept by the C library's allocator.

    A collection frees objects; the memory of blocks over 512 bytes then goes to the C library,
    which keeps much of it for what comes next. That is no leak. Give it back where nothing comes
    next for a while. Frees no object and leaves automatic collection alone. CPython's own arenas
    for smaller blocks go back by themselves as soon as they are empty, and cannot be trimmed.

    Uses `psutil.heap_trim` (psutil 7.2 and later: Linux with glibc, macOS, Windows); with an older
    psutil glibc's `malloc_trim`. Where there is neither, nothing can be done.

    Returns:
        The bytes by which resident memory fell meanwhile; 0 where nothing can be done.

    Cost: a few microseconds when there is nothing to give back, else 10 to 90 ms.
    """
    trimmer = getattr(psutil, "heap_trim", None) or _malloc_trim()
    if trimmer is None:
        return 0
    before = resident()
    trimmer()
    return max(before - resident(), 0)


def _malloc_trim() -> Callable[[], object] | None:
    try:
        import ctypes  # noqa: PLC0415  # Only with an older psutil, and not there everywhere.

        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError, TypeError):
        return None  # Another C library; on Windows None names no library.
    return lambda: malloc_trim(0)
