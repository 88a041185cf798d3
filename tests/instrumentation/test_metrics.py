"""What the hooks for client libraries have in common, apart from any of them."""

import importlib
import os

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


def test_what_waits_is_bounded():
    """A library that is interrupted for ever does not fill the memory."""
    hook = MetricsHook(__name__)
    for _ in range(2 * _metrics.MOST_WAITING):
        hook(skipped())
    assert len(hook._waiting) == _metrics.MOST_WAITING


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
