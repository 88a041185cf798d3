"""The one stateful object: keeps the books and the sites, decides and collects."""

from __future__ import annotations

import os
from collections import OrderedDict

from gcwise._books import Books
from gcwise._collection import Inherited, collect, in_turn, total_of
from gcwise._decision import Decision, Reason, refused
from gcwise._history import History
from gcwise._policy import (
    Outlook,
    Policy,
    Verdict,
    decide,
    held_cost,
    overhead_of,
    pressure,
    weight_of,
)
from gcwise._quiet import QUIET, SURPRISE, Quiet, Seen
from gcwise._runtime import Runtime, kind
from gcwise._site import Site
from gcwise._trimmer import Trimmer
from gcwise._window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._collection import Collection

__all__ = ["Collector", "collector"]

# What is learned is kept for this many sites.
MOST_SITES = 4096
# Why the next look is to come soon, if it is about an older generation than the number of the young
# can decide on.
AWAITED = (Reason.DUE, Reason.OVERHEAD, Reason.YOUNG_IN_USE)


class Collector:
    """Decides for the whole process; a scope asks it once, at its end.

    Only one thread looks at a time and the others let it be: nothing here waits for another.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.history = History(runtime)
        self.window = Window(runtime)
        self.quiet = Quiet(runtime, self.history, self.window.last)
        self.active = os.environ.get("GCWISE_ACTIVE") != "0"
        self.policy = Policy()
        # In place of all policies, while a test forces the decisions.
        self.forced: Policy | None = None
        self.begin(runtime)

    def begin(self, runtime: Runtime) -> None:
        """Begin to learn, over this interpreter or what stands for one."""
        self.runtime = runtime
        self._inherited, self._trimmer = Inherited(runtime), Trimmer(runtime)
        self.sites: OrderedDict[str, Site] = OrderedDict()
        # Where each collection examines all the heap, the number of the young tells nothing.
        self._by_count = 0 in runtime.choices
        self._reset()

    def _reset(self) -> None:
        self._books = Books(self.runtime, self.window)
        self._ledger = self._books.ledger
        # Who asks to look; the first may, across gc.collect(), and the others never wait for it: a
        # finalizer that comes back here, or a second thread, finds itself behind and goes on. A
        # lock would be lost to a signal handler that raises between its acquiring and the `try`.
        self._claims: list[object] = []
        self.quiet.wake()
        self.quiet.stir(self.runtime.clock())
        self._seen: Seen | None = None

    def configure(self, policy: Policy | None = None, *, active: bool | None = None) -> None:
        """Set the process-wide policy, or switch decisions on or off."""
        self.policy = policy or self.policy
        self.active = self.active if active is None else active
        self.quiet.wake()
        self._seen = None

    def passing(self, name: str) -> Decision:
        """Decide nothing, for an exception is passing through."""
        return self.history.decided(refused(Reason.EXCEPTION, name))

    def after_fork(self) -> None:
        """Give a forked child free locks, a process handle of its own and fresh baselines."""
        self.runtime.reset()
        self.window.reset()
        frozen = self._ledger.frozen
        self._reset()
        self._ledger.frozen = frozen
        self._inherited.forked()

    def froze(self) -> None:
        """Take in that no collection examines any more what there is now."""
        self._ledger.frozen = self._ledger.resident

    def end(
        self, name: str, policy: Policy | None, window: int | None = None, most: int = 2
    ) -> Decision:
        """Decide at the end of a batch: in the moment after a look by count, else by a look."""
        if self.active and policy is None and self._by_count and self.quiet.holds():
            return self.history.decided(self._go_by_count(name, window))
        return self.decide(name, policy, window=window, most=most)

    def decide(
        self,
        name: str,
        policy: Policy | None = None,
        *,
        window: int | None = None,
        teardown: bool = False,
        most: int = 2,
    ) -> Decision:
        """Decide at site `name` and collect if it is worth it.

        Args:
            name: The site.
            policy: The price of memory there.
            window: The kind of window that is about to close there.
            teardown: Whether an object graph was just taken apart there.
            most: The oldest generation that may be collected.
        """
        if not self.active:
            return refused(Reason.INACTIVE, name)
        policy, most = self.forced or policy or self.policy, self.runtime.at_most(most)
        if policy.period is not None:
            return self.history.decided(self._scheduled(name, policy, most))
        if self._inherited.resting():
            return self.history.decided(refused(Reason.BUSY, name))
        # Before the claim: reading lets other threads run, and they want to decide meanwhile.
        resident, _ = self.runtime.resident(self.runtime.clock())
        claims, claim = self._claims, object()
        try:
            claims.append(claim)
            if claims[0] is not claim:
                decision = refused(Reason.BUSY, name)
            else:
                decision = self._claimed(name, policy, resident, window, most, teardown=teardown)
        finally:
            claims.remove(claim)
        done = decision.collection
        if policy.trim and done is not None:
            # Outside the claim, too, for it may take as long as a collection.
            freed = self._trimmer.after(done, resident) + (done.memory_freed or 0)
            decision = decision._replace(collection=done._replace(memory_freed=freed))
        return self.history.decided(decision)

    def _claimed(
        self,
        name: str,
        policy: Policy,
        resident: int,
        window: int | None,
        most: int,
        *,
        teardown: bool,
    ) -> Decision:
        self._seen = None
        site = self._site(name) if teardown else self._place(name, window)
        self._books.observe(site, resident)
        if teardown:
            return self._teardown(name, site, policy)
        return self._act(self._weigh(name, policy, window, most), site)

    def _go_by_count(self, name: str, window: int | None) -> Decision:
        """Let the number of young objects decide; the next look notices what is done here."""
        young = max(self.runtime.count()[0], 0)
        site = self._place(name, window)
        examined = young * site.tracked
        expected = examined * site.efficiency
        cost, debt = self.quiet.weigh(young, examined, expected)
        figures = name, round(examined), round(expected), cost, debt
        if debt >= cost:
            reason = Reason.DUE
        elif self.window.returning(window, young):
            reason = Reason.RETURNING
        else:
            self.quiet.count_from(young)
            return Decision(None, Reason.NOTHING_NEW, *figures)
        done = self._collect(name, 0, figures[1])
        if done is None:
            return Decision(None, Reason.BUSY, *figures)
        site.saw(young, done.collected)
        self.quiet.count_from(0)
        if reason is Reason.DUE and done.collected < SURPRISE * expected:
            self.quiet.stir(self.runtime.clock())
        return Decision(0, reason, *figures, done)

    def look(self, name: str, policy: Policy | None = None) -> Decision:
        """Return what `decide` would act on now."""
        seen = self._seen
        if seen is not None and seen.holds(
            name, policy, self.runtime.count(), self.runtime.clock()
        ):
            return seen.decision
        if not self.active:
            return refused(Reason.INACTIVE, name)
        chosen = self.forced or policy or self.policy
        if chosen.period is not None:
            return self._on_schedule(name, chosen, self._site(name).turns + 1, 2)
        if self._inherited.resting():
            return refused(Reason.BUSY, name)
        resident, _ = self.runtime.resident(self.runtime.clock())
        claims, claim = self._claims, object()
        try:
            claims.append(claim)
            if claims[0] is not claim:
                return refused(Reason.BUSY, name)
            site = self._place(name, None)
            young = self._books.observe(site, resident)
            decision = self._weigh(name, chosen)
            if decision.generation is not None:
                self._books.looked = (site, decision.generation, young)
            self._seen = Seen(decision, policy, self.runtime.count(), self._ledger.read_at + QUIET)
            return decision
        finally:
            claims.remove(claim)

    def _collect(self, name: str, generation: int, candidates: int) -> Collection | None:
        if self._inherited.resting():
            return None
        done = collect(self.runtime, generation, candidates)
        if done is None:
            self._inherited.missed()
        else:
            self.history.collected(name, done)
        return done

    def _place(self, name: str, window: int | None) -> Site:
        """Return what is known of a place: apart for the time while other windows are open."""
        site = self.sites.get(name) or self._site(name)
        return site.among() if self.window.others(window) else site

    def _site(self, name: str) -> Site:
        # Without a lock: a finalizer in a forked child would wait forever for one that was held by
        # a thread of the parent. Each call here is atomic.
        sites = self.sites
        site = sites.get(name)
        if site is None:
            site = sites.setdefault(name, Site())
            if len(sites) > MOST_SITES:
                sites.popitem(last=False)
        else:
            try:  # noqa: SIM105  # Its context manager would take as long as all the rest here.
                sites.move_to_end(name)
            except KeyError:
                pass  # Another thread has just forgotten it.
        return site

    def _weigh(
        self,
        name: str,
        policy: Policy,
        window: int | None = None,
        most: int = 2,
        *,
        told: bool = False,
    ) -> Decision:
        ledger, short = self._ledger, self._pressure(policy)
        outlooks = ledger.outlooks()
        gap, weight = ledger.next_gap(), weight_of(policy, short)
        verdict = decide(
            outlooks,
            gap=gap,
            weight=weight,
            old_allowed=ledger.old_allowed(overhead_of(policy, short)),
            returning=self._by_count and self.window.returning(window, int(ledger.young)),
            told=told,
            most=most,
        )
        # A wish stays awake until it is granted: looking at it must not silence it.
        if policy is self.policy:
            older = verdict.generation != 0 and verdict.reason in AWAITED
            if self._expect(outlooks[0], weight) or older or short > 0:
                self.quiet.stir(ledger.read_at)
            if verdict.generation is None:
                self._sleep(ledger.young, older=verdict.reason is Reason.YOUNG_IN_USE)
            else:
                self.quiet.wake()
        number = self.runtime.choices[0] if verdict.generation is None else verdict.generation
        outlook = outlooks[2 if verdict.reason is Reason.OVERHEAD else number]
        return _decision(name, verdict, outlook, held_cost(outlook, gap, weight))

    def _expect(self, young: Outlook, weight: float) -> bool:
        """Note at what pace the young come; tell whether it is news."""
        came = max(self._ledger.young, 1.0)
        garbage = max(young.expected, self._ledger.generations[0].efficiency)
        # Half of the time on average, as they came bit by bit.
        held = young.share * self._books.seconds_of(self._ledger.young) / 2 * weight
        return self.quiet.expect(
            held / (garbage * came),
            self._ledger.prices.seconds.young + self._ledger.aged(1),
            freed=garbage / came,
            kept=max(young.candidates - garbage, 0.0) / came,
        )

    def _sleep(self, young: float, *, older: bool = False) -> None:
        if self.policy.period is None:  # Else each decision counts.
            threshold = self.window.own_threshold()
            self.quiet.sleep(self._ledger.read_at, young, threshold, older=older)

    def _pressure(self, policy: Policy) -> float:
        limit = policy.memory_limit or self.runtime.memory_limit()
        return pressure(self._ledger.resident, limit)

    def _act(self, decision: Decision, site: Site, *, told: bool = False) -> Decision:
        self._ledger.decided()
        if decision.generation is None:
            return decision
        done = self._run(decision, decision.generation, site, told=told)
        if done is None:
            return decision._replace(generation=None, reason=Reason.BUSY)
        self._sleep(0)
        return decision._replace(collection=done)

    def _run(
        self, decision: Decision, generation: int, site: Site, *, told: bool
    ) -> Collection | None:
        """Collect, and learn from it."""
        before = self._ledger.resident
        done = self._collect(decision.site, generation, decision.candidates)
        return done and self._books.settle(done, site, before, told=told)

    def _on_schedule(self, name: str, policy: Policy, turn: int, most: int) -> Decision:
        if not policy.period or turn % policy.period:
            return refused(Reason.NOT_SCHEDULED, name)
        generation = min(self.runtime.at_least(policy.generation), most)
        return refused(Reason.SCHEDULED, name)._replace(generation=generation)

    def _scheduled(self, name: str, policy: Policy, most: int) -> Decision:
        decision = self._on_schedule(name, policy, self._site(name).turn(), most)
        if decision.generation is None:
            return decision
        # No claim: the schedule is exact even while another thread decides, and what it did is
        # noticed later, like anybody's collection.
        done = self._collect(name, decision.generation, self.runtime.count()[0])
        if done is None:
            return decision._replace(generation=None, reason=Reason.BUSY)
        return decision._replace(candidates=done.candidates, collection=done)

    def _teardown(self, name: str, site: Site, policy: Policy) -> Decision:
        oldest = self._ledger.old_allowed(overhead_of(policy, self._pressure(policy)))
        if site.wants_trial(oldest=oldest):
            return self._try_all(name, site, policy, oldest=oldest)
        self._ledger.hint(site)
        decision = self._act(self._weigh(name, policy, told=True), site, told=True)
        if decision.collection is not None:
            site.confirm(decision.expected, decision.collection.collected)
        elif decision.reason is Reason.NOT_DUE and site.fruitless:
            return decision._replace(reason=Reason.FRUITLESS)
        return decision

    def _try_all(self, name: str, site: Site, policy: Policy, *, oldest: bool) -> Decision:
        decision = self._weigh(name, policy)
        self._ledger.decided()
        choices = self.runtime.choices
        tried = choices if oldest else choices[:-1]
        if not tried:
            return decision._replace(generation=None, reason=Reason.OVERHEAD)
        trials = in_turn(
            tried, sum(site.yields), lambda each: self._run(decision, each, site, told=True)
        )
        if trials is None:
            return decision._replace(generation=None, reason=Reason.BUSY)
        freed = [0] * (tried[-1] + 1)
        for done in trials:
            freed[done.generation] = done.collected
        total = total_of(trials)
        share = total.collected * site.object_bytes / self._ledger.resident
        site.learn_trial(freed, share)
        self.quiet.stir(self._ledger.read_at)
        self._sleep(0)
        return decision._replace(
            generation=total.generation, reason=Reason.EXPLORING, collection=total
        )


def _decision(name: str, verdict: Verdict, outlook: Outlook, debt: float) -> Decision:
    return Decision(
        verdict.generation,
        verdict.reason,
        name,
        round(outlook.candidates),
        round(outlook.expected),
        outlook.cost,
        debt,
    )


if "collector" not in globals():
    # A reload keeps it: windows may be open, and its hook cannot be taken back.
    collector = Collector(kind()())

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=collector.after_fork)
