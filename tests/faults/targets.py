"""What worker processes do: functions that they can import."""

import gc

import gcwise
from gcwise import Policy
from gcwise._collector import collector

# Of a collection that other code's thresholds do not matter to.
NUMBER = 1_000


def state():
    """Return what a worker finds before anything else, and what its first decision frees."""
    found = gc.isenabled(), gc.get_threshold(), collector.window._open
    with gcwise.paused("worker", policy=Policy.always()) as scope:
        for _ in range(NUMBER):
            cycle = []
            cycle.append(cycle)
            del cycle
    assert (gc.isenabled(), gc.get_threshold(), collector.window._open) == found
    return found, scope.decision.collection.collected >= NUMBER
