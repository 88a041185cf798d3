"""The price of memory, and the pure rule that weighs garbage held against a collection's cost."""

from __future__ import annotations

import math
import sys

from gcwise._checks import check_bool, check_generation, check_integer, check_number, shown
from gcwise._decision import Reason
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

__all__ = [
    "Outlook",
    "Policy",
    "Verdict",
    "decide",
    "held_cost",
    "number_due",
    "overhead_of",
    "pressure",
    "resize_nursery",
    "weight_of",
]

# A collection that costs less than this share of the time since the last one needs no thought.
TRIVIAL = 0.01
# Young objects that examining takes 4 us, a fifth of a look: next to none.
FEW = 200
# What waits for the young does so until it has cost so many times its price.
LATE = 2.0
# Seconds to examine a young object that survives, and to free one that does not, until measured.
EXAMINING, FREEING = 20e-9, 100e-9
# A container object with what only it refers to, in bytes, until growth tells better.
OBJECT_BYTES = 128
# A nursery changes by no more than this factor at a time.
GROWTH = 4.0
# Of the memory limit: where the weight of memory begins to rise, where it is highest, how high.
PRESSURE_FROM, PRESSURE_TO, PRESSURE_WEIGHT = 0.70, 0.95, 10.0
# Even then fruitless full collections may not eat up the time that is left.
PRESSURE_OVERHEAD = 0.20


class _Policy(NamedTuple):
    memory_weight: float
    max_overhead: float
    memory_limit: int | None
    trim: bool
    period: int | None
    generation: int


class Policy(_Policy):
    """Say how dear memory is, or collect by a fixed schedule instead of decisions.

    Frozen data, which may be pickled. Does nothing to automatic collection by itself: it holds for
    all places by `set_policy`, or for one place as its argument `policy`.

    Args:
        memory_weight: The price of memory: at 1.0, one second of holding garbage as large as all
            else in the process is as bad as one second of collecting. More collects sooner.
        max_overhead: Share of elapsed time, above 0 and up to 1, that fruitless full collections
            may take.
        memory_limit: Bytes that the process may use; the weight of memory rises when 70 to 95 % of
            them are in use. None takes the container's limit or else the machine's memory.
        trim: Whether to give back to the system what only the allocator keeps, by `trim()`, after a
            full collection that freed a hundredth of what it examined; at most once in 10 s, and
            less often where resident memory hardly falls by it. Not for fixed schedules.

    Raises:
        TypeError: An argument is not a number, or `trim` neither True nor False.
        ValueError: An argument is out of its range.

    The share of time is the idea of `ThrottledGC` in dask's `distributed`, and so is its default.
    """

    __slots__ = ()

    def __new__(
        cls,
        memory_weight: float = 1.0,
        max_overhead: float = 0.05,
        memory_limit: int | None = None,
        trim: bool = False,  # noqa: FBT001, FBT002  # One of the fields, given by name.
    ) -> Self:
        check_number("memory_weight", memory_weight)
        if not 0 < memory_weight <= sys.float_info.max:
            raise ValueError(
                f"memory_weight must be above 0 and finite, got {shown(memory_weight)}"
            )
        check_number("max_overhead", max_overhead)
        if not 0 < max_overhead <= 1:
            raise ValueError(
                f"max_overhead is a share of time, above 0 and at most 1, got {shown(max_overhead)}"
            )
        if memory_limit is not None:
            check_integer("memory_limit", memory_limit, "bytes, or None to find the limit")
            if memory_limit <= 0:
                raise ValueError(f"memory_limit must be above 0 bytes, got {shown(memory_limit)}")
        check_bool("trim", trim)
        return super().__new__(cls, memory_weight, max_overhead, memory_limit, trim, None, 2)

    @classmethod
    def always(cls, generation: int = 2) -> Self:
        """Collect `generation` (0, 1 or 2) at every decision, whatever it costs: for tests.

        Raises:
            TypeError: `generation` is no integer.
            ValueError: `generation` is none of these.
        """
        return cls.every(1, generation)

    @classmethod
    def never(cls) -> Self:
        """Collect at no decision; windows still hold automatic collection back.

        Garbage that automatic collection does not find then stays.
        """
        return cls._scheduled(0, 2)

    @classmethod
    def every(cls, n: int, generation: int = 2) -> Self:
        """Collect `generation` (0, 1 or 2) at every `n`-th decision of a site, exactly.

        Counts decisions and nothing else, so that processes that take the same steps collect at
        the same step. Windows hold automatic collection back as with other policies.

        Raises:
            TypeError: `n` or `generation` is no integer.
            ValueError: `n` is below 1, or `generation` none of these.
        """
        check_integer("n", n, "a number of decisions")
        if n < 1:
            raise ValueError(
                f"n must be at least 1, got {shown(n)}; to collect never: Policy.never()"
            )
        check_generation(generation)
        return cls._scheduled(n, generation)

    @classmethod
    def _scheduled(cls, period: int, generation: int) -> Self:
        # PyPy's _replace() would go through __new__, which takes neither.
        return cls._make((*cls()[:4], period, generation))

    if not TYPE_CHECKING:  # pragma: no branch  # The type of that of named tuples is right.

        def _replace(self, /, **changes: Any) -> Self:
            # That of named tuples checks nothing, and PyPy's would go through __new__.
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(
                    f"a policy has no {shown(next(iter(changes)))}, but {', '.join(self._fields)}"
                )
            Policy(*made[:4])
            if made.period is not None:
                check_integer("period", made.period, "a number of decisions, 0 for never", 0)
            check_generation(made.generation)
            return made

        # By which copy.replace() goes.
        __replace__ = _replace

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._make, (tuple(self),)

    def __repr__(self) -> str:
        if self.period is None:
            knobs = zip(self._fields[:4], self, strict=False)
            return f"Policy({', '.join(f'{name}={shown(value)}' for name, value in knobs)})"
        if self.period == 0:
            return "Policy.never()"
        return f"Policy.every({shown(self.period)}, generation={self.generation})"


