"""The moments after a look in which another is not worth its own cost."""

from __future__ import annotations

from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._decision import Decision
    from gcwise._policy import Policy
    from gcwise._runtime import Runtime

__all__ = ["FEW", "QUIET", "Quiet", "Seen"]

# Seconds, as long as resident memory is not read again either, and young objects more.
QUIET, FEW = 5e-3, 200
# No count reaches it.
MOST_YOUNG = 2**31


class Quiet:
    """Tells a scope that next to nothing is new, at the cost of one count and one clock."""

    def __init__(self, runtime: Runtime) -> None:
        self._clock, self._count = runtime.clock, runtime.count
        self._until, self._wakes_at, self._due_at = -1.0, -1, 0.0

    def wake(self) -> None:
        """Let the next scope decide in any case."""
        self._wakes_at = -1

    def expect(self, due_at: float) -> None:
        """Note how many young objects would be due at their pace."""
        self._due_at = min(due_at, MOST_YOUNG)

    def sleep(self, now: float, young: float, own_threshold: int) -> None:
        """Let nobody decide until there are many more young objects, or some time has passed.

        Beyond the program's own threshold a window that closes lets automatic collection examine
        them at once, so that is a reason to decide.
        """
        wakes_at = max(young + FEW, self._due_at)
        if young <= own_threshold:
            wakes_at = min(wakes_at, own_threshold + 1)
        self._wakes_at, self._until = int(wakes_at), now + QUIET

    def skipped(self, policy: Policy | None) -> int | None:
        """Return how many young objects there are if next to nothing is new, else None.

        This is the whole cost of a scope with nothing to do.
        """
        # Locals, because CPython 3.11 is slow to call an attribute of an instance.
        count, clock = self._count, self._clock
        young = count()[0]
        if young < self._wakes_at and policy is None and clock() < self._until:
            return young
        return None


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
