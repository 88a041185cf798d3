"""Decisions in Prometheus's client library, and in what a server scrapes of it."""

import importlib
import os
import sys
import urllib.request

import pytest

from gcwise import Reason
from gcwise.instrumentation import PrometheusOnDecisionHook, _prometheus, set_on_decision_hooks
from gcwise.instrumentation._hooks import tell
from gcwise.instrumentation._metrics import BUCKETS, MOST_SITES
from tests.instrumentation.decisions import done, simulated, skipped
from tests.instrumentation.test_hooks import run
from tests.interpreters import COUNTED

client = pytest.importorskip("prometheus_client")
parser = pytest.importorskip("prometheus_client.parser")

NAMES = {
    "gcwise_decisions",
    "gcwise_collection_duration_seconds",
    "gcwise_collected_objects",
}


@pytest.fixture
def registry():
    """Return a registry without metrics."""
    return client.CollectorRegistry()


def scrape(registry):
    """Fetch the metrics over HTTP, as a server does, by the names of their families."""
    server, thread = client.start_http_server(0, "127.0.0.1", registry)
    try:
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(url, timeout=20) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return {each.name: each for each in parser.text_string_to_metric_families(text)}


def decisions(registry):
    """Return the counts of decisions by place and reason."""
    (family,) = (each for each in registry.collect() if each.name == "gcwise_decisions")
    samples = [each for each in family.samples if each.name == "gcwise_decisions_total"]
    return {(each.labels["site"], each.labels["reason"]): each.value for each in samples}


def unregister():
    """Take the metrics out of the library's own registry, whoever has put them there."""
    for name in NAMES & client.REGISTRY._names_to_collectors.keys():
        client.REGISTRY.unregister(client.REGISTRY._names_to_collectors[name])


def test_a_scrape(registry):
    """A server gets decisions by place and reason, durations, and freed objects by generation."""
    set_on_decision_hooks([PrometheusOnDecisionHook(registry=registry)])
    for _ in range(1_000):
        cycle = []
        cycle.append(cycle)
    decided = [done("a"), done("a", 0), skipped("a"), skipped('b"\n'), skipped('b"\n')]
    for decision in decided:
        tell(decision)
    families = scrape(registry)
    assert {name for name in families if not name.endswith("_created")} == NAMES
    counts = families["gcwise_decisions"]
    assert counts.type == "counter"
    assert {
        (*each.labels.items(), each.value)
        for each in counts.samples
        if each.name.endswith("_total")
    } == {
        (("reason", "scheduled"), ("site", "a"), 2.0),
        (("reason", "not_scheduled"), ("site", "a"), 1.0),
        (("reason", "not_scheduled"), ("site", 'b"\n'), 2.0),
    }
    durations = families["gcwise_collection_duration_seconds"]
    assert durations.type == "histogram"
    values = {
        (each.name.rpartition("_")[2], *each.labels.values()): each.value
        for each in durations.samples
    }
    freed = {
        each.labels["generation"]: each.value
        for each in families["gcwise_collected_objects"].samples
        if each.name.endswith("_total")
    }
    # Where there are no generations to choose from, both are full collections.
    collections = [decision.collection for decision in decided[:2]]
    assert len(freed) == len({each.generation for each in collections})
    for generation, number in freed.items():
        of_it = [each for each in collections if str(each.generation) == generation]
        assert values["count", generation] == len(of_it)
        assert values["sum", generation] == pytest.approx(sum(each.duration for each in of_it))
        assert values["bucket", generation, "+Inf"] == len(of_it)
        assert number == sum(each.collected for each in of_it)
    assert not COUNTED or sum(freed.values()) > 0


def test_buckets_tell_all_durations_apart(registry):
    """From a collection of nothing to one that takes a minute, each is in a bucket of its own."""
    hook = PrometheusOnDecisionHook(registry=registry)
    for duration in (5e-6, *(2 * bound for bound in BUCKETS)):
        hook(simulated(duration=duration))
    (family,) = (each for each in registry.collect() if "duration" in each.name)
    filled = [each.value for each in family.samples if each.name.endswith("_bucket")]
    assert filled == list(range(1, len(BUCKETS) + 2))


def test_every_reason_is_a_label(registry):
    """The label is its lower-case name."""
    hook = PrometheusOnDecisionHook(registry=registry)
    for reason in Reason:
        hook(skipped()._replace(reason=reason))
    assert decisions(registry) == {("place", each.name.lower()): 1.0 for each in Reason}


def test_the_library_s_own_registry_is_the_default():
    """Made twice, as by a reload of the program, the hook goes on with the same metrics."""
    unregister()
    try:
        PrometheusOnDecisionHook()(skipped())
        PrometheusOnDecisionHook()(skipped())
        again = importlib.reload(_prometheus).PrometheusOnDecisionHook()
        again(skipped())
        assert decisions(client.REGISTRY) == {("place", "not_scheduled"): 3.0}
    finally:
        unregister()


@pytest.mark.parametrize("labels", [["site"], ["place", "reason"]])
def test_a_name_that_is_taken_is_not_overwritten(registry, labels):
    """Another metric of the same name is an error of the library's, which names it."""
    client.Counter("gcwise_decisions", "Not ours.", labels, registry=registry)
    with pytest.raises(ValueError, match="gcwise_decisions"):
        PrometheusOnDecisionHook(registry=registry)


