"""The hooks, and how they are told of decisions without harm to whoever decides."""

from __future__ import annotations

import contextlib
import sys
import threading

from gcwise._checks import given
from gcwise._collector import collector
from gcwise._decision import Reason
from gcwise.instrumentation._logging import LoggingOnDecisionHook, log_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from gcwise._decision import Decision
    from gcwise.instrumentation._protocol import DecisionHook

__all__ = ["get_on_decision_hooks", "registered", "set_on_decision_hooks", "tell"]


class _Telling(threading.local):
    now = False


class Hooks:
    """The hooks of the process.

    Attributes:
        chosen: Whether the program has set them, and so wants to hear of every decision.
    """

    __slots__ = ("_default", "_finalizing", "_frame", "_hooks", "_inactive", "_telling", "chosen")

    def __init__(self, default: DecisionHook) -> None:
        self._default = default
        self._telling = _Telling()
        # The end of the interpreter takes away what modules name, but not what objects hold.
        self._finalizing, self._frame = sys.is_finalizing, sys._getframe  # noqa: SLF001  # Cheap.
        self._inactive = Reason.INACTIVE
        self.set(None)

    def set(self, hooks: tuple[DecisionHook, ...] | None) -> None:
        """Replace the hooks; None stands for the default one."""
        told = (self._default,) if hooks is None else hooks
        # Each in a list of its own: taking it out of that drops it, for one thread and for good.
        self._hooks = tuple([hook] for hook in told)
        self.chosen = hooks is not None

    def get(self) -> tuple[DecisionHook, ...]:
        """Return the hooks that are left."""
        return tuple(hook for cell in self._hooks for hook in cell)

    def tell(self, decision: Decision) -> None:
        """Call the hooks with a decision; drop one that raises.

        Decisions that are taken while a hook runs are not told in its thread: a hook that decides,
        or in which a finalizer does, would hear of itself without end.
        """
        telling = self._telling
        if (telling.now and self._under_way(self._frame())) or self._finalizing():
            return
        if decision.reason is self._inactive:
            return
        try:
            telling.now = True
            for cell in self._hooks:
                for hook in cell:
                    try:
                        hook(decision)
                    except Exception as error:  # noqa: PERF203  # Not the program's own.
                        # Nothing waits in logging: it is the time limit of somebody's work.
                        if isinstance(error, TimeoutError) and not self.chosen:
                            raise
                        _drop(cell, error)
        finally:
            telling.now = False

    def _under_way(self, telling: FrameType) -> bool:
        # A signal handler may have raised just before the mark was taken away.
        above = telling.f_back
        while above is not None and above.f_code is not telling.f_code:
            above = above.f_back
        return above is not None


def _drop(cell: list[DecisionHook], error: Exception) -> None:
    # Another thread may have dropped it already, or there is nobody left to tell.
    with contextlib.suppress(Exception):
        log_failure(cell.pop(), error)


if "registered" not in globals():
    # A reload keeps them: others have looked up `tell`.
    registered = Hooks(LoggingOnDecisionHook())
    tell = registered.tell


def set_on_decision_hooks(hooks: Iterable[DecisionHook] | None) -> None:
    """Set the hooks that are called, one after the other, with every decision.

    They run in the thread that decided, after the collection has returned and outside every lock.
    One that raises an exception is logged and dropped. Decisions that are taken while a hook runs
    are not told in that thread, and none are while the interpreter ends. Leaves automatic
    collection alone.

    Args:
        hooks: Called with the `gcwise.Decision`; empty for none, None for the default, which is
            `LoggingOnDecisionHook`.

    Raises:
        TypeError: `hooks` is no iterable, or one of them cannot be called. Nothing is changed then.

    Cost: with hooks of the program's own, each decision is made and told, also where nothing had
    to be weighed: about half a microsecond, and theirs.
    """
    registered.set(None if hooks is None else _checked(hooks))
    collector.quiet.tell(every=registered.chosen and bool(registered.get()))


def get_on_decision_hooks() -> tuple[DecisionHook, ...]:
    """Return the hooks that are called with every decision, without those that were dropped.

    Changes nothing.
    """
    return registered.get()


def _checked(hooks: Iterable[DecisionHook]) -> tuple[DecisionHook, ...]:
    try:
        every = tuple(hooks)
    except TypeError:
        if hasattr(type(hooks), "__iter__"):
            raise  # It is the iterable's own.
        raise TypeError(
            f"hooks must be an iterable of hooks or None, got {given(hooks)}; "
            "as in set_on_decision_hooks([hook])"
        ) from None
    for hook in every:
        if isinstance(hook, type):
            raise TypeError(f"a hook must be made, got the class: {hook.__name__}()")
        if not callable(hook):
            raise TypeError(f"a hook must be callable with a gcwise.Decision, got {given(hook)}")
    return every
