"""Giving back to the system what only the allocator keeps."""

import ctypes
import sys

import psutil
import pytest

from gcwise._memory import resident
from gcwise._trim import trim
from tests.interpreters import needs_counting

can_trim = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="this C library cannot trim",
)


def fragment():
    """Free 20 MB between blocks that stay in use; return these."""
    kept, dropped = [], []
    for _ in range(10_000):
        dropped.append(bytearray(2_000))
        # Not too near: whole pages of 4 KiB have to be free.
        dropped.append(bytearray(30_000))
        kept.append(bytearray(2_000))
    dropped.clear()
    return kept


@needs_counting
@can_trim
def test_what_the_allocator_keeps_goes_back():
    """Resident memory falls by what is returned."""
    trim()
    kept = fragment()
    before = resident()

    freed = trim()

    assert freed > 50_000_000
    assert abs(before - resident() - freed) < 10_000_000
    assert len(kept) == 10_000


@can_trim
@needs_counting
def test_older_psutil(monkeypatch):
    """Without psutil's function the C library's own serves."""
    monkeypatch.delattr(psutil, "heap_trim", raising=False)
    trim()
    kept = fragment()

    assert trim() > 50_000_000
    assert len(kept) == 10_000


def test_nothing_to_give_back():
    """When all has gone back already there is next to nothing more."""
    trim()

    assert trim() < 1_000_000


@pytest.mark.parametrize("lacking", [AttributeError, OSError, TypeError])
def test_another_c_library(monkeypatch, lacking):
    """Where neither psutil nor the C library can trim, nothing is done."""

    def none_here(_name):
        raise lacking

    monkeypatch.delattr(psutil, "heap_trim", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", none_here)

    assert trim() == 0


def test_interpreter_without_ctypes(monkeypatch):
    """Nor without ctypes, which some interpreters lack."""
    monkeypatch.delattr(psutil, "heap_trim", raising=False)
    monkeypatch.setitem(sys.modules, "ctypes", None)

    assert trim() == 0