class Outlook(NamedTuple):
    """One generation as a decision sees it.

    Attributes:
        candidates: Objects that collecting it would examine, estimated.
        expected: Objects among them that are expected to be garbage.
        share: That garbage in memory, as a ratio to all else in it.
        debt: Seconds that holding on to it has cost so far.
        cost: Seconds that collecting it would waste on objects that survive, now or as these die.
        efficiency: Share of the candidates expected to be garbage that no younger one would free.
        rested: Seconds since it was last collected.
    """

    candidates: float
    expected: float
    share: float
    debt: float
    cost: float
    efficiency: float
    rested: float


class Verdict(NamedTuple):
    """The generation worth collecting, or None, and why."""

    generation: int | None
    reason: Reason


def decide(
    outlooks: tuple[Outlook, Outlook, Outlook],
    *,
    gap: float,
    weight: float,
    old_allowed: bool,
    returning: bool,
    told: bool = False,
    most: int = 2,
) -> Verdict:
    """Weigh garbage held against the cost of collecting it: what is due first, then the trivial.

    Collecting an older generation promotes what is in use of the young. As long as these are not
    worth it themselves, most of them may be; so it waits for them, though not for ever.

    Args:
        outlooks: Generations 0, 1 and 2, each including the younger ones.
        gap: Seconds until the next chance to decide, expected.
        weight: The price of memory, see `Policy` and `pressure`.
        old_allowed: Whether another fruitless full collection would stay within its share of time.
        returning: Whether automatic collection is about to come back and examine the young.
        told: Whether a teardown told of what it left in older generations, which waits for nothing.
        most: The oldest generation that may be collected.
    """
    allowed = range(most + 1)
    due = [number for number in reversed(allowed) if _due(outlooks[number], gap, weight)]
    # The youngest first: what is left for later costs no more, and fewer survivors are promoted.
    trivial = [number for number in allowed if _trivial(outlooks[number])]
    ripe = told or returning or 0 in (*due, *trivial) or outlooks[0].candidates < FEW
    ready = due if ripe else [n for n in due if _due(outlooks[n], gap, weight / LATE)]
    for generation in (*ready, *trivial):
        if generation < 2 or old_allowed:
            return Verdict(generation, Reason.DUE if generation in ready else Reason.TRIVIAL)
    if returning:
        return Verdict(0, Reason.RETURNING)
    if ready or trivial:
        return Verdict(None, Reason.OVERHEAD)
    return Verdict(None, Reason.YOUNG_IN_USE if due else Reason.NOT_DUE)


def _due(outlook: Outlook, gap: float, weight: float) -> bool:
    waiting = outlook.candidates >= 1 and outlook.share > 0
    return waiting and held_cost(outlook, gap, weight) >= outlook.cost


def held_cost(outlook: Outlook, gap: float, weight: float) -> float:
    """Return the seconds that holding on to garbage will have cost by the next chance to decide."""
    # Waiting for the next chance adds share * gap: without it the rule acts one chance too late.
    return (outlook.debt + outlook.share * gap) * weight


def _trivial(outlook: Outlook) -> bool:
    cheap = outlook.cost <= TRIVIAL * outlook.efficiency * outlook.rested
    return outlook.candidates >= 1 and cheap


def number_due(held: float, wasted: float, overhead: float) -> float:
    """Return how many objects are due that come bit by bit: what is held grows with their square.

    Args:
        held: Seconds that holding their garbage has cost, for one times one of them.
        wasted: Seconds that a collection would waste on each.
        overhead: Seconds that it takes beside them.
    """
    if not held > 0:
        return math.inf
    half = wasted / held / 2
    return half + math.sqrt(half * half + overhead / held)


def pressure(resident: float, limit: float) -> float:
    """Return how short memory is: 0 up to 70 % of the limit in use, 1 from 95 % on."""
    used = resident / limit
    return min(max((used - PRESSURE_FROM) / (PRESSURE_TO - PRESSURE_FROM), 0.0), 1.0)


def weight_of(policy: Policy, short: float) -> float:
    """Return the price of memory when it is `short` (0 to 1)."""
    return policy.memory_weight * (1.0 + (PRESSURE_WEIGHT - 1.0) * short)


def overhead_of(policy: Policy, short: float) -> float:
    """Return the share of time that fruitless full collections may take."""
    return policy.max_overhead + max(PRESSURE_OVERHEAD - policy.max_overhead, 0.0) * short


def resize_nursery(size: float, *, wasted: float, held: float) -> float:
    """Weigh an automatic collection inside a window as `decide` does an explicit one.

    Args:
        size: Young objects that the window admitted before it.
        wasted: Seconds that it spent on objects that survived it.
        held: Seconds that holding its garbage cost until then.
    """
    # What is held grows with the square of the size, so this is where both would be equal.
    step = math.sqrt(wasted / held) if held > 0 else GROWTH
    # In this order for what is no number, from a clock that tells none.
    return size * min(GROWTH, max(1 / GROWTH, step))
