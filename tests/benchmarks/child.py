"""Run one workload under one policy in this process, and tell the parent when and at what cost."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from typing import Any

from .events import Log, Recorder
from .pace import Pacemaker
from .policies import Policy, by_name
from .workloads import WORKLOADS


class Meter:
    """Watch all collections from a ``gc.callbacks`` hook, the same and as cheap for everyone."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._began = 0.0
        self.seconds = 0.0
        self.longest_inside = 0.0
        self.longest = 0.0
        self.collections = [0, 0, 0]
        self.collected = 0
        self.granted = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
            return
        duration = time.perf_counter() - self._began
        self.seconds += duration
        self.longest = max(self.longest, duration)
        self.collections[info["generation"]] += 1
        self.collected += info["collected"]
        if self._policy.open:
            self.longest_inside = max(self.longest_inside, duration)
        self.granted += self._policy.calling

    def figures(self) -> dict[str, Any]:
        """Return what was seen."""
        return {
            "gc_seconds": self.seconds,
            "longest_inside": self.longest_inside,
            "longest": self.longest,
            "collections": self.collections,
            "collected": self.collected,
            "calls": self._policy.calls,
            "granted": self.granted,
        }


def cpu_seconds() -> float:
    """Return the CPU time of this process so far, all threads and the kernel's share included."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def say(**line: Any) -> None:
    """Send the parent one line."""
    print(json.dumps(line), flush=True)


def prepare(workload: str, scale: float) -> Any:
    """Load an application's heap and the workload's data, and return the job.

    Everything loaded ends in the oldest generation, as in a program that has been up for a while.
    """
    gc.disable()
    # A middling application's heap: some 100,000 objects that stay.
    import distributed  # noqa: F401
    import sqlalchemy.orm  # noqa: F401

    job = WORKLOADS[workload].prepare(scale)
    gc.collect()
    gc.enable()
    return job


def run(workload: str, policy: Policy, scale: float, times: int, *, events: bool) -> None:
    """Run a job so many times, and report its begin, its end and its figures.

    The process then ends like any other: what the job's policy never freed is freed only then.
    """
    job = prepare(workload, scale)
    policy.start()
    meter = Meter(policy)
    log = Log(policy, meter) if events else None
    gc.callbacks.append(meter)
    pacemaker = Pacemaker()
    before = cpu_seconds()
    say(begin=time.monotonic(), cpu_before=before)
    pacemaker.start()
    for _ in range(times):
        job(policy)
    pacemaker.stop()
    cpu = cpu_seconds() - before - pacemaker.seconds
    end = time.monotonic()
    gc.callbacks.remove(meter)
    policy.stop()
    say(
        end=end,
        job_cpu=cpu,
        pacing=pacemaker.seconds,
        pace=pacemaker.pace,
        events=log.events if log else [],
        **meter.figures(),
        **policy.extra(),
    )


def change(constants: list[str]) -> None:
    """Give constants of gcwise's rule other values, as in ``LEARNING=0.25``.

    Raises:
        ValueError: There is no constant of that name.
    """
    from gcwise._collector import collector

    for constant in constants:
        name, _, value = constant.partition("=")
        modules = [
            m for n, m in sys.modules.items() if n.startswith("gcwise.") and hasattr(m, name)
        ]
        if not modules:
            raise ValueError(f"gcwise has no constant of the name {name!r}")
        for module in modules:
            setattr(module, name, float(value))
    # What it has set up from the old ones is set up anew.
    collector.after_fork()


def main(
    workload: str, policy: str, scale: float, times: int, *, events: bool, constants: list[str]
) -> None:
    """Be the child process of one run."""
    if constants:
        change(constants)
    chosen = Recorder() if policy == Recorder.name else by_name(policy)
    run(workload, chosen, scale, times, events=events)
