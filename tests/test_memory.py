"""What memory there is in use and resident."""

import psutil
import pytest

from gcwise._memory import SMALL_BLOCK, Reading, fall, read, resident
from tests.interpreters import needs_settings

MIB = 2**20


def test_allocated_memory_counts_exactly():
    """What the allocator knows and the small blocks are added; resident memory does not matter."""
    before, after = Reading(9 * MIB, 5 * MIB, 100), Reading(MIB, 3 * MIB, 40)

    assert fall(before, after) == 2 * MIB + 60 * SMALL_BLOCK
    assert fall(after, before) == -2 * MIB - 60 * SMALL_BLOCK


def test_resident_memory_stands_for_it():
    """Where the allocator tells nothing, resident memory does, or the blocks if they tell more."""
    before, after = Reading(9 * MIB, None, 100), Reading(MIB, None, 40)

    assert fall(before, after) == 8 * MIB
    assert fall(after, before) == -8 * MIB
    assert fall(before, Reading(9 * MIB, None, 40)) == 60 * SMALL_BLOCK


@needs_settings
@pytest.mark.skipif(not hasattr(psutil, "heap_info"), reason="this psutil cannot tell")
def test_reading():
    """A large object shows in what is allocated, and many small ones in the blocks."""
    before = read()
    large, small = bytearray(20 * MIB), [object() for _ in range(10_000)]
    after = read()

    assert 20 * MIB <= after.allocated - before.allocated < 21 * MIB
    assert 10_000 <= after.blocks - before.blocks < 11_000
    assert len(large) + len(small) == 20 * MIB + 10_000


@needs_settings
def test_older_psutil(monkeypatch):
    """A psutil that does not know the allocator leaves that open."""
    monkeypatch.delattr(psutil, "heap_info", raising=False)

    reading = read()

    assert reading.allocated is None
    assert reading.resident > MIB
    assert resident() > MIB
