"""What must hold after each fault, whatever the fault was."""

import faulthandler
import gc

import pytest

from gcwise._collector import collector

# Seconds after which a test that hangs ends the run, with the stacks of all threads.
LIMIT = 120


@pytest.fixture(autouse=True)
def _unharmed():
    """The collector is as before, no window is left open, and no test hangs for good."""
    before = _state()
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    assert _state() == before
    assert not collector.window._batches
    assert not collector.window._pauses


def _state():
    # Hypothesis times collections with a callback that it adds when first used.
    callbacks = [
        each
        for each in gc.callbacks
        if not getattr(each, "__module__", "").startswith("hypothesis")
    ]
    return gc.isenabled(), gc.get_threshold(), gc.get_debug(), callbacks