def test_what_is_no_registry_is_refused():
    """The error names the argument, and what it has to be."""
    message = "registry must be a prometheus_client.CollectorRegistry or None, got str: 'metrics'"
    with pytest.raises(TypeError, match=message):
        PrometheusOnDecisionHook(registry="metrics")


def test_places_are_bounded(registry):
    """So many are told apart, and the rest are one, or a server would be swamped with series."""
    hook = PrometheusOnDecisionHook(registry=registry)
    for number in range(3 * MOST_SITES):
        hook(skipped(f"request {number}"))
    hook(skipped("request 7"))
    counts = decisions(registry)
    assert len(counts) == MOST_SITES + 1
    assert counts["(other)", "not_scheduled"] == 2 * MOST_SITES
    assert counts["request 7", "not_scheduled"] == 2


def test_a_name_that_cannot_be_encoded(registry):
    """A file's odd name does not spoil the scrape of everything else."""
    set_on_decision_hooks([PrometheusOnDecisionHook(registry=registry)])
    tell(skipped("odd\udcff.py:3"))
    (sample, *_) = scrape(registry)["gcwise_decisions"].samples
    assert sample.labels["site"] == r"odd\udcff.py:3"


def test_the_error_without_the_library(monkeypatch):
    """It says which package is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError) as raised:
        PrometheusOnDecisionHook()
    assert str(raised.value) == (
        "PrometheusOnDecisionHook needs prometheus-client, which is not installed: "
        "pip install 'gcwise[prometheus]'"
    )


def test_a_program_without_the_libraries():
    """All names can be imported, all else works, and only making such a hook is an error."""
    run(
        """
        sys.modules["prometheus_client"] = sys.modules["opentelemetry"] = None
        from gcwise.instrumentation import *
        for hook in PrometheusOnDecisionHook, OpenTelemetryOnDecisionHook:
            try:
                hook()
            except ImportError as error:
                assert "pip install 'gcwise[" in str(error), error
            else:
                raise AssertionError(hook)
        heard = []
        set_on_decision_hooks([heard.append])
        tell(decision())
        assert len(heard) == 1
        """
    )


INTERRUPT = """
import faulthandler, itertools
from gcwise.instrumentation import *

# A thread that waits for itself would do so for good.
faulthandler.dump_traceback_later(20, exit=True)
decided, told = decision("interrupts"), itertools.count(1)

def interrupting(module, call):
    # Decide at each line of a library, as a finalizer or a signal handler may.
    def local(frame, event, arg):
        if event == "line":
            interrupting.times = next(told)
            tell(decided)
        return local

    def begin(frame, event, arg):
        name = frame.f_globals["__name__"]
        return local if name.partition(".")[0] == module else None

    sys.settrace(begin)
    try:
        call()
    finally:
        sys.settrace(None)
    return interrupting.times
"""


def test_an_interrupted_library_is_not_waited_for():
    """At whatever line of a scrape a finalizer decides, it goes on, and is counted in the end."""
    run(
        INTERRUPT
        + """
from prometheus_client import Counter, REGISTRY, generate_latest
other = Counter("other", "Not ours.", ["label"])
set_on_decision_hooks([PrometheusOnDecisionHook()])
tell(decision())
times = interrupting("prometheus_client", generate_latest)
times = interrupting("prometheus_client", other.labels("x").inc)
tell(decision())
labels = {"site": "interrupts", "reason": "scheduled"}
assert REGISTRY.get_sample_value("gcwise_decisions_total", labels) == times > 200
assert len(get_on_decision_hooks()) == 1
"""
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_several_processes(tmp_path):
    """In multi-process mode forked workers count into one scrape, interrupted or not."""
    run(
        f"""
        import os, warnings
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = {str(tmp_path)!r}
        """
        + INTERRUPT.replace("\n", "\n        ")
        + """
        from prometheus_client import CollectorRegistry, Counter, multiprocess
        other = Counter("other", "Not ours.")
        set_on_decision_hooks([PrometheusOnDecisionHook()])
        for worker in range(3):
            if not os.fork():
                tell(decision("worker"))
                times = interrupting("prometheus_client", other.inc)
                tell(decision("worker"))
                os._exit(not 3 < times < 100)
        for worker in range(3):
            assert os.wait()[1] == 0
        tell(decision("parent"))
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        def value(name, **labels):
            return registry.get_sample_value(name, labels)
        def count(site):
            return value("gcwise_decisions_total", site=site, reason="scheduled")
        assert (count("worker"), count("parent")) == (6.0, 1.0)
        assert count("interrupts") % 3 == 0
        count_all = value("gcwise_collection_duration_seconds_count", generation="2")
        assert count_all == 7 + count("interrupts")
        """,
        *("-W", "ignore::ResourceWarning"),  # The library leaves its files open.
    )


FORK = """
        import os, signal, threading, warnings
        from gcwise.instrumentation import *

        signal.alarm(40)
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        set_on_decision_hooks([{hook}])
        decided, over = decision(), threading.Event()

        def counts():
            while not over.is_set():
                tell(decided)

        threads = [threading.Thread(target=counts, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        sys.setswitchinterval(1e-5)
        for _ in range(60):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                tell(decided)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0, "the child hangs"
        over.set()
        for thread in threads:
            thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_waits_for_those_that_count():
    """A child never finds a metric that another thread of its parent has locked."""
    run(FORK.format(hook="PrometheusOnDecisionHook()"))
