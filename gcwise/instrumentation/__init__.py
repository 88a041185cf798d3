"""Hooks that hear of every decision: logging by default, Prometheus, OpenTelemetry, or your own.

>>> import gcwise, gcwise.instrumentation
>>> reasons = []
>>> gcwise.instrumentation.set_on_decision_hooks([lambda each: reasons.append(each.reason)])
>>> gcwise.instrumentation.set_on_decision_hooks(None)  # back to logging
"""

from __future__ import annotations

from gcwise.instrumentation._hooks import get_on_decision_hooks, set_on_decision_hooks
from gcwise.instrumentation._logging import LoggingOnDecisionHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise.instrumentation._protocol import DecisionHook

__all__ = [
    "DecisionHook",
    "LoggingOnDecisionHook",
    "get_on_decision_hooks",
    "set_on_decision_hooks",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "DecisionHook":
            # gcwise imports this package, and typing would take as long as all of gcwise.
            from gcwise.instrumentation._protocol import DecisionHook  # noqa: PLC0415

            return DecisionHook
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
