"""The process-wide count of open windows over automatic collection."""

from __future__ import annotations

import sys

from gcwise._nursery import Nursery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gcwise._runtime import Runtime

__all__ = ["BATCH", "PAUSE", "Window"]

# What a window does to automatic collection: only bound it, or stop it.
BATCH, PAUSE = 0, 1

# A threshold that no count reaches and no other code is likely to set; two more for the middle
# generation, while it waits and when its turn has come. These are small, for which Python makes no
# new objects; so many young collections are as good as never.
NEVER = 2**31 - 619
LATER, NOW = 253, -5
# A first threshold of ours is known by its remainder, whoever set it and however long ago: a thread
# that was held up, a change that was interrupted, code that saved it and puts it back.
MARK, MARKED = 256, 173
# The largest of them that an interpreter takes.
MOST_ADMITTED = 2**31 - MARK + MARKED
references = getattr(sys, "getrefcount", lambda _scope: NEVER)
# Before the first window.
UNKNOWN = (-1, -1, -1)


class Window:
    """The windows open in this process: the first in raises thresholds, the last out restores.

    Thresholds alone hold automatic collection back, and never `gc.disable()`: so what other code
    does meanwhile by `gc.enable()`, `gc.disable()` and `gc.set_threshold()` can be told from what
    is done here, and stays. Thresholds of ours are known by their values.

    There is no lock, for a finalizer or a signal handler may open a window between any two lines
    here. Sets of scopes tell which windows are open, each step can be repeated, and whoever
    restores looks afterwards whether a window was opened meanwhile.

    A signal handler may also raise between any two lines, at worst before the first one of a
    scope's end. So a window is open only as long as somebody else still has its scope.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._get, self._set = runtime.get_threshold, runtime.set_threshold
        self._is_enabled, self._callbacks = runtime.is_enabled, runtime.callbacks
        self._callback = self._on_collection
        self.nursery = Nursery(runtime)
        self._batches: set[object] = set()
        self._pauses: set[object] = set()
        self._open = (self._batches, self._pauses)
        self._holding = False
        # The program's own thresholds, and ours while batches or a pause are open.
        self._found = self._bounded = self._stopped = UNKNOWN
        # Where a middle generation is collected by itself, a window says when.
        self._has_middle = 1 in runtime.choices

    def open(self, kind: int, scope: object) -> None:
        """Hold automatic collection back: to the nursery (`BATCH`) or altogether (`PAUSE`)."""
        self._open[kind].add(scope)
        # A local, here and in `close`: CPython 3.11 is slow to call an attribute of an instance.
        get = self._get
        current = get()
        if self._holding:
            if kind:
                self._find(self._owned(current))
                self._set(*self._stopped)
            return
        if current != self._found:
            # Ours with no window open were left behind, or put back by code that had saved them.
            # The incremental collector has no third threshold and always tells 0.
            left_behind = current[2] in (NEVER, 0) and not self._held_elsewhere()
            self._find(self._owned(current) if left_behind else current)
        self._holding = True
        self._callbacks.append(self._callback)
        self._set(*(self._stopped if self._pauses else self._bounded))

    def close(self, kind: int, scope: object) -> None:
        """Take back what `open` did for a scope; one from before a fork is closed already."""
        batches, pauses = windows = self._open
        try:
            windows[kind].remove(scope)
        except KeyError:
            return
        if batches or pauses:
            # The last one: the end of a pause may have been interrupted.
            if self._drop_lost() or kind or self._get()[0] == NEVER:
                self._change()
            if batches or pauses:
                return
        self._holding = False
        get = self._get
        current = get()
        self._set(*(self._found if current == self._bounded else self._owned(current)))
        callbacks, ours = self._callbacks, self._callback
        try:
            callbacks.remove(ours)
            while callbacks and ours in callbacks:
                callbacks.remove(ours)
        except ValueError:
            pass  # Another thread was faster.
        if batches or pauses:
            # Opened within the lines above, which took back what it had set.
            self._holding = False
            self._repeat()

    def reset(self) -> None:
        """Close all windows, for a forked child: the threads that opened them are not in it."""
        for windows in self._open:
            windows.clear()
        self._repeat()

    def own_threshold(self) -> int:
        """Return the program's own first threshold, whatever the windows have made of it."""
        current = self._get()
        return self._found[0] if current == self._bounded else self._owned(current)[0]

    def returning(self, kind: int | None, young: int) -> bool:
        """Tell whether closing this window lets automatic collection examine the young at once."""
        return (
            kind is not None
            and 0 < self.own_threshold() < young
            and self.last()
            and self._is_enabled()
        )

    def last(self) -> bool:
        """Tell whether only one window is open."""
        return len(self._batches) + len(self._pauses) == 1

    def others(self, kind: int | None) -> bool:
        """Tell whether windows are open besides the one that is about to close, if one is."""
        return len(self._batches) + len(self._pauses) > (kind is not None)

    def _repeat(self) -> None:
        scope = object()
        self.open(BATCH, scope)
        self.close(BATCH, scope)

    def _drop_lost(self) -> bool:
        """Close the windows whose scopes are gone; tell whether there were any.

        One scope that is not gone ends the search, for its window holds anyway.
        """
        lost = False
        for windows in self._open:
            while windows:
                scope, references = _some(windows)
                if references > ALONE:
                    break
                windows.discard(scope)
                lost = True
        return lost

    def _owned(self, current: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the program's own thresholds, in place of ours among the current ones."""
        if current == self._bounded:
            return self._found
        return current if self._found is UNKNOWN else self._replaced(current, self._found)

    def _held_elsewhere(self) -> bool:
        """Tell whether a window of another copy of gcwise is open: a vendored one, for instance.

        What its thresholds stand for is not known here, so they are found like any program's.
        """
        ours = self._callback
        return any(
            getattr(each, "__qualname__", "") == ours.__qualname__ and each != ours
            for each in self._callbacks
        )

    def _replaced(
        self, current: tuple[int, int, int], by: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        first, middle, last = current
        if _is_ours(current):
            return by  # Whoever sets any threshold sets the first.
        if last != NEVER:
            return current  # And whoever sets the last sets all.
        return first, by[1] if middle in (LATER, NOW, NEVER) else middle, by[2]

    def _find(self, found: tuple[int, int, int]) -> None:
        self._bound(found)
        # Last: whoever opens a window before this line works it all out again.
        self._found = found

    def _bound(self, found: tuple[int, int, int]) -> None:
        first, middle, _ = found
        if not first:
            middle = NEVER  # A first one of 0 bears no mark, so this one has to.
        elif self._has_middle:
            middle = NOW if self.nursery.turn else LATER
        nursery = max(int(self.nursery.size), first) // MARK * MARK + MARK + MARKED
        nursery = first and min(nursery, MOST_ADMITTED)
        self._bounded, self._stopped = (nursery, middle, NEVER), (first and NEVER, middle, NEVER)

    def _change(self) -> None:
        paused = None
        while paused != bool(self._pauses):
            paused = bool(self._pauses)
            current = self._get()
            if not self._holding:
                return
            wanted = self._stopped if paused else self._bounded
            self._set(*self._replaced(current, wanted))
            if not self._holding:
                # The last window closed within the lines above.
                self._set(*self._owned(self._get()))

    def _on_collection(self, phase: str, info: dict[str, Any]) -> None:
        # Runs inside the collection, on any thread.
        if phase == "start":
            self.nursery.started()
        else:
            # An increment calls itself a collection of the middle generation, and is none.
            generation = info["generation"] if self._has_middle else 0
            admitted = 0 if self._pauses else self._get()[0]
            if self.nursery.stopped(generation, admitted, info["collected"]):
                before = self._bounded
                self._bound(self._found)
                if self._bounded != before:
                    self._change()


def _is_ours(thresholds: tuple[int, int, int]) -> bool:
    first, middle, _ = thresholds
    return first == NEVER or first % MARK == MARKED or (not first and middle == NEVER)


def _some(windows: set[object]) -> tuple[object, int]:
    """Return one of the scopes, and how many references there are to it."""
    try:
        for scope in windows:
            return scope, references(scope)
    except RuntimeError:
        pass  # Another thread has just opened or closed a window.
    return None, NEVER


# The references that there are, counted here, when nobody but the set has a scope: 0 on PyPy, which
# does not count them, and where no window is ever taken for lost.
_, ALONE = _some({object()})
ALONE %= NEVER
