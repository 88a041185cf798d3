"""How much automatic collection inside a window lets be, learned from each that comes."""

from __future__ import annotations

from gcwise._ledger import MIDDLE_EFFICIENCY, Generation
from gcwise._policy import EXAMINING, FREEING, OBJECT_BYTES, resize_nursery
from gcwise._quiet import LONG_QUIET
from gcwise._runtime import READ_INTERVAL
from gcwise._site import YOUNG_EFFICIENCY, relearn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._runtime import Runtime

__all__ = ["Nursery"]

# Before an automatic collection looks for garbage it may take half as much as there is resident
# memory, and half of what the memory limit leaves.
MOST_GARBAGE = 0.5
# Young objects in use that a collection of the middle generation may promote past it, of those
# waiting in it: one in ten, as by CPython's own middle threshold.
MOST_ALONG = 0.1
# A batch gets room for so many times the objects that one before it had at its end.
ROOM = 2


class Nursery:
    """The young objects that a window admits, and what has survived in it until its turn comes.

    Attributes:
        size: Young objects that the next automatic collection waits for.
        turn: Whether it is to examine the middle generation along with them.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.size, self.turn = 0.0, False
        # Young objects being collected; share of garbage among the last, and, where a collection
        # came by itself, among those before.
        self._young, self._garbage, self._efficiency = 0, 0.0, YOUNG_EFFICIENCY
        self._started = self._ended = self._settled_at = runtime.clock()
        # Of those since then: young objects, how many of them were freed, and seconds.
        self._lot = 0, 0, 0.0
        # As last seen, the bytes that a young object took by then, and the young examined since.
        self._resident, self._object_bytes, self._made = 0, float(OBJECT_BYTES), 0
        self._times = self._examined = 0
        # Of those inside, since one that did not come by itself.
        self._promoted = self._freed = 0
        self._middle, self._yielded = Generation(MIDDLE_EFFICIENCY, self._ended), False

    def take(self) -> tuple[int, int]:
        """Return how many collections there were since the last call, and of how many young."""
        taken = self._times, self._examined
        self._times = self._examined = 0
        return taken

    def started(self) -> None:
        """Read what the collection, about to begin, is going to examine."""
        self._young = self._runtime.count()[0]
        self._started = self._runtime.clock()

    def stopped(self, generation: int, admitted: int, collected: int) -> bool:
        """Learn from a collection that came because `admitted` young objects were exceeded.

        Returns:
            Whether size and turn may have changed.
        """
        young, ended = self._young, self._runtime.clock()
        waited, self._ended = max(0.0, self._started - self._ended), ended
        seconds = max(0.0, ended - self._started)
        self._times += 1
        self._examined += young
        self._made += young
        if generation:
            self._start_anew(collected, ended)
            return True
        self._garbage = min(collected / max(young, 1), 1.0)
        lot = self._lot
        self._lot = lot[0] + young, lot[1] + collected, lot[2] + seconds
        inside = 0 < admitted < young  # And not somebody's explicit collection.
        room = 0.0 if inside or not admitted else self._room()
        if not inside and room <= self.size and ended - self._settled_at < LONG_QUIET:
            # What follows takes as long as many an explicit collection.
            return False
        resident, object_bytes = self._memory(ended, READ_INTERVAL if inside else LONG_QUIET)
        left = self._runtime.memory_limit() - resident
        most = MOST_GARBAGE * max(min(resident, left), 0) / object_bytes
        if inside:
            self._interrupted(collected, young)
            # What is garbage now was made bit by bit since the last collection.
            held = collected * object_bytes / resident * waited / 2
            wasted = _wasted(young, collected, seconds)
            self.size = min(resize_nursery(admitted, wasted=wasted, held=held), most)
        else:
            self.size = max(self.size, min(room, most))
        self._survive(waited, resident, object_bytes, left=left)
        return True

    def _memory(self, now: float, age: float) -> tuple[int, float]:
        """Return resident memory, no older than so many seconds, and the bytes of a young object.

        Reading it may take as long as an explicit collection, to which it matters less.
        """
        resident, fresh = self._runtime.resident(now, age)
        if fresh or resident != self._resident:
            grown = resident - (self._resident or resident)
            self._object_bytes = max(OBJECT_BYTES, grown / max(self._made, 1))
            self._resident, self._made = resident, 0
        return resident, self._object_bytes

    def _interrupted(self, collected: int, young: int) -> None:
        self._efficiency = relearn(self._efficiency, self._garbage)
        self._promoted += max(young - collected, 0)
        self._freed += collected

    def _room(self) -> float:
        """Return room for batches like the one that ends, 0 where it was well interrupted."""
        vain, had = self._freed <= self._promoted, self._promoted + self._young
        self._promoted = self._freed = 0
        return ROOM * had if vain else 0.0

    def _survive(self, waited: float, resident: float, object_bytes: float, *, left: float) -> None:
        """Add what has survived the last young collections, and see whether it is due."""
        middle, (young, freed, seconds) = self._middle, self._lot
        survivors = max(young - freed, 0)
        if not self._yielded:
            # As in the ledger: what has survived more is no more likely to be garbage.
            middle.efficiency = min(middle.efficiency, self._efficiency)
        middle.objects += survivors
        middle.size += survivors * object_bytes
        elapsed = max(0.0, self._started - self._settled_at)
        middle.accrue(middle.size * middle.efficiency, resident, elapsed)
        # What examining these has taken tells best what examining all of them would.
        cost = _wasted(young, freed, seconds) * middle.objects / max(survivors, 1)
        due = middle.debt + middle.share * waited >= cost
        # The young in use go along into the oldest generation, and die there at the batch's end.
        along = self.size * (1 - self._efficiency)
        due = due and along <= MOST_ALONG * middle.objects
        # And before what it may hold runs memory out.
        self.turn = middle.objects >= 1 and (due or middle.size >= MOST_GARBAGE * left)
        self._begin_lot(self._ended)

    def _start_anew(self, collected: int, now: float) -> None:
        """Learn from a collection of the middle generation, which leaves nothing in it."""
        middle = self._middle
        # Of the young along with it as large a share will have been garbage as last time.
        found = max(collected - self._young * self._garbage, 0)
        self._yielded = self._yielded or found >= 1
        middle.learn(found, told=False)
        middle.clear(now)
        self.turn = False
        self._promoted = self._freed = 0
        self._begin_lot(now)

    def _begin_lot(self, now: float) -> None:
        self._lot, self._settled_at = (0, 0, 0.0), now


def _wasted(young: int, freed: int, seconds: float) -> float:
    """Return the seconds of a collection that went into objects that survived it.

    It is split by usual prices: how dear it was for its number says more of caches.
    """
    examining, freeing = max(young - freed, 0) * EXAMINING, freed * FREEING
    return seconds * examining / max(examining + freeing, EXAMINING)
