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
    from gcwise.instrumentation._opentelemetry import OpenTelemetryOnDecisionHook
    from gcwise.instrumentation._prometheus import PrometheusOnDecisionHook
    from gcwise.instrumentation._protocol import DecisionHook
else:

    def __getattr__(name: str) -> object:
        # Importing gcwise imports this package, and not what only some programs need of it.
        if name == "DecisionHook":
            from gcwise.instrumentation._protocol import DecisionHook  # noqa: PLC0415

            return DecisionHook
        if name == "OpenTelemetryOnDecisionHook":
            from gcwise.instrumentation._opentelemetry import (  # noqa: PLC0415
                OpenTelemetryOnDecisionHook,
            )

            return OpenTelemetryOnDecisionHook
        if name == "PrometheusOnDecisionHook":
            from gcwise.instrumentation._prometheus import PrometheusOnDecisionHook  # noqa: PLC0415

            return PrometheusOnDecisionHook
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DecisionHook",
    "LoggingOnDecisionHook",
    "OpenTelemetryOnDecisionHook",
    "PrometheusOnDecisionHook",
    "get_on_decision_hooks",
    "set_on_decision_hooks",
]
