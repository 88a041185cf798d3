"""What the hooks for client libraries of metrics have in common: their labels and their care.

These libraries guard each metric with a lock that is not re-entrant. So a decision in a finalizer
or a signal handler that interrupted one of them is counted later, or its thread would wait forever.
"""

from __future__ import annotations

import logging  # noqa: F401  # At a fork its lock has to be taken after that of this module.
import os
import sys
import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from gcwise._decision import Decision

__all__ = ["BUCKETS", "DECISIONS", "DURATION", "OBJECTS", "MetricsHook", "missing"]

# What is measured, said by each library.
DECISIONS = "Decisions whether a collection was worth it, by place and reason."
DURATION = "Seconds that collections took that gcwise decided on."
OBJECTS = "Objects that collections freed that gcwise decided on."
# Seconds: from a collection of nothing to the longest that was reported by anybody.
BUCKETS = (
    *(10e-6, 30e-6, 100e-6, 300e-6, 1e-3, 3e-3, 10e-3, 30e-3, 0.1, 0.3),
    *(1.0, 3.0, 10.0, 30.0, 60.0),
)
# Places that are told apart, and what the others are called.
MOST_SITES, OTHER = 200, "(other)"
# Decisions that wait to be counted.
MOST_WAITING = 10_000
# How the names of those modules of both libraries begin that hold locks, for one may be interrupted
# by a finalizer that counts with the other. Others may be on the stack for good: decorators are.
LOCKING = (
    *("prometheus_client.metrics", "prometheus_client.values", "prometheus_client.registry"),
    *("opentelemetry.metrics", "opentelemetry.sdk.metrics"),
)
# Seconds to wait for another thread that counts, for it may wait for a lock that this one holds.
PATIENCE = 0.1

if "recording" not in globals():
    recording = threading.RLock()
    if hasattr(os, "register_at_fork"):
        # What another thread is in the middle of counting would stay locked in the child for good.
        os.register_at_fork(
            before=recording.acquire,
            after_in_parent=recording.release,
            after_in_child=recording.release,
        )


class MetricsHook:
    """Count decisions with a client library."""

    def __init__(self) -> None:
        self._sites: dict[str, str] = {}
        self._waiting: deque[Decision] = deque(maxlen=MOST_WAITING)

    def __call__(self, decision: Decision, /) -> None:
        """Count a decision, now or with the next one."""
        self._waiting.append(decision)
        if _interrupted() or not recording.acquire(timeout=PATIENCE):
            return
        try:
            while self._waiting:
                self._record(self._waiting.popleft())
        finally:
            recording.release()

    def _record(self, decision: Decision) -> None:
        raise NotImplementedError

    def _site(self, site: str) -> str:
        """Return a place's label: its name, of characters that can be encoded, if it is not new."""
        label = self._sites.get(site)
        if label is None:
            if len(self._sites) >= MOST_SITES:
                return OTHER
            label = self._sites[site] = site.encode("utf-8", "backslashreplace").decode()
        return label


def _interrupted() -> bool:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # inspect.stack() reads files.
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(LOCKING):
            return True
        frame = frame.f_back
    return False


def missing(hook: object, package: str, extra: str) -> ImportError:
    """Return the error that says which extra a hook needs."""
    return ImportError(
        f"{type(hook).__name__} needs {package}, which is not installed: "
        f"pip install 'gcwise[{extra}]'"
    )
