"""What a hook is, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gcwise._decision import Decision

__all__ = ["DecisionHook"]


class DecisionHook(Protocol):
    """Hear of decisions: anything that can be called with one, after it was acted on."""

    def __call__(self, decision: Decision, /) -> None:
        """Hear of a decision, in the thread that took it, which goes on when this returns.

        Runs outside of `gc.collect` and of `gc.callbacks`, so that it may take locks and allocate.
        """
