"""Collect when an asyncio loop has nothing to do, if that is over soon enough."""

import asyncio
import selectors
import time

import gcwise

# Seconds to free an object, a young one and an older one: `cost` is what comes beside that.
FREEING = 150e-9, 300e-9, 300e-9


def predicted(decision):
    """Return the seconds that the collection is going to take."""
    return decision.cost + FREEING[decision.generation] * decision.expected


class IdleSelector(selectors.DefaultSelector):
    """Where an event loop waits: here it decides first whether to collect meanwhile."""

    deadline = 0.005  # seconds that whoever comes meanwhile may have to wait
    patience = 10.0  # seconds for which a longer collection is put off

    put_off_since = None

    def select(self, timeout=None):
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        # Nothing is ready; what the loop has planned comes in `timeout` seconds, None for nothing.
        room = self.deadline if timeout is None else min(timeout, self.deadline)
        decision = gcwise.should_collect("idle")
        if not decision:
            self.put_off_since = None
        elif predicted(decision) <= room or self.out_of_patience():
            self.put_off_since = None
            self.collected(decision, gcwise.maybe_collect("idle"))
            return super().select(0)  # that took a while, so the loop looks again
        return super().select(timeout)

    def out_of_patience(self):
        self.put_off_since = self.put_off_since or time.monotonic()
        return time.monotonic() - self.put_off_since >= self.patience

    def collected(self, looked, done):
        """Override this to see how well durations are predicted."""


def new_event_loop():
    """Return a loop that collects when it has nothing to do."""
    return asyncio.SelectorEventLoop(IdleSelector())
