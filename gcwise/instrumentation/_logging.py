"""The default hook: log lines for people and, in their extra fields, for programs."""

from __future__ import annotations

import sys
from collections import OrderedDict

from gcwise._checks import check_number, shown
from gcwise._decision import Reason, _objects, _seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any

    from gcwise._collection import Collection
    from gcwise._decision import Decision

__all__ = ["LoggingOnDecisionHook", "audible", "log_failure"]

# As in logging, which is not imported here: a program that has not done so cannot see anything.
DEBUG, INFO, WARNING = 10, 20, 30
# Seconds after which people notice that they wait.
SLOW = 1.0
# Fruitless collections in a row: after five, half as many, no less is expected of a place.
PERSISTENT = 10
# Of the objects examined, and bytes: what is no fruit, as with teardowns.
NOTHING, FEW_BYTES = 1e-3, 2**20
# A collection that mostly frees spends at least half of its time so, at this price an object.
FREEING = 0.5e-6
# Seconds an object, five times what any was measured to take.
SLUGGISH = 10e-6
# Places that are warned of, and places whose collections in a row are counted.
MOST_SITES = 1000


class LoggingOnDecisionHook:
    """Log decisions to the logger `gcwise`: the default hook.

    DEBUG for a decision against a collection, INFO for a collection done, each as `str(decision)`
    after the name of the place, with its figures as extra fields of the record, from `gcwise_site`
    to `gcwise_memory_freed` (seconds, objects, bytes). WARNING, once for each place, with the
    cause and what to do, for a collection that was slow, and for ten in a row that freed next to
    nothing and were slow together.

    Before the program has imported `logging` nothing is logged. Leaves automatic collection alone.

    Args:
        slow: Seconds from which on a collection is slow.

    Raises:
        TypeError: `slow` is no number.
        ValueError: `slow` is not above 0.

    Cost: 0.4 us for each decision where the level is not enabled.
    """

    def __init__(self, *, slow: float = SLOW) -> None:
        check_number("slow", slow, "a number of seconds")
        if not slow > 0:
            raise ValueError(f"slow must be above 0 seconds, got {shown(slow)}")
        self._slow = slow
        self._logger: Logger | None = None
        self._warned: dict[tuple[str, str], object] = {}
        # Fruitless collections in a row, the objects that these freed, and their seconds.
        self._rows: OrderedDict[str, tuple[int, int, float]] = OrderedDict()

    def __call__(self, decision: Decision, /) -> None:
        """Log a decision."""
        logger = self._logger
        if logger is None:
            logger = self._logger = _find()
            if logger is None:
                return
        done = decision.collection
        level = DEBUG if done is None else INFO
        if logger.isEnabledFor(level):
            logger.log(level, "%s: %s", decision.site, decision, extra=_fields(decision))
        if done is not None and logger.isEnabledFor(WARNING):
            self._judge(logger, decision, done)

    def _judge(self, logger: Logger, decision: Decision, done: Collection) -> None:
        site = decision.site
        row = self._row(site, done)
        if done.duration >= self._slow and self._first("slow", site):
            cause = _cause_of_slow(done)
            took, freed = _seconds(done.duration), _objects(done.collected)
            logger.warning(
                "%s: a collection of generation %d took %s, beyond %s, and freed %s: %s",
                *(site, done.generation, took, _seconds(self._slow), freed, cause),
                extra=_fields(decision),
            )
        if row is None:
            return
        times, collected, seconds = row
        if times >= PERSISTENT and seconds >= self._slow and self._first("fruitless", site):
            cause = _cause_of_fruitless(decision.reason)
            logger.warning(
                "%s: %s collections in a row took %s and freed %s in all: %s",
                *(site, f"{times:,}", _seconds(seconds), _objects(collected), cause),
                extra=_fields(decision),
            )

    def _row(self, site: str, done: Collection) -> tuple[int, int, float] | None:
        """Count a collection; return its place's fruitless row, if it prolongs one."""
        rows = self._rows
        before = rows.pop(site, (0, 0, 0.0))
        if not _fruitless(done):
            return None
        times, collected, seconds = before
        row = rows[site] = times + 1, collected + done.collected, seconds + done.duration
        if len(rows) > MOST_SITES:
            rows.popitem(last=False)
        return row

    def _first(self, kind: str, site: str) -> bool:
        if len(self._warned) >= MOST_SITES:
            return False
        mark = object()
        return self._warned.setdefault((kind, site), mark) is mark


