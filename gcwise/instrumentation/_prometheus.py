"""Decisions as metrics for Prometheus."""

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
    from typing import Any

    from prometheus_client import CollectorRegistry

    from gcwise._decision import Decision

__all__ = ["PrometheusOnDecisionHook"]


class PrometheusOnDecisionHook(MetricsHook):
    """Count decisions in metrics of `prometheus-client`.

    `gcwise_decisions_total{site,reason}`, the histogram
    `gcwise_collection_duration_seconds{generation}`, and
    `gcwise_collected_objects_total{generation}`. The first 200 places are told apart, all others
    are `(other)`. Made a second time it goes on with the same metrics. Leaves automatic collection
    alone. Collections in all are told by the library's own `python_gc_collections_total`.

    Args:
        registry: Where to register them; by default the library's `REGISTRY`.

    Raises:
        ImportError: `prometheus-client` is not installed: `pip install 'gcwise[prometheus]'`.
        TypeError: `registry` is none.
        ValueError: Other metrics are registered there under these names.

    Cost: 4 us for each decision, and 0.1 us for each function on the stack.
    """

    def __init__(self, *, registry: CollectorRegistry | None = None) -> None:
        super().__init__()
        try:
            import prometheus_client as client  # noqa: PLC0415  # An extra.
        except ImportError as error:
            raise missing(self, "prometheus-client", "prometheus") from error
        if registry is None:
            registry = client.REGISTRY
        elif not isinstance(registry, client.CollectorRegistry):
            raise TypeError(
                "registry must be a prometheus_client.CollectorRegistry or None, "
                f"got {given(registry)}"
            )
        generation = ["generation"]
        self._decisions = _registered(
            *(client.Counter, registry, "gcwise_decisions", DECISIONS, ["site", "reason"])
        )
        self._duration = _registered(
            *(client.Histogram, registry, "gcwise_collection_duration_seconds", DURATION),
            generation,
            buckets=BUCKETS,
        )
        self._objects = _registered(
            *(client.Counter, registry, "gcwise_collected_objects", OBJECTS, generation)
        )

    def _record(self, decision: Decision) -> None:
        site = self._site(decision.site)
        self._decisions.labels(site, decision.reason.name.lower()).inc()
        done = decision.collection
        if done is not None:
            generation = str(done.generation)
            self._duration.labels(generation).observe(done.duration)
            self._objects.labels(generation).inc(done.collected)


def _registered(
    kind: Any, registry: Any, name: str, text: str, labels: list[str], **options: Any
) -> Any:
    """Return a registry's metric of this name, made if it has none.

    The library has no public way to ask: without this one it refuses the metric.
    """
    known = getattr(registry, "_names_to_collectors", {}).get(name)
    if isinstance(known, kind) and list(getattr(known, "_labelnames", labels)) == labels:
        return known
    return kind(name, text, labels, registry=registry, **options)
