"""Hooks have exact types. Read by type checkers, never run."""

from opentelemetry.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from typing_extensions import assert_type

from gcwise import Decision
from gcwise.instrumentation import (
    DecisionHook,
    LoggingOnDecisionHook,
    OpenTelemetryOnDecisionHook,
    PrometheusOnDecisionHook,
    get_on_decision_hooks,
    set_on_decision_hooks,
)


def function(decision: Decision) -> None:
    """Be a hook."""


class Instance:
    """A hook that keeps something."""

    def __call__(self, told: Decision, /) -> None:
        """Be a hook, by whatever name of the argument."""


def hooks(registry: CollectorRegistry, provider: MeterProvider) -> None:
    """Check what can be set, and what is there."""
    heard: list[Decision] = []
    hook: DecisionHook = Instance()
    set_on_decision_hooks([function, hook, heard.append])
    set_on_decision_hooks(each for each in (function, print))
    set_on_decision_hooks((LoggingOnDecisionHook(), LoggingOnDecisionHook(slow=1)))
    set_on_decision_hooks([PrometheusOnDecisionHook(), PrometheusOnDecisionHook(registry=registry)])
    set_on_decision_hooks([OpenTelemetryOnDecisionHook(meter_provider=provider)])
    set_on_decision_hooks(())
    set_on_decision_hooks(None)
    assert_type(get_on_decision_hooks(), tuple[DecisionHook, ...])
    set_on_decision_hooks([5])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    set_on_decision_hooks(function)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