def _find() -> Logger | None:
    logging = sys.modules.get("logging")
    # The last that logging defines: somebody may be in the middle of importing it.
    if not hasattr(logging, "captureWarnings"):
        return None
    return _logger(logging)


def _logger(logging: Any) -> Logger:
    logger: Logger = logging.getLogger("gcwise")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger


def _fields(decision: Decision) -> dict[str, object]:
    done = decision.collection
    return {
        "gcwise_site": decision.site,
        "gcwise_reason": decision.reason.name.lower(),
        "gcwise_generation": decision.generation if done is None else done.generation,
        "gcwise_candidates": decision.candidates,
        "gcwise_expected": decision.expected,
        "gcwise_cost": decision.cost,
        "gcwise_debt": decision.debt,
        "gcwise_collected": None if done is None else done.collected,
        "gcwise_uncollectable": None if done is None else done.uncollectable,
        "gcwise_duration": None if done is None else done.duration,
        "gcwise_memory_freed": None if done is None else done.memory_freed,
    }


def _fruitless(done: Collection) -> bool:
    # A few objects may hold large buffers: only memory that did not fall says that they have not.
    if done.memory_freed is None:
        return not done.collected
    return done.collected <= NOTHING * done.candidates and done.memory_freed < FEW_BYTES


def _cause_of_slow(done: Collection) -> str:
    if done.collected * FREEING >= done.duration / 2:
        return (
            "most of that went into freeing so many; let it decide more often there, by smaller "
            "batches or checkpoint(), or cut the cycles"
        )
    if done.generation == 2:
        return (
            "it examines every object that the program keeps; call gc.freeze() when what stays for "
            "good is loaded, keep less in containers, or decide where nobody waits"
        )
    if done.duration > SLUGGISH * done.candidates:
        return (
            f"that is {_seconds(done.duration / max(done.candidates, 1))} an object examined; "
            "look for slow finalizers (__del__, weakref callbacks), and for memory swapped out"
        )
    return (
        f"of about {_objects(done.candidates)} examined most are still in use; decide later, when "
        "what was built there has been dropped"
    )


def _cause_of_fruitless(reason: Reason) -> str:
    if reason is Reason.SCHEDULED:
        return (
            "the policy's schedule collects whether it is worth it or not; with gcwise.Policy() "
            "such a place is soon left alone"
        )
    return (
        "what is dropped there is freed by reference counting at once, or something still refers "
        "to it, as gcwise.explain() around it tells; cut that, or decide nothing there"
    )


def log_failure(hook: object, error: Exception) -> None:
    """Log that a hook raised, with the traceback; on stderr where no logging is set up."""
    what = "the hook %s raised an exception and was dropped"
    audible().error(what, _name_of(hook), exc_info=error)


def audible() -> Logger:
    """Return the logger, or one that prints on stderr where no logging is set up."""
    import logging  # noqa: PLC0415  # Importing gcwise does not.

    logger = _logger(logging)
    if not _heard(logger, logging.NullHandler):
        # One that nobody listens to falls back on stderr, unless a NullHandler stands in its way.
        logger = logging.Logger("gcwise")  # noqa: LOG001
    return logger


def _heard(logger: Logger | None, null: type) -> bool:
    while logger is not None:
        if not all(isinstance(handler, null) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _name_of(hook: object) -> str:
    named: Any = hook if hasattr(hook, "__qualname__") else type(hook)
    return f"{named.__module__}.{named.__qualname__}"
