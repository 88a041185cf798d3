"""Feel how fast the machine is while a job runs, so that runs can be compared on a busy one.

A virtual machine's neighbours can make the same work take half as many CPU seconds again, for
seconds or minutes, and nothing inside shows it. So every 10 ms a timer's signal interrupts the job
for a fixed quarter of a millisecond of integer arithmetic, whose CPU time is taken off the job's.
The mean of its speed is the run's pace. It makes no objects that the collector tracks.

Measured with gc off on such a machine, ten runs each: the CPU seconds of equal jobs scattered by
10 to 17 % of their mean, and times the pace by 3 to 7 %. Work on memory was no better a measure.
"""

from __future__ import annotations

import signal
import time
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

INTERVAL = 0.01
STEPS = 4_000


def spin() -> None:
    """Do a fixed amount of work that needs no memory."""
    x = 1
    for n in range(STEPS):
        x = (x * 5 + n) & 1023


class Pacemaker:
    """Time a fixed piece of work again and again, from a signal's handler in the main thread."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def start(self) -> None:
        """Begin; the caller is the main thread."""
        signal.signal(signal.SIGALRM, self._beat)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)

    def stop(self) -> None:
        """End, and make sure that there is something to tell even of the shortest job."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._beat()

    def _beat(self, number: int = 0, frame: FrameType | None = None) -> None:
        start = time.thread_time()
        spin()
        self._times.append(time.thread_time() - start)

    @property
    def seconds(self) -> float:
        """Return the CPU seconds spent here rather than in the job."""
        return sum(self._times)

    @property
    def pace(self) -> float:
        """Return how many times in a CPU second the piece of work could be done."""
        return fmean(1.0 / seconds for seconds in self._times)
