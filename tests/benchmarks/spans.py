"""The context managers that policies give out for batches and teardowns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .policies import Policy


class Span:
    """One batch, or one teardown, of a policy whose batches need no state of their own."""

    __slots__ = ("_policy",)

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __enter__(self) -> Self:
        self._policy.open += 1
        self._policy.before()
        return self

    def checkpoint(self) -> None:
        """Let the policy act in the middle of the batch just as it would at the end of one."""
        self._policy.after()
        self._policy.before()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._policy.open -= 1
        self._policy.after()


class WiseSpan:
    """One of gcwise's own scopes, counted like the batches of the other policies."""

    __slots__ = ("_entered", "_policy", "_scope")

    def __init__(self, policy: Policy, scope: Any) -> None:
        self._policy = policy
        self._scope = scope

    def __enter__(self) -> Self:
        self._policy.open += 1
        self._entered = self._scope.__enter__()
        return self

    def checkpoint(self) -> None:
        """Let gcwise act in the middle of the batch."""
        self._entered.checkpoint()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._policy.open -= 1
        self._scope.__exit__(kind, error, trace)
