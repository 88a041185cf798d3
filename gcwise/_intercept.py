"""Everybody's `gc.collect()` as a request that gcwise decides on."""

from __future__ import annotations

import gc

from gcwise._collector import collector
from gcwise._naming import caller
from gcwise._question import request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Interception", "intercept"]


class Interception:
    """End what `intercept` began: by `close()`, or at the end of a block around it.

    Does nothing to automatic collection.
    """

    __slots__ = ()

    def close(self) -> None:
        """Stop, and put back the `gc.collect` that was found, unless another interception goes on.

        A second time nothing happens. Never raises.
        """
        _place.close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Place:
    """Where `gc.collect` is found and put back."""

    def __init__(self) -> None:
        self.found: Callable[[int], int] = gc.collect
        self._installed = False
        self.open: set[Interception] = set()

    def take(self, interception: Interception) -> None:
        self.open.add(interception)
        self._settle()

    def close(self, interception: Interception) -> None:
        self.open.discard(interception)
        self._settle()

    def _settle(self) -> None:
        # Until nothing is left to do: other threads begin and end theirs between any two lines.
        while True:
            wanted, current = bool(self.open), gc.collect
            if wanted and self._may_replace(current):
                self.found = current
                gc.collect = collect
                self._installed = True
            elif not wanted and current is collect:
                self._installed = False
                gc.collect = self.found  # type: ignore[assignment]
            else:
                return

    def _may_replace(self, current: Callable[[int], int]) -> bool:
        # Where somebody has patched over it, ours is called from theirs; twice would be once too
        # often. Unless they have put back what was there before.
        return current is not collect and (not self._installed or current is self.found)


def collect(generation: int = 2) -> int:
    """Run a collection if it is worth it, and return the number of unreachable objects."""
    valid = isinstance(generation, int) and 0 <= generation <= 2
    if not valid or not _place.open or not collector.active:
        return _place.found(generation)
    done = request(f"{caller(1)} gc.collect()", None, generation).collection
    return 0 if done is None else done.collected + done.uncollectable


collect.__module__ = "gc"
_place = _Place()


def intercept() -> Interception:
    """Make everybody's `gc.collect()` a request that gcwise decides on, as by `maybe_collect()`.

    For the blind calls of other libraries: `with gcwise.intercept(): ...` for a block, or
    `gcwise.intercept()` once, for good. Each place that calls is learned of by itself, and named in
    `report()` with what its calls were worth. A call returns what `gc.collect()` would: the number
    of unreachable objects found, 0 where nothing was collected. The generation that it asks for is
    the oldest that may be collected.

    Interceptions nest. The last that ends puts back what was found, unless somebody else has
    patched over it meanwhile: then it lets every call through. What has taken the function itself
    before (`from gc import collect`) is not intercepted, nor is what C code calls
    (`PyGC_Collect`). While gcwise is switched off, calls are let through, as are those with an
    argument that `gc.collect` would refuse. Leaves automatic collection alone.

    Returns:
        What ends it, by `close()` or as a block.

    Cost for a call that has nothing to do: 2 us.
    """
    interception = Interception()
    _place.take(interception)
    return interception
