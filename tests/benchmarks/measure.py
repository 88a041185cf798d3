"""Measure runs from outside: each in a fresh process whose resident memory is sampled."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERVAL = 0.002
"""Seconds from one sample of the resident memory to the next."""

PATIENCE = 10.0
"""How many times its limit a run may take by the clock, should it wait for something."""

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20

Sample = tuple[float, int]


@dataclass
class Run:
    """What one run of one workload under one policy cost.

    ``cpu`` and ``mean_mib`` are of the process from the job's begin until it is gone, as freeing
    what has been left to its end is dear, too; ``job_cpu`` and ``job_mib`` of the job alone. CPU
    seconds are as they were measured; ``pace`` is how fast the machine was (see `pace`), 0 when
    that is not known. A run that did not end within the limit of time has ``finished`` false, and
    its figures are what it had cost by then: a lower bound.
    """

    workload: str
    policy: str
    round: int
    finished: bool
    cpu: float
    mean_mib: float
    job_cpu: float
    job_mib: float
    wall: float
    peak_mib: float
    pace: float = 0.0
    gc_seconds: float = 0.0
    longest_inside: float = 0.0
    longest: float = 0.0
    collections: list[int] = field(default_factory=lambda: [0, 0, 0])
    collected: int = 0
    calls: int = 0
    granted: int = 0
    samples: list[tuple[float, float]] = field(default_factory=list)
    events: list[list[float]] = field(default_factory=list)
    ends: list[list[float]] = field(default_factory=list)

    @property
    def space_time(self) -> float:
        """Return the CPU seconds times the mean resident memory, in MiB seconds."""
        return self.cpu * self.mean_mib

    @property
    def job_space_time(self) -> float:
        """Return the same of the job alone."""
        return self.job_cpu * self.job_mib

    def at_pace(self, pace: float) -> Run:
        """Return the run as it would have been on a machine of this pace."""
        factor = self.pace / pace if self.pace else 1.0
        times = ("cpu", "job_cpu", "gc_seconds", "longest_inside", "longest")
        return replace(self, **{name: getattr(self, name) * factor for name in times})


class Child:
    """A child process, the lines it has said so far, and its memory."""

    def __init__(self, workload: str, policy: str, *options: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks", "--child", workload, policy]
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        assert self.process.stdout is not None
        self.out: IO[bytes] = self.process.stdout
        self.memory = psutil.Process(self.process.pid)
        self.said: dict[str, Any] = {}
        self.samples: list[Sample] = []
        self._pending = b""

    def listen(self, seconds: float) -> bool:
        """Wait for so long for a line, and return whether more may come."""
        ready, _, _ = select.select([self.out], [], [], max(0.0, seconds))
        if not ready:
            return True
        read = os.read(self.out.fileno(), 65_536)
        *lines, self._pending = (self._pending + read).split(b"\n")
        for line in lines:
            self.said.update(json.loads(line))
        return bool(read)

    def sample(self) -> None:
        """Note the resident memory, unless the process is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):
            # None while it goes.
            if resident := self.memory.memory_info().rss:
                self.samples.append((time.monotonic(), resident))

    def watch(self, limit: float) -> None:
        """Sample from the job's begin until the process ends, or its job is too long.

        Args:
            limit: CPU seconds that the job may use.
        """
        due = time.monotonic()
        while self.listen(due - time.monotonic()):
            now = time.monotonic()
            if "begin" not in self.said:
                due = now + 1.0
                continue
            if now >= due or len(self.samples) == 0:
                self.sample()
                due = now + INTERVAL
            # Asking for CPU time is dear: not before so much time has passed at all.
            elapsed = now - self.said["begin"]
            too_long = "end" not in self.said and elapsed > limit
            if too_long and (self.used() > limit or elapsed > PATIENCE * limit):
                self.stop_early()
                break

    def used(self) -> float:
        """Return the CPU seconds that the job has used so far."""
        times = self.memory.cpu_times()
        return float(times.user + times.system - self.said["cpu_before"])

    def stop_early(self) -> None:
        """Note what a run that is too long has cost so far, and end it."""
        self.said.update(end=time.monotonic(), job_cpu=self.used(), finished=False)
        self.process.kill()

    def ended(self) -> tuple[int, float]:
        """Wait for the process to end; return its exit status and all CPU seconds it has used."""
        self.out.close()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode, usage.ru_utime + usage.ru_stime


def mean_and_peak(samples: list[Sample], begin: float, end: float) -> tuple[float, float]:
    """Return the mean over time and the peak of the memory within a span, in MiB."""
    held = peak = 0.0
    starts = [begin, *(time for time, _ in samples[1:])]
    for (_, size), start, stop in zip(samples, starts, [*starts[1:], end], strict=True):
        held += size * max(0.0, min(stop, end) - start)
        peak = max(peak, size)
    return held / (end - begin) / MIB, peak / MIB


def thin(samples: list[Sample], begin: float, most: int = 300) -> list[tuple[float, float]]:
    """Return at most so many samples, as seconds since the begin and MiB."""
    step = max(1, len(samples) // most)
    return [(round(t - begin, 4), round(size / MIB, 2)) for t, size in samples[::step]]


def measure(
    workload: str,
    policy: str,
    round_number: int = 0,
    *,
    scale: float = 1.0,
    times: int = 1,
    limit: float = 30.0,
    events: bool = False,
    constants: Sequence[str] = (),
) -> Run:
    """Run a workload under a policy in a fresh process and return what it cost.

    Raises:
        RuntimeError: The process failed; what it said is on standard error.
    """
    changes = [option for constant in constants for option in ("--set", constant)]
    recording = ["--events"] if events else []
    amount = ["--scale", str(scale), "--times", str(times)]
    child = Child(workload, policy, *amount, *recording, *changes)
    try:
        child.watch(limit)
    except KeyboardInterrupt:
        child.process.kill()
        raise
    finally:
        code, used = child.ended()
    gone, said = time.monotonic(), child.said
    if "end" not in said:
        raise RuntimeError(f"{workload} under {policy} failed with exit status {code}")
    begin, end, before = (said.pop(key) for key in ("begin", "end", "cpu_before"))
    samples = child.samples
    mean, peak = mean_and_peak(samples, begin, gone)
    of_job = [sample for sample in samples if sample[0] <= end] or samples[:1]
    job_mean, _ = mean_and_peak(of_job, begin, end)
    return Run(
        workload,
        policy,
        round_number,
        finished=said.pop("finished", True),
        cpu=used - before - said.pop("pacing", 0.0),
        mean_mib=mean,
        job_mib=job_mean,
        wall=end - begin,
        peak_mib=peak,
        samples=thin(samples, begin),
        **said,
    )
