"""Decisions that nobody was told of: real ones, and such as no test can wait for."""

from gcwise import Collection, Decision, Policy, Reason
from gcwise._collector import collector


def done(site="place", generation=2):
    """Return a decision to collect, acted on."""
    return collector.decide(site, Policy.always(generation))


def skipped(site="place"):
    """Return a decision against a collection."""
    return collector.decide(site, Policy.never())


def simulated(
    site="place",
    *,
    reason=Reason.DUE,
    generation=2,
    candidates=1_000_000,
    collected=0,
    duration=0.5,
    memory=None,
):
    """Return a decision to collect, acted on with this outcome."""
    outcome = Collection(generation, candidates, collected, 0, duration, memory)
    return Decision(generation, reason, site, candidates, 5_000, 0.25, 0.5, outcome)
