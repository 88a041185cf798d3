"""The start of a program: held back, collected once, and frozen."""

from __future__ import annotations

import atexit
import gc
import os

from gcwise._collector import collector
from gcwise._policy import Policy
from gcwise._runtime import FreeThreaded, Incremental, PyPy, Runtime
from gcwise._scope import paused
from gcwise.instrumentation._logging import audible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from gcwise._decision import Decision

__all__ = ["startup"]

# What reloaders set to "true" in the environment of the child that serves. Those of uvicorn and
# gunicorn set nothing that would tell their children from ordinary workers.
RELOADERS = {"RUN_MAIN": "Django", "WERKZEUG_RUN_MAIN": "Flask"}
# Where gc.freeze() is no matter of a few list heads, and what is simulated has nothing to freeze.
UNFIT: dict[type[Runtime], str] = {
    Incremental: "gc.freeze() takes as long as a collection on CPython 3.14.0 to 3.14.4",
    FreeThreaded: "gc.freeze() examines all the heap on a free-threaded build",
    PyPy: "PyPy's gc has no freeze()",
}
SIMULATED = "the collector is simulated"

if "blocks" not in globals():
    # By process, for a forked child has a start of its own; a reload keeps it.
    blocks: dict[int, startup] = {}


class startup(paused):  # noqa: N801  # Read as the others: with gcwise.startup(): ...
    """Hold automatic collection off while a program starts, then collect and `gc.freeze()`.

    For imports, models and caches, which stay as long as the process: once frozen, no collection
    examines them again, and processes forked later share their memory for longer. What is alive at
    the end is frozen, whoever made it; reference counting still frees it, collections do not.
    `gc.unfreeze()` follows when the program exits (`atexit`). The full collection counts in
    `report()` as a decision of this place.

    Before a fork, as in gunicorn's `when_ready` or in an application that it preloads, this is what
    `gc` advises to do: automatic gc off while the parent loads, frozen before the fork, and on as
    it was in the children, which inherit what is frozen and may have a start of their own. Only the
    collection is more: it leaves holes, which children would fill and so copy, where there was
    garbage.

    Works as a block, spanning `await` if need be, and as a decorator; nested with other windows,
    which then go on. An exception that passes through freezes nothing, leaves automatic gc as it
    was found, and the start may be tried again. `checkpoint` freezes nothing either.

    Nothing is frozen, and the logger `gcwise` says so once (stderr where no logging is set up):

    - on PyPy, free-threaded builds and CPython 3.14.0 to 3.14.4, where freezing is absent or takes
      as long as a collection;
    - in the child of Django's or Flask's reloader (`RUN_MAIN`, `WERKZEUG_RUN_MAIN`), which ends
      with the next change: a quick restart is worth more there. Those of uvicorn and gunicorn
      cannot be told from ordinary workers, and need not be: what is frozen ends with the process;
    - where another collection is under way.

    Such a block is that of `paused`. While gcwise is switched off, nothing is done or said.

    Args:
        name: As for `batch`.
        policy: As for `batch`, for where nothing is frozen.

    Raises:
        TypeError: `name` is no string, or `policy` no policy.
        ValueError: `name` is empty.
        RuntimeError: Entered a second time in this process, as by a reload within it: what was
            loaded before would be garbage that no collection frees.

    Cost: a full collection, about 55 ns an object. Freezing takes a microsecond, and so does
    another collection, of the nothing that is left: without it automatic gc would let garbage wait
    until there is a quarter as much as was frozen.
    """

    __slots__ = ("_frozen",)

    @property
    def frozen(self) -> bool:
        """Whether the block has ended and everything was frozen."""
        return getattr(self, "_frozen", False)

    def __enter__(self) -> Self:
        if collector.active:
            first = blocks.setdefault(os.getpid(), self)
            if first is not self:
                where = first._site  # noqa: SLF001  # Another of this class.
                raise RuntimeError(
                    f"startup() serves once in a process, and did at {where!r}; put one block "
                    "around all of the start, where no reload comes by again"
                )
        # As with a teardown: a place with a policy of its own is never skipped.
        self._policy = self._policy or collector.policy
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        failed = kind is not None and kind is not GeneratorExit
        if failed and blocks.get(os.getpid()) is self:
            del blocks[os.getpid()]
        super().__exit__(kind, error, traceback)

    def _decide(self, window: int | None) -> Decision:
        # A checkpoint has no window, nor has a block that was entered while gcwise was off.
        if window is None or not collector.active:
            return super()._decide(window)
        why = _unfit()
        if why is not None:
            decision = super()._decide(window)
        else:
            decision = collector.decide(self._site, Policy.always(), window=window)
            if decision.collection is not None:
                gc.freeze()
                # Of nothing, for CPython to see how little is left: automatic gc would else let a
                # quarter as many objects wait as there were before, garbage or not.
                collector.runtime.collect(2)
                atexit.register(gc.unfreeze)
                collector.froze()
                self._frozen = True
                return decision
            # Freezing would keep the garbage that there is.
            why = str(decision)
        audible().warning("%s: startup() froze nothing: %s", self._site, why)
        return decision


def _unfit() -> str | None:
    """Return why nothing is frozen here, if so."""
    runtime = type(collector.runtime)
    if runtime is not Runtime:
        return UNFIT.get(runtime, SIMULATED)
    for variable, whose in RELOADERS.items():
        if os.environ.get(variable) == "true":
            return f"this child of {whose}'s reloader ({variable}) ends with the next change"
    return None
