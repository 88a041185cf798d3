"""The workloads, grouped by what they have in common; importing this registers all of them."""

from __future__ import annotations

from . import afterwards, applications, concurrency, lifetimes, long_running, parsing, tiny
from .registry import WORKLOADS, Job, Workload

__all__ = [
    "WORKLOADS",
    "Job",
    "Workload",
    "afterwards",
    "applications",
    "concurrency",
    "lifetimes",
    "long_running",
    "parsing",
    "tiny",
]
