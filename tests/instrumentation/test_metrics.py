"""What the hooks for client libraries have in common, apart from any of them."""

import importlib
import os
import threading

import pytest

from gcwise.instrumentation import _metrics
from gcwise.instrumentation._metrics import MetricsHook
from tests.instrumentation.decisions import skipped


def test_a_decision_that_cannot_be_counted_does_not_stay():
    """It is not tried again and again, and the lock is free for others."""
    hook = MetricsHook()
    with pytest.raises(NotImplementedError):
        hook(skipped())
    assert not hook._waiting
    assert _metrics.recording.acquire(blocking=False)
    _metrics.recording.release()


def called_in(module, hook):
    """Call a hook from a function of the module of this name."""
    namespace = {"__name__": module, "hook": hook, "decision": skipped()}
    exec("def function(): hook(decision)", namespace)
    namespace["function"]()


@pytest.mark.parametrize("module", _metrics.LOCKING)
def test_neither_library_is_counted_in(module):
    """Whichever a hook counts with: threads in the middle of both would wait for each other."""
    hook = MetricsHook()
    called_in(f"{module}._internal", hook)
    assert len(hook._waiting) == 1


@pytest.mark.parametrize(
    "module", ["prometheus_client.context_managers", "opentelemetry.instrumentation.wsgi", None]
)
def test_what_wraps_the_program_is_no_reason_to_wait(module):
    """Decorators and middleware of the libraries are on the stack as long as the program runs."""
    with pytest.raises(NotImplementedError):
        called_in(module, MetricsHook())


def test_what_waits_is_bounded(monkeypatch):
    """A library that is interrupted for ever does not fill the memory."""
    monkeypatch.setattr(_metrics, "LOCKING", (__name__,))
    hook = MetricsHook()
    for _ in range(2 * _metrics.MOST_WAITING):
        hook(skipped())
    assert len(hook._waiting) == _metrics.MOST_WAITING


def test_a_thread_that_counts_is_not_waited_for_without_end():
    """It may wait for a lock that only this thread can free, so what was decided here waits."""
    hook, counts, go = MetricsHook(), threading.Event(), threading.Event()

    def stays():
        with _metrics.recording:
            counts.set()
            go.wait(20)

    thread = threading.Thread(target=stays)
    thread.start()
    assert counts.wait(20)
    hook(skipped())
    go.set()
    thread.join()
    assert len(hook._waiting) == 1


def test_a_reload_keeps_the_lock():
    """What is registered with forks cannot be taken back, so it is not registered again."""
    before = _metrics.recording
    importlib.reload(_metrics)
    assert _metrics.recording is before


def test_a_machine_without_forks_needs_no_care(monkeypatch):
    """There the module is imported all the same."""
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    spec = importlib.util.spec_from_file_location("metrics", _metrics.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.recording is not _metrics.recording
