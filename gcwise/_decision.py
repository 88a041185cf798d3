"""What was decided and why, as frozen data that can say so in a sentence."""

from __future__ import annotations

import enum

from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._collection import Collection

__all__ = ["Decision", "Reason", "refused"]


class Reason(enum.Enum):
    """Tell why a decision came out as it did.

    The value is the clause that `str(decision)` prints, filled in with the decision's own figures.
    """

    DUE = "keeping them until the next chance costs {debt}, a collection would waste {cost}"
    TRIVIAL = "a collection would waste {cost}, next to nothing since the last one"
    RETURNING = "automatic collection is about to come back and would examine them anyway"
    EXPLORING = "it is not known yet which generation this teardown leaves its garbage in"
    SCHEDULED = "the policy's turn has come"

    NOTHING_NEW = "{candidates} waiting, next to nothing new since the last decision"
    NOT_DUE = "keeping them until the next chance costs only {debt}, a collection wastes {cost}"
    YOUNG_IN_USE = "an older generation is due, and waits for the young, which it would promote"
    OVERHEAD = "fruitless full collections have had their share of the time for now"
    FRUITLESS = "collections here have freed nothing so far"
    NOT_SCHEDULED = "the policy's turn has not come"
    EXCEPTION = "an exception is passing through, and its frames keep their objects alive"
    BUSY = "another collection or decision is under way"
    INACTIVE = "gcwise is switched off"


class Decision(NamedTuple):
    """Tell whether a collection is worth it, of which generation, and why; true when it is.

    `str(decision)` is one plain sentence with numbers and units. Frozen data: keeping one keeps
    nothing of the program's alive, and collects nothing. Figures are estimates, from
    `gc.get_count`, resident memory and what collections at this place have freed.

    Attributes:
        generation: The generation worth collecting: 0, 1 or 2, or None for none.
        reason: Why, one of `Reason`.
        site: The place in the program that the decision is for.
        candidates: Objects that the collection would examine, estimated.
        expected: Objects among them that are expected to be garbage.
        cost: Seconds that the collection would waste on objects that survive it.
        debt: Seconds that keeping the garbage will have cost by the next chance to decide, at the
            policy's price of memory.
        collection: What was done, or None.
    """

    generation: int | None
    reason: Reason
    site: str
    candidates: int
    expected: int
    cost: float
    debt: float
    collection: Collection | None = None

    def __bool__(self) -> bool:
        return self.generation is not None

    def __str__(self) -> str:
        done = self.collection
        if done is not None:
            return f"collected generation {done.generation}: {self._why()}; {_outcome(done)}"
        if self.generation is not None:
            return f"generation {self.generation} is worth collecting: {self._why()}"
        return f"no collection: {self._why()}"

    def _why(self) -> str:
        clause = self.reason.value.format(
            candidates=_objects(self.candidates),
            cost=_seconds(self.cost),
            debt=_seconds(self.debt),
        )
        if self.reason not in _WEIGHED or not self.candidates:
            return clause
        garbage = round(100 * self.expected / self.candidates)
        examined = f"about {_objects(self.candidates)} to examine"
        return f"{examined}, {garbage} % of them expected to be garbage: {clause}"


def refused(reason: Reason, site: str, candidates: int = 0) -> Decision:
    """Return a decision against a collection that nothing had to be weighed for."""
    # Some interpreters count less than nothing at times.
    return Decision(None, reason, site, max(candidates, 0), 0, 0.0, 0.0)


_WEIGHED = frozenset({Reason.DUE, Reason.TRIVIAL, Reason.RETURNING, Reason.NOT_DUE})


def _outcome(done: Collection) -> str:
    memory = "" if not done.memory_freed else f" and {done.memory_freed / 2**20:,.1f} MiB"
    return f"took {_seconds(done.duration)}, freed {_objects(done.collected)}{memory}"


def _objects(number: int) -> str:
    return f"{number:,} object{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:,.1f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} us"
