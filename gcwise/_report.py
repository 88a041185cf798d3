"""What happened at each place and in all, as a table for people and data for programs."""

from __future__ import annotations

from gcwise._collector import collector
from gcwise._decision import Reason
from gcwise._history import Place
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["PlaceReport", "Report", "report", "reset"]

# Reasons for a collection; all others are reasons for none.
COLLECTING = frozenset(
    {Reason.DUE, Reason.TRIVIAL, Reason.RETURNING, Reason.EXPLORING, Reason.SCHEDULED}
)
# Columns of a line in a log.
WIDEST = 40
HEADER = (
    f"{'decisions':>10} {'gen 0':>7} {'gen 1':>6} {'gen 2':>6} {'freed':>11} {'efficiency':>10}"
    f" {'seconds':>8} {'share':>6} {'MiB':>8}"
)


class PlaceReport(NamedTuple):
    """Tell what was decided at one place, and what its collections did.

    Attributes:
        site: The place; `(other places)` stands for all beyond the first 4,096.
        decisions: How many there were.
        collections: Of them, and of a teardown's trials, by generation.
        candidates: Objects that these examined, estimated.
        collected: Objects that they freed.
        duration: Seconds that they took.
        share: Of the time since counting began.
        memory_freed: Bytes by which resident memory fell, where that was measured.
        not_collected: Reasons for not collecting, each with its number of decisions.
    """

    site: str
    decisions: int
    collections: tuple[int, int, int]
    candidates: int
    collected: int
    duration: float
    share: float
    memory_freed: int
    not_collected: dict[Reason, int]

    @property
    def efficiency(self) -> float:
        """Return the share of the objects examined that were garbage, 0 to 1; 0 where none were."""
        return self.collected / self.candidates if self.candidates else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the figures under their names, in a form that `json.dumps` takes."""
        reasons = {reason.name.lower(): number for reason, number in self.not_collected.items()}
        return {
            **self._asdict(),
            "collections": list(self.collections),
            "efficiency": self.efficiency,
            "not_collected": reasons,
        }


class Report(NamedTuple):
    """Tell what gcwise has decided and done since the import or the last `reset()`.

    `print(report)` is a table. Frozen data: it does not go on counting.

    Attributes:
        elapsed: Seconds since counting began.
        places: One `PlaceReport` each, those that spent most time collecting first.
        total: The same of all places together.
        others: What automatic gc and other code's explicit calls did meanwhile: for each
            generation the collections, and the objects that they freed.
    """

    elapsed: float
    places: tuple[PlaceReport, ...]
    total: PlaceReport
    others: tuple[tuple[int, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures under their names, in a form that `json.dumps` takes."""
        return {
            "elapsed": self.elapsed,
            "places": [place.as_dict() for place in self.places],
            "total": self.total.as_dict(),
            "others": [{"collections": times, "collected": freed} for times, freed in self.others],
        }

    def __str__(self) -> str:
        names = [_shortened(place.site) for place in (*self.places, self.total)]
        width = max(map(len, [*names, "place"]))
        lines = [f"{'place':<{width}} {HEADER}"]
        for name, place in zip(names, (*self.places, self.total), strict=True):
            lines += _lines(name.ljust(width), place)
        return "\n".join([*lines, self._meanwhile()])

    def _meanwhile(self) -> str:
        times = sum(number for number, _ in self.others)
        freed = sum(objects for _, objects in self.others)
        each = [
            f"{number:,} of generation {generation}"
            for generation, (number, _) in enumerate(self.others)
            if number
        ]
        which = f" ({', '.join(each)})" if each else ""
        return (
            f"in {self.elapsed:,.1f} s; meanwhile automatic gc and other code ran {times:,} "
            f"collections{which}, which freed {freed:,} objects"
        )


def _shortened(site: str) -> str:
    # The end tells more of a file's path.
    return site if len(site) <= WIDEST else f"...{site[3 - WIDEST :]}"


def _lines(name: str, place: PlaceReport) -> list[str]:
    young, middle, old = place.collections
    efficiency = f"{100 * place.efficiency:.0f} %" if place.candidates else "-"
    figures = (
        f"{name} {place.decisions:>10,} {young:>7,} {middle:>6,} {old:>6,} {place.collected:>11,}"
        f" {efficiency:>10} {place.duration:>8.3f} {100 * place.share:>4.1f} %"
        f" {place.memory_freed / 2**20:>8,.1f}"
    )
    lines = [figures]
    if place.not_collected:
        most_first = sorted(place.not_collected.items(), key=lambda item: -item[1])
        reasons = (f"{reason.name.lower()} {number:,}" for reason, number in most_first)
        lines.append(f"  not collected: {', '.join(reasons)}")
    return lines


def report() -> Report:
    """Return what gcwise has decided and done at each place, since the import or `reset()`.

    Changes nothing, least of all automatic collection. What other code and automatic gc did is the
    difference to `gc.get_stats`. Questions (`should_collect`) are not counted, nor is anything
    while gcwise is switched off.

    Cost: some microseconds for each place.
    """
    history, runtime = collector.history, collector.runtime
    elapsed = max(runtime.clock() - history.since, 0.0)
    total, places = Place(), []
    for site, place in list(history.places.items()):
        reasons = dict(place.reasons)
        if place.skips:
            reasons[Reason.NOTHING_NEW] = reasons.get(Reason.NOTHING_NEW, 0) + place.skips
        places.append(_reported(site, place, reasons, elapsed))
        total.add(place, reasons)
    places.sort(key=lambda each: -each.duration)
    stats = zip(runtime.stats(), history.stats, total.collections, total.collected, strict=True)
    others = tuple(
        (
            max(now["collections"] - before["collections"] - times, 0),
            max(now["collected"] - before["collected"] - freed, 0),
        )
        for now, before, times, freed in stats
    )
    return Report(elapsed, tuple(places), _reported("total", total, total.reasons, elapsed), others)


def _reported(site: str, place: Place, reasons: dict[Reason, int], elapsed: float) -> PlaceReport:
    return PlaceReport(
        site,
        sum(reasons.values()),
        (place.collections[0], place.collections[1], place.collections[2]),
        place.candidates,
        sum(place.collected),
        place.duration,
        place.duration / elapsed if elapsed else 0.0,
        place.memory_freed,
        {reason: number for reason, number in reasons.items() if reason not in COLLECTING},
    )


def reset() -> None:
    """Start the report anew; what was learned of each place stays.

    Leaves automatic collection and settings alone.
    """
    collector.history.start()
