"""Where the memory of a block went: the block, and what it tells."""

from __future__ import annotations

import sys

from gcwise._collector import collector
from gcwise._explain.account import Account
from gcwise._explain.advice import holders
from gcwise._explain.cycles import examine
from gcwise._explain.dot import dot_of
from gcwise._explain.saved import saved, supported
from gcwise._memory import Reading, fall, read
from gcwise._window import PAUSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from gcwise._explain.cycles import Findings

__all__ = ["Explanation"]

UNSUPPORTED = (
    "explain() needs a collector that saves what it finds (gc.DEBUG_SAVEALL), which this "
    "interpreter has not; CPython has one"
)
NOT_ENTERED = (
    "this explain() has not been entered; open a block, as in with gcwise.explain() as e: ..."
)
ENTERED = (
    "this explain() has already been entered; make a new one for each block, as in "
    "with gcwise.explain() as e: ..."
)
NOT_ENDED = (
    "explain() tells after the end of its block, as in "
    "with gcwise.explain() as e: ...  and then print(e)"
)


class Explanation:
    """Tell where the memory of a block went: what `explain` makes.

    `str(e)` is for a terminal, the answer first. All of it can be asked for after the block's end,
    and raises a RuntimeError before.
    """

    __slots__ = ("_account", "_before", "_entered", "_found", "ignored")

    def __init__(self) -> None:
        if not supported():
            raise RuntimeError(UNSUPPORTED)
        self._account: Account | None = None
        self._entered = False
        self._found: list[Any] = []
        self.ignored: Callable[[type], bool] | None = None

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError(ENTERED)
        self._entered = True
        collector.window.open(PAUSE, self)
        try:
            saved.collect()
            saved.open(self._found)
            read()  # The first time psutil reads files that it goes on to keep.
            self._before = read()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._entered:
            raise RuntimeError(NOT_ENTERED)
        try:
            ended = read()
            complete = saved.collect()
            collected = read()
            # Of these the list is ours.
            listed = sys.getsizeof(self._found)
            cyclic = examine(self._found, self.ignored)
            examined = read()
            shared = saved.shared()
        finally:
            self._leave()
        readings = (self._before, ended, collected, examined, read())
        # What a block around this one keeps will be freed at its end.
        pending = cyclic.bytes if shared else 0
        self._account = account_of(cyclic, readings, listed, pending, complete=complete)

    def _leave(self) -> None:
        try:
            saved.close(self._found)
            saved.collect(passes=1)
        finally:
            collector.window.close(PAUSE, self)

    @property
    def answer(self) -> str:
        """Return the most important of it in a sentence."""
        return self._told.answer

    @property
    def freed_at_once(self) -> int:
        """Return the bytes by which memory in use fell within the block, by reference counting."""
        return self._told.freed_at_once

    @property
    def cyclic(self) -> Findings:
        """Return the objects, bytes, types and groups of the cyclic garbage."""
        return self._told.cyclic

    @property
    def kept(self) -> int | None:
        """Return the bytes that were freed and the allocator keeps; None where that is unknown."""
        return self._told.kept

    @property
    def live(self) -> int:
        """Return the bytes in use more than before the block."""
        return self._told.live

    @property
    def complete(self) -> bool:
        """Return whether a collection could be run at the block's end; not so in a finalizer."""
        return self._told.complete

    def as_dict(self) -> dict[str, Any]:
        """Return all of it in a form that `json.dumps` takes."""
        return self._told.as_dict()

    def to_dot(self) -> str:
        """Return the paths around the largest groups as a graph, in Graphviz's DOT language."""
        return dot_of(self._told.cyclic.groups)

    def __str__(self) -> str:
        return str(self._told)

    @property
    def _told(self) -> Account:
        if self._account is None:
            raise RuntimeError(NOT_ENDED)
        return self._account


def account_of(
    cyclic: Findings, readings: tuple[Reading, ...], listed: int, pending: int, *, complete: bool
) -> Account:
    """Return the account of a block.

    Args:
        cyclic: The garbage that was found.
        readings: Memory before and after the block, after collecting, before and after freeing.
        listed: Bytes of the list of the garbage, which were freed with it.
        pending: Bytes of garbage that could not be freed yet.
        complete: Whether a collection could be run.
    """
    before, ended, collected, examined, after = readings
    at_once = fall(before, ended)
    finalized = max(fall(ended, collected) + listed, 0)
    freed = max(fall(examined, after) - listed, 0)
    returned = before.resident - collected.resident + examined.resident - after.resident
    kept = max(max(at_once, 0) + finalized + freed - max(returned, 0), 0)
    return Account(
        max(at_once, 0),
        cyclic,
        finalized,
        kept if before.allocated is not None else None,
        max(-(at_once + finalized + freed + pending), 0),
        (before.resident, after.resident),
        complete,
        holders(),
    )
