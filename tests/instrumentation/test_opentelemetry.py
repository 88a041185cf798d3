"""Decisions in OpenTelemetry's instruments, read by its own in-memory reader."""

import os
import sys

import pytest

from gcwise.instrumentation import OpenTelemetryOnDecisionHook, set_on_decision_hooks
from gcwise.instrumentation._hooks import tell
from gcwise.instrumentation._metrics import BUCKETS, MOST_SITES
from tests.instrumentation.decisions import done, simulated, skipped
from tests.instrumentation.test_hooks import run
from tests.instrumentation.test_prometheus import FORK, INTERRUPT
from tests.interpreters import needs_counting

sdk = pytest.importorskip("opentelemetry.sdk.metrics")
export = pytest.importorskip("opentelemetry.sdk.metrics.export")


@pytest.fixture
def reader():
    """Return a reader of what is measured."""
    return export.InMemoryMetricReader()


@pytest.fixture
def provider(reader):
    """Return a provider of meters with that reader."""
    provider = sdk.MeterProvider([reader])
    yield provider
    provider.shutdown()


def read(reader):
    """Return the metrics of gcwise by name."""
    (resource,) = reader.get_metrics_data().resource_metrics
    (scope,) = resource.scope_metrics
    assert scope.scope.name == "gcwise"
    return {metric.name: metric for metric in scope.metrics}


def points(metric):
    """Return the values of a metric by its attributes."""
    return {
        tuple(sorted(point.attributes.items())): getattr(point, "value", point)
        for point in metric.data.data_points
    }


def test_a_reader(provider, reader):
    """It gets decisions by place and reason, and durations and freed objects by generation."""
    set_on_decision_hooks([OpenTelemetryOnDecisionHook(meter_provider=provider)])
    decided = [done("a"), done("a"), skipped("a")]
    for decision in decided:
        tell(decision)
    metrics = read(reader)
    assert {name: metric.unit for name, metric in metrics.items()} == {
        "gcwise.decisions": "{decision}",
        "gcwise.collection.duration": "s",
        "gcwise.collected_objects": "{object}",
    }
    assert all(metric.description.endswith(".") for metric in metrics.values())
    assert points(metrics["gcwise.decisions"]) == {
        (("reason", "scheduled"), ("site", "a")): 2,
        (("reason", "not_scheduled"), ("site", "a")): 1,
    }
    (duration,) = points(metrics["gcwise.collection.duration"]).values()
    assert duration.count == 2
    assert duration.sum == pytest.approx(sum(each.collection.duration for each in decided[:2]))
    assert points(metrics["gcwise.collected_objects"]) == {
        (("generation", 2),): sum(each.collection.collected for each in decided[:2])
    }
    assert metrics["gcwise.decisions"].data.is_monotonic


def test_buckets(provider, reader):
    """The histogram has the same bounds as Prometheus's, unless a view says otherwise."""
    hook = OpenTelemetryOnDecisionHook(meter_provider=provider)
    for duration in (5e-6, *(2 * bound for bound in BUCKETS)):
        hook(simulated(duration=duration))
    (point,) = points(read(reader)["gcwise.collection.duration"]).values()
    assert tuple(point.explicit_bounds) == BUCKETS
    assert set(point.bucket_counts) == {1}


def test_made_twice(provider, reader, caplog):
    """A reload goes on with the same instruments, without a word."""
    for _ in range(2):
        OpenTelemetryOnDecisionHook(meter_provider=provider)(skipped())
    assert points(read(reader)["gcwise.decisions"]) == {
        (("reason", "not_scheduled"), ("site", "place")): 2
    }
    assert not caplog.records


def test_places_are_bounded(provider, reader):
    """So many are told apart, and the rest are one."""
    hook = OpenTelemetryOnDecisionHook(meter_provider=provider)
    for number in range(3 * MOST_SITES):
        hook(skipped(f"request {number}"))
    counts = points(read(reader)["gcwise.decisions"])
    assert len(counts) == MOST_SITES + 1
    assert counts[("reason", "not_scheduled"), ("site", "(other)")] == 2 * MOST_SITES


