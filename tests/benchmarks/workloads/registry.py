"""Keep the list of workloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.policies import Policy

Job = Callable[[Policy], None]
Prepare = Callable[[float], Job]


@dataclass(frozen=True)
class Workload:
    """A program in small: ``prepare(scale)`` loads its libraries and data and returns its job.

    Loading is not measured. At scale 1 the job takes one or a few seconds with gc off. ``limit`` is
    the time in seconds that it must be given when the figures of its slowest policies are wanted.
    """

    name: str
    about: str
    prepare: Prepare
    limit: float | None = None


WORKLOADS: dict[str, Workload] = {}


def workload(prepare: Prepare) -> Prepare:
    """Register a workload under its function's name, with its docstring's first line."""
    return _register(prepare, None)


def patient_workload(limit: float) -> Callable[[Prepare], Prepare]:
    """Register a workload that must be given so many seconds."""
    return lambda prepare: _register(prepare, limit)


def _register(prepare: Prepare, limit: float | None) -> Prepare:
    about = (prepare.__doc__ or "").strip().splitlines()[0]
    WORKLOADS[prepare.__name__] = Workload(prepare.__name__, about, prepare, limit)
    return prepare


def scaled(count: int, scale: float, least: int = 2) -> int:
    """Return a number of batches or objects at a scale."""
    return max(least, round(count * scale))
