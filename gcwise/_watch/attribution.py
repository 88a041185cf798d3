"""Which functions the collections fell into, and who asked for them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from gcwise._watch.run import Collection, Place, Run, Sample, Total, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Caller", "Function", "callers", "functions_worth_wrapping", "longest"]

# Samples for each call of a function that is worth a window of its own: where calls are shorter
# than the time between two samples, collections are about as often due between them as inside.
SAMPLES_A_CALL = 2.0
# Of two functions around the same waste, the inner one needs to have this share of it.
SAME = 0.8


class Caller(NamedTuple):
    """A line that calls `gc.collect()`, and what its calls came to."""

    place: Place
    total: Total
    beneath: Place | None  # The program's own function that it was called from, if it is not one.


class Function(NamedTuple):
    """A function, and the automatic collections that fell into its calls.

    Attributes:
        place: The function.
        total: Those collections.
        seconds: What was seen of the time that it took, all that it called included.
    """

    place: Place
    total: Total
    seconds: float

    @property
    def share(self) -> float:
        """The collections' part of its time."""
        return min(1.0, self.total.seconds / self.seconds) if self.seconds else 0.0


class Span(NamedTuple):
    """A sample, and what came between it and the last one."""

    functions: dict[Place, bool]
    collection: list[Collection]  # The one that it was taken at, if it was automatic.
    before: list[Collection]  # The automatic ones that it stands for besides.
    seconds: float  # Since the last sample of the same thread.


def longest(run: Run, number: int = 5) -> list[tuple[Collection, Place | None, Place | None]]:
    """Return the longest collections, with the line each interrupted and the own function there."""
    samples = {sample.number: sample for sample in run.samples}
    order = sorted(range(len(run.collections)), key=lambda n: -run.collections[n].seconds)
    found = []
    for each in order[:number]:
        sample = samples.get(each)
        place = sample and sample.place
        found.append((run.collections[each], place, own_function(run, sample)))
    return found


def own_function(run: Run, sample: Sample | None) -> Place | None:
    """Return the program's innermost function on a sample's stack."""
    functions = (sample and sample.functions) or {}
    return next((each for each in functions if run.is_candidate(each)), None)


def callers(run: Run) -> list[Caller]:
    """Return who called `gc.collect()`, the dearest first."""
    calls: dict[Place, list[Collection]] = defaultdict(list)
    beneath: dict[Place, Place | None] = {}
    for sample in run.samples:
        collection = run.collections[sample.number]
        if collection.explicit and sample.place is not None:
            calls[sample.place].append(collection)
            if not beneath.get(sample.place):
                beneath[sample.place] = own_function(run, sample)
    found = [Caller(place, total(each), beneath[place]) for place, each in calls.items()]
    return sorted(found, key=lambda caller: -caller.total.seconds)


def functions_worth_wrapping(run: Run, least: float) -> Iterator[Function]:
    """Yield functions in which automatic collections waste at least so many seconds.

    The innermost that has nearly all of the waste, and calls long enough to be batches; then those
    that have what is left. If the program's own functions have not half of the waste, the outermost
    one of an installed package, which a script can call.
    """
    spans = list(spans_of(run))
    own = cache(run.is_candidate)
    of_own = sum(waste_of(span) for span in spans if any(map(own, span.functions)))
    if 2 * of_own < sum(map(waste_of, spans)):
        yield from entry_of(figures(spans, cache(run.is_callable)), least)
        return
    while same := of_the_same(figures(spans, own), least):
        best = min(same, key=lambda each: each.seconds)
        yield best
        spans = [span for span in spans if best.place not in span.functions]


def of_the_same(found: dict[Place, Function], least: float, part: float = SAME) -> list[Function]:
    """Return the functions that have nearly all of the most waste that one has, innermost first."""
    most = max((each.total.wasted for each in found.values()), default=0.0)
    return [each for each in found.values() if most >= least and each.total.wasted >= part * most]


def entry_of(found: dict[Place, Function], least: float) -> list[Function]:
    """Return the outermost function around all of the waste, if that is enough."""
    # The outer ones come last. What is added up in another order is not the very same.
    same = of_the_same(found, least, 0.99)[::-1]
    return [max(same, key=lambda each: each.seconds)] if same else []


def spans_of(run: Run) -> Iterator[Span]:
    """Yield the samples with a stack, and the automatic collections that each stands for."""
    last = 0
    at: dict[int, float] = defaultdict(float)
    for sample in run.samples:
        if sample.functions is None:
            continue
        collection = run.collections[sample.number]
        now = collection.began + collection.seconds
        yield Span(
            sample.functions,
            [] if collection.explicit else [collection],
            [each for each in run.collections[last : sample.number] if not each.explicit],
            now - at[sample.thread],
        )
        last, at[sample.thread] = sample.number + 1, now


def waste_of(span: Span) -> float:
    """Return the seconds wasted by the collections that a sample stands for."""
    return sum(each.wasted for each in span.collection + span.before)


def figures(spans: list[Span], is_candidate: Callable[[Place], bool]) -> dict[Place, Function]:
    """Return what fell into each function whose calls are long enough to be batches."""
    inside: dict[Place, list[Collection]] = defaultdict(list)
    seconds: dict[Place, float] = defaultdict(float)
    samples: dict[Place, int] = defaultdict(int)
    calls: dict[Place, int] = defaultdict(int)
    for span in spans:
        for place, known in span.functions.items():
            samples[place] += 1
            inside[place] += span.collection
            if known:
                inside[place] += span.before
                seconds[place] += span.seconds
            else:  # Of what came before it cannot be told whether it was inside.
                calls[place] += 1
                seconds[place] += sum(each.seconds for each in span.collection)
    return {
        place: Function(place, total(inside[place]), seconds[place])
        for place in samples
        if is_candidate(place) and samples[place] >= SAMPLES_A_CALL * max(calls[place], 1)
    }
