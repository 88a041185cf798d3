"""Cyclic garbage saved from being freed, so that it can be looked at before."""

from __future__ import annotations

import gc

from gcwise._collection import collect
from gcwise._collector import collector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Saved", "saved", "supported"]

# Finalizers may leave garbage of their own behind.
MOST_PASSES = 4


def supported() -> bool:
    """Tell whether this interpreter can save garbage."""
    return hasattr(gc, "DEBUG_SAVEALL") and hasattr(gc, "callbacks")


class Saved:
    """What the collections of this process find, whoever runs them, while somebody wants to know.

    The debugging flag that saves garbage is set for the time of each collection only, and what
    that put into `gc.garbage` is taken out again at its end: other code sees the flags and the list
    as they would be without.
    """

    def __init__(self) -> None:
        # By their identities: comparing lists would compare the garbage in them.
        self.wanted: dict[int, list[Any]] = {}
        self._flags: int | None = None
        self._length = 0
        self._callback: Callable[[str, dict[str, int]], None] = self._on_collection

    def open(self, found: list[Any]) -> None:
        """Append to `found` whatever is found from now on."""
        self.wanted[id(found)] = found
        if self._callback not in gc.callbacks:
            # The first, so that those of others find `gc.garbage` as it would be.
            gc.callbacks.insert(0, self._callback)

    def close(self, found: list[Any]) -> None:
        """Take back what `open` did, and let go of what was found."""
        self.wanted.pop(id(found), None)
        found.clear()
        if not self.wanted and self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)
            self._restore()

    def shared(self) -> bool:
        """Tell whether several want to know: then each keeps alive what it was told of."""
        return len(self.wanted) > 1

    def collect(self, passes: int = MOST_PASSES) -> bool:
        """Collect everything, without other debugging; False if another collection is under way."""
        flags = gc.get_debug()
        gc.set_debug(0)
        try:
            done = collect(collector.runtime, 2, 0)
            while done is not None and done.collected and passes > 1:
                passes -= 1
                done = collect(collector.runtime, 2, 0)
        finally:
            gc.set_debug(flags)
        return done is not None

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        # Runs inside the collection, on any thread.
        if phase == "start":
            self._flags, self._length = gc.get_debug(), len(gc.garbage)
            gc.set_debug(self._flags | gc.DEBUG_SAVEALL)
        elif self._flags is not None:
            new = gc.garbage[self._length :]
            if not self._flags & gc.DEBUG_SAVEALL:
                del gc.garbage[self._length :]
            self._restore()
            for found in list(self.wanted.values()):
                found.extend(new)

    def _restore(self) -> None:
        flags, self._flags = self._flags, None
        # Else a finalizer has set others.
        if flags is not None and gc.get_debug() == flags | gc.DEBUG_SAVEALL:
            gc.set_debug(flags)


saved = Saved()
