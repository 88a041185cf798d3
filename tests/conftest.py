"""What every test starts from and leaves behind: automatic collection as it was found."""

import gc

import pytest

from gcwise import Policy
from gcwise._collector import collector
from tests.fakes import FakeRuntime
from tests.interpreters import COUNTED, needs_settings, real


def pytest_collection_modifyitems(items):
    """Skip faults where gc has no settings that could be left other than they were."""
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(needs_settings)


@pytest.fixture(autouse=True, scope="module")
def _frozen():
    """Keep imports out of full collections, which else take most of the suite's time."""
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _as_found():
    """Give each test a collector that has learned nothing; see that it leaves gc as it was."""
    policy, active = collector.policy, collector.active
    collector.sites.clear()
    collector.history.start()
    collector.after_fork()
    collector._ledger.frozen = 0.0  # What an earlier test froze.
    collector.configure(Policy(), active=True)
    before = _settings()
    yield
    after = _settings()
    if after != before and not COUNTED:
        gc.collect()  # What the test dropped is closed by now only.
        after = _settings()
    enabled, thresholds, callbacks = before
    real.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()
    real.callbacks[:] = [each for each in real.callbacks if each in callbacks or _foreign(each)]
    collector.configure(policy, active=active)
    assert after == before


@pytest.fixture
def runtime():
    """Return a simulated collector, whose automatic collection is off."""
    return FakeRuntime()


def _settings():
    return (
        gc.isenabled(),
        real.get_threshold(),
        [callback for callback in real.callbacks if not _foreign(callback)],
    )


def _foreign(callback):
    # Hypothesis times collections with a callback that it adds when first used.
    return getattr(callback, "__module__", "").startswith("hypothesis")
