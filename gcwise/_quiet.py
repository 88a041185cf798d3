"""The moments after a look in which another is not worth its own cost."""

from __future__ import annotations

from gcwise._policy import FEW, number_due
from gcwise._prices import OVERHEAD
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gcwise._decision import Decision
    from gcwise._history import History
    from gcwise._policy import Policy
    from gcwise._runtime import Runtime

__all__ = ["QUIET", "Quiet", "Seen"]

# Seconds, as long as resident memory is not read again either.
QUIET = 10e-3
# The moment lasts this share of the time since a look told something new, and no longer than so
# many seconds.
CALM, LONG_QUIET = 0.25, 0.1
# It is news when the young are due at less than this share of what was expected, or no more than it
# of what was expected of them was garbage.
SURPRISE = 0.5
# No count reaches it.
MOST_YOUNG = 2**31


class Quiet:
    """The moment after a look, in which the number of young objects alone tells what to do.

    A look takes 20 us, and five to ten times as long in a program whose own work leaves nothing of
    it in the processor's caches: as long as many a batch's collection. So the moment lasts ever
    longer, until a look tells what that number would not have.
    """

    def __init__(self, runtime: Runtime, history: History, last: Callable[[], bool]) -> None:
        self._last = last
        self._clock, self._count = runtime.clock, runtime.count
        self._places, self._skip_first = history.places, history.skip_first
        self._until, self._wakes_at, self._due_from = -1.0, -1, -1
        self._length, self._news_at = QUIET, runtime.clock()
        self._told = self._older = False
        self._due_at, self._returns_from = 0.0, MOST_YOUNG
        self._held, self._price = 0.0, 0.0

    def wake(self) -> None:
        """Let the next scope look in any case."""
        self._wakes_at, self._due_from, self._until = -1, -1, -1.0

    def tell(self, *, every: bool) -> None:
        """Skip nothing from now on, so that somebody is told of every decision; or skip again."""
        self._told = every
        self.wake()

    def expect(self, held: float, price: float, *, freed: float, kept: float) -> bool:
        """Note at what pace young objects come, and how many would be due at the place that looks.

        Args:
            held: Seconds that holding garbage costs, for one of them times one that came.
            price: Seconds to examine one that survives.
            freed: Garbage among those that come there, for each.
            kept: Others among them that a collection would examine.

        Returns:
            Whether holding has become so much dearer that it is news.
        """
        self._due_at = min(number_due(held * freed, price * kept, OVERHEAD), MOST_YOUNG)
        # No dearer than to be due at once; nothing times for ever is no number.
        held = min(held, OVERHEAD) if held > 0 else 0.0
        news = held * SURPRISE * SURPRISE > self._held
        self._held, self._price = held, price
        return news

    def stir(self, now: float) -> None:
        """Note that something new was seen: the next looks come soon, and then ever later."""
        self._news_at = now
        self._until = min(self._until, now + QUIET)

    def sleep(self, now: float, young: float, own_threshold: int, *, older: bool = False) -> None:
        """Begin the moment; nothing is done in it until there are many more young objects.

        Where an `older` generation waits for them, a look is due then, and not a decision by count.

        Beyond the program's own threshold the last window that closes lets automatic collection
        examine them at once, so that is a reason to act.
        """
        # In this order for what is no number, from a clock that tells none.
        self._length = min(max(QUIET, CALM * (now - self._news_at)), LONG_QUIET)
        self._returns_from = own_threshold + 1 if own_threshold else MOST_YOUNG
        self._until, self._older = now + self._length, older
        self.count_from(young)

    def count_from(self, young: float) -> None:
        """Begin to count anew, and let the moment end when it would."""
        # What is due by now and was let be has its reasons: a few more will not change them.
        due_from = self._due_at if self._due_at >= young + 1 else young + FEW
        self._due_from = -1 if self._told else int(due_from)
        self._wakes_at = min(self._due_from, self._returns_from)

    def holds(self) -> bool:
        """Tell whether the moment lasts, and the number of the young may decide."""
        if self._older:
            return False
        # Not before it began, either: a clock that jumped back would make it last for days.
        return self._until - self._length <= self._clock() < self._until

    def weigh(self, young: int, examined: float, garbage: float) -> tuple[float, float]:
        """Return what collecting so many would waste, and what holding their garbage has cost."""
        return OVERHEAD + (examined - garbage) * self._price, self._held * garbage * young

    def skipped(self, policy: Policy | None, name: str, window: int | None = None) -> int | None:
        """Count a decision, and return the young objects, if next to nothing is new, else None.

        This is the whole cost of a scope with nothing to do. `window` is the kind that is about to
        close there.
        """
        # Locals, because CPython 3.11 is slow to call an attribute of an instance.
        count, clock = self._count, self._clock
        young = count()[0]
        if (
            (young < self._wakes_at or (young < self._due_from and not self._returning(window)))
            and policy is None
            and clock() < self._until
        ):
            try:
                self._places[name].skips += 1
            except KeyError:
                self._skip_first(name)
            return young
        return None

    def _returning(self, window: int | None) -> bool:
        return window is not None and self._last()

    def seen(self, policy: Policy | None) -> int | None:
        """Return what `skipped` does, for a question that is no decision."""
        young = self._count()[0]
        quiet = young < self._due_from and policy is None and self._clock() < self._until
        return young if quiet else None


class Seen(NamedTuple):
    """What the last look found, good for the next few milliseconds if nothing much changes."""

    decision: Decision
    policy: Policy | None
    counts: tuple[int, int, int]
    until: float

    def holds(
        self, name: str, policy: Policy | None, counts: tuple[int, int, int], now: float
    ) -> bool:
        """Tell whether it answers this question, too."""
        young = self.counts[0]
        return (
            # A collection, whoever ran it, changes one of the counts.
            young <= 2 * counts[0] <= 4 * young + FEW
            and counts[1:] == self.counts[1:]
            and now < self.until
            and name == self.decision.site
            and policy is self.policy
        )