def test_what_is_no_provider_is_refused(reader):
    """The error names the argument, and what it has to be."""
    message = "meter_provider must be an opentelemetry.metrics.MeterProvider or None, got InMemory"
    with pytest.raises(TypeError, match=message):
        OpenTelemetryOnDecisionHook(meter_provider=reader)


def test_the_global_provider_may_come_later():
    """Instruments made before the program has set its provider belong to that one."""
    run(
        """
        from gcwise.instrumentation import OpenTelemetryOnDecisionHook
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        set_on_decision_hooks([OpenTelemetryOnDecisionHook()])
        tell(decision("nobody hears of it"))
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        tell(decision())
        assert '"site": "child"' in reader.get_metrics_data().to_json()
        """
    )


def test_the_error_without_the_library(monkeypatch):
    """It says which package is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError) as raised:
        OpenTelemetryOnDecisionHook()
    assert str(raised.value) == (
        "OpenTelemetryOnDecisionHook needs opentelemetry-api, which is not installed: "
        "pip install 'gcwise[opentelemetry]'"
    )


def test_an_interrupted_library_is_not_waited_for():
    """At whatever line of a reading a finalizer decides, it goes on, and is counted in the end."""
    run(
        INTERRUPT
        + """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
provider = MeterProvider([reader])
set_on_decision_hooks([OpenTelemetryOnDecisionHook(meter_provider=provider)])
tell(decision())
times = interrupting("opentelemetry", reader.collect)
other = provider.get_meter("other").create_counter("other")
times = interrupting("opentelemetry", lambda: other.add(1))
tell(decision())
(resource,) = reader.get_metrics_data().resource_metrics
(counts,) = (each for each in resource.scope_metrics[0].metrics if each.name == "gcwise.decisions")
(value,) = (
    each.value for each in counts.data.data_points if each.attributes["site"] == "interrupts"
)
assert value == times > 200
assert len(get_on_decision_hooks()) == 1
provider.shutdown()
"""
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_waits_for_those_that_count():
    """A child never finds an instrument that another thread of its parent has locked."""
    imported = "__import__('opentelemetry.sdk.metrics').sdk.metrics.MeterProvider()"
    run(FORK.format(hook=f"OpenTelemetryOnDecisionHook(meter_provider={imported})"))


@needs_counting
def test_finalizers_beside_both_libraries():
    """One that interrupts one and counts with the other waits for nobody, and none is lost."""
    pytest.importorskip("prometheus_client")
    run(
        """
        import faulthandler, gc, threading, time
        from gcwise.instrumentation import *
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from prometheus_client import CollectorRegistry, generate_latest

        faulthandler.dump_traceback_later(40, exit=True)
        registry, reader, heard = CollectorRegistry(), InMemoryMetricReader(), []
        provider = MeterProvider([reader])
        set_on_decision_hooks([
            PrometheusOnDecisionHook(registry=registry),
            OpenTelemetryOnDecisionHook(meter_provider=provider),
            heard.append,
        ])

        class Final:
            def __init__(self):
                self.me = self

            def __del__(self):
                with gcwise.batch("finalizer"):
                    pass

        def decides():
            while time.monotonic() < end:
                with gcwise.batch("decides"):
                    Final()
                time.sleep(0.002)

        def reads():
            while time.monotonic() < end:
                generate_latest(registry)
                reader.get_metrics_data()
                [Final() for _ in range(5)]
                time.sleep(0.002)

        end = time.monotonic() + 1.5
        gc.set_threshold(50)
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=each) for each in [decides] * 3 + [reads] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.disable()
        tell(decision())
        assert len(get_on_decision_hooks()) == 3
        (family,) = (each for each in registry.collect() if each.name == "gcwise_decisions")
        counted = sum(each.value for each in family.samples if each.name.endswith("_total"))
        (resource,) = reader.get_metrics_data().resource_metrics
        (metric,) = (
            each for each in resource.scope_metrics[0].metrics if each.name == "gcwise.decisions"
        )
        others = sum(each.value for each in metric.data.data_points)
        assert counted == others == len(heard) > 100, (counted, others, len(heard))
        """
    )
