"""Decisions as metrics of OpenTelemetry."""

from __future__ import annotations

from gcwise._checks import given
from gcwise.instrumentation._metrics import (
    BUCKETS,
    DECISIONS,
    DURATION,
    OBJECTS,
    MetricsHook,
    missing,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from gcwise._decision import Decision

__all__ = ["OpenTelemetryOnDecisionHook"]


class OpenTelemetryOnDecisionHook(MetricsHook):
    """Count decisions in instruments of `opentelemetry-api`.

    The counter `gcwise.decisions` with the attributes `site` and `reason`, the histogram
    `gcwise.collection.duration` in seconds and the counter `gcwise.collected_objects`, both with
    the attribute `generation`. The first 200 places are told apart, all others are `(other)`.
    Leaves automatic collection alone. Collections in all are told by CPython's own instrumentation,
    `cpython.gc.collections`.

    Args:
        meter_provider: What makes the meter `gcwise`; by default the global one, be it set before
            or later.

    Raises:
        ImportError: `opentelemetry-api` is not installed: `pip install 'gcwise[opentelemetry]'`.
        TypeError: `meter_provider` is none.

    Cost: 9 us for each decision with the library's SDK, and 0.1 us for each function on the stack.
    """

    def __init__(self, *, meter_provider: MeterProvider | None = None) -> None:
        super().__init__()
        try:
            from opentelemetry import metrics  # noqa: PLC0415  # An extra.
        except ImportError as error:
            raise missing(self, "opentelemetry-api", "opentelemetry") from error
        if not isinstance(meter_provider, (metrics.MeterProvider, type(None))):
            raise TypeError(
                "meter_provider must be an opentelemetry.metrics.MeterProvider or None, "
                f"got {given(meter_provider)}"
            )
        meter = metrics.get_meter("gcwise", meter_provider=meter_provider)
        self._decisions = meter.create_counter("gcwise.decisions", "{decision}", DECISIONS)
        self._duration = meter.create_histogram(
            "gcwise.collection.duration",
            "s",
            DURATION,
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._objects = meter.create_counter("gcwise.collected_objects", "{object}", OBJECTS)

    def _record(self, decision: Decision) -> None:
        site, reason = self._site(decision.site), decision.reason.name.lower()
        self._decisions.add(1, {"site": site, "reason": reason})
        done = decision.collection
        if done is not None:
            attributes = {"generation": done.generation}
            self._duration.record(done.duration, attributes)
            self._objects.add(done.collected, attributes)
