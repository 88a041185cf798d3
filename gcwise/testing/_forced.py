"""Decisions that come out as a test wants them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gcwise._checks import given
from gcwise._collector import collector
from gcwise._policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["forced"]


@contextlib.contextmanager
def forced(worth: bool) -> Iterator[None]:  # noqa: FBT001  # forced(True) reads well.
    """Let every decision inside the block be for a full collection, or against any.

    Whatever policies say, in all threads, and even while gcwise is switched off. For tests that
    want to see what their code does in either case. Windows hold automatic collection back as
    usual.

    Args:
        worth: True to collect at every decision, False to collect at none.

    Raises:
        TypeError: `worth` is neither.

    Cost: a full collection for each decision, if for it.
    """
    if not isinstance(worth, bool):
        raise TypeError(
            f"worth must be True or False, got {given(worth)}; "
            "forced(True) collects at every decision, forced(False) at none"
        )
    forced_before, active = collector.forced, collector.active
    collector.forced = Policy.always() if worth else Policy.never()
    collector.configure(active=True)
    try:
        yield
    finally:
        collector.forced = forced_before
        collector.configure(active=active)
