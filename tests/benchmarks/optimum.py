"""Compare the collections of a run with the best schedule that hindsight could have chosen.

**The model.** A schedule says after which batches to collect. It costs, in seconds, the garbage
held times how long it was held, as a share of the process's memory at that time, and the seconds
wasted on looking at objects that survive. Freeing garbage has to be paid once in any case and is
left out.

**What is recorded.** One run with gc held off measures at every batch end the garbage that has come
up since the last one, whatever its age, the objects that survive the batch, and the objects of the
job that live (`events.Recorder`); where measuring takes far longer than the work, not every end is.
A run with gc off tells how many bytes an object of garbage holds.

**What the optimum may do.** A collection after batch j, the last one having been after batch i,
frees all garbage there is, and wastes looking at the larger of: the survivors of batch j; the
objects by which the job has grown since i. That is less than any real collector can do, which would
have to know in which generation all garbage lies, and which looks at old objects that live on
beside old garbage. So the optimum is a lower bound, and a policy's ratio to it an upper bound: a
tight one where garbage dies young, a loose one where it dies old.

**What is not modelled.** What collections do to caches and to the allocator; memory that the
allocator keeps after a collection; batches that overlap in threads; that collecting early makes
survivors old, and so dearer to free later; a batch's inside, so that a job of one single batch has
an optimum of nothing.

**What a policy's cost is.** From a run of its own: the garbage it had left uncollected after each
batch, whichever generation it was in, and the seconds spent in collections beyond those that
freeing takes. Where nearly all the seconds go into freeing, their difference is mostly noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .measure import Run, measure

Floats = npt.NDArray[np.float64]

LEAST = 0.002
"""Share of the job's time that the optimum has to take for a ratio to it to mean anything."""

MOST_ENDS = 2_000
"""Batch ends beyond which neighbours are joined, as the search takes time with their square."""


@dataclass(frozen=True)
class Sequence:
    """What happened at the batch ends of a job, the job's begin being number 0."""

    numbers: npt.NDArray[np.int64]
    times: Floats
    garbage: Floats
    live: Floats
    survivors: Floats
    memory: Floats
    seconds_to_look: float
    seconds_to_free: float
    bytes_held: float

    @property
    def span(self) -> float:
        """Return the job's seconds."""
        return float(self.times[-1] - self.times[0])

    def holding(self, held: Floats, first: int = 0) -> Floats:
        """Return the cost of holding so many objects from each end to the next."""
        size = held * self.bytes_held
        share = size / (self.memory[first:] + size)
        cost: Floats = share[:-1] * np.diff(self.times[first:])
        return cost

    def wasted(self, last: int) -> Floats:
        """Return the cost of collecting after each later end, if the last time was after this."""
        grown = self.live[last + 1 :] - self.live[last]
        cost: Floats = np.maximum(grown, self.survivors[last + 1 :]) * self.seconds_to_look
        return cost

    def optimum(self) -> float:
        """Return the cost of the best schedule, by dynamic programming over the last collection."""
        count = len(self.times)
        best = np.full(count, np.inf)
        best[0] = 0.0
        total = np.inf
        for last in range(count):
            held = self.garbage[last:] - self.garbage[last]
            until = best[last] + np.cumsum(self.holding(held, last))
            if len(until) == 0:
                total = min(total, best[last])
                break
            total = min(total, float(until[-1]))
            best[last + 1 :] = np.minimum(best[last + 1 :], until + self.wasted(last))
        return float(total)


def joined(values: Floats, step: int) -> Floats:
    """Return every step-th value and the last."""
    kept = values[::step]
    return kept if (len(values) - 1) % step == 0 else np.append(kept, values[-1])


def sequence(ends: list[list[float]], bytes_at_end: float) -> Sequence:
    """Return the sequence of a recording; ``bytes_at_end`` is the size of the job with gc off.

    Raises:
        RuntimeError: Ends overlapped in time, as they do in threads.
    """
    columns = np.array(ends, dtype=np.float64).T
    numbers, times, freed, live, survivors, memory, took, looked_at, looking = columns
    if np.any(np.diff(times) < 0) or np.any(np.diff(numbers) <= 0):
        raise RuntimeError("batch ends overlap in time: no sequence to find an optimum for")
    garbage = np.cumsum(freed)
    look = looking.sum() / max(1.0, looked_at.sum())
    freeing = max(0.0, took.sum() - look * (live.sum() + survivors.sum()))
    step = -(-len(times) // MOST_ENDS)
    return Sequence(
        numbers=joined(numbers, step).astype(np.int64),
        times=joined(times, step),
        garbage=joined(garbage, step),
        live=joined(live, step),
        survivors=joined(survivors, step),
        memory=joined(memory, step),
        seconds_to_look=float(look),
        seconds_to_free=float(freeing / max(1.0, garbage[-1])),
        bytes_held=max(0.0, bytes_at_end - memory[-1]) / max(1.0, garbage[-1]),
    )


def taken(recorded: Sequence, run: Run) -> tuple[float, float]:
    """Return what a run's holding and its collections cost, from the notes of its batch ends."""
    collected = np.array([0.0, *(event[1] for event in run.events)])
    held = np.maximum(0.0, recorded.garbage - collected[recorded.numbers])
    wasted = max(0.0, run.gc_seconds - run.collected * recorded.seconds_to_free)
    return float(recorded.holding(held).sum()), wasted


def compare(workload: str, policies: list[str], scale: float, limit: float) -> dict[str, Any]:
    """Record a workload, and return the optimum's cost and each policy's, in seconds.

    The limit is in seconds and longer than for a plain run: recording takes its time.
    """
    record = measure(workload, "recorder", scale=scale, limit=limit, events=True)
    if not record.finished:
        raise RuntimeError(f"recording takes more than {limit:.0f} s")
    off = measure(workload, "off", scale=scale, limit=limit)
    recorded = sequence(record.ends, off.peak_mib * 2**20)
    figures: dict[str, Any] = {
        "seconds": recorded.span,
        "ends": len(record.ends),
        "optimum": recorded.optimum(),
    }
    for policy in policies:
        run = measure(workload, policy, scale=scale, limit=limit, events=True)
        costs = taken(recorded, run.at_pace(record.pace))
        figures[policy] = dict(zip(("holding", "wasted"), costs, strict=True))
    return figures


def cost(figures: dict[str, Any], policy: str) -> float:
    """Return the seconds that holding garbage and looking in vain have cost."""
    return float(figures[policy]["holding"] + figures[policy]["wasted"])


def ratio(figures: dict[str, Any], policy: str) -> float | None:
    """Return a policy's cost as a ratio to the optimum's, None where that says nothing.

    Where it is best to do nothing, and that costs next to nothing, anything is many times as dear.
    """
    best = figures["optimum"]
    return cost(figures, policy) / best if best > LEAST * figures["seconds"] else None


def line(workload: str, figures: dict[str, Any], policies: list[str]) -> str:
    """Return a line for people: costs as shares of the job's time, and ratios to the optimum."""
    span = figures["seconds"]
    text = f"{workload:<24}{figures['ends']:7} ends   optimum {figures['optimum'] / span:7.2%}"
    for policy in policies:
        times = ratio(figures, policy)
        shown = "      -" if times is None else f"{times:6.2f}x"
        text += f"   {policy} {cost(figures, policy) / span:7.2%} {shown}"
    return text
