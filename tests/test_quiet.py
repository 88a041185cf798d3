"""The quiet after a look: how long it holds, and what ends it."""

import math

import pytest

from gcwise import Policy, Reason
from gcwise._decision import refused
from gcwise._history import History
from gcwise._policy import FEW
from gcwise._prices import OVERHEAD
from gcwise._quiet import CALM, LONG_QUIET, QUIET, SURPRISE, Quiet, Seen
from gcwise._window import BATCH
from tests.fakes import FakeRuntime

OWN = 10_000


@pytest.fixture
def runtime():
    """Return a simulated heap."""
    return FakeRuntime()


@pytest.fixture
def others():
    """Return the windows that are open besides the one that closes."""
    return set()


@pytest.fixture
def quiet(runtime, others):
    """Return the quiet of a process that has looked at nothing yet."""
    return Quiet(runtime, History(runtime), lambda: not others)


def due_at(quiet, number):
    """Let so many young objects be due, all of them garbage; return whether that is news."""
    held = OVERHEAD / number**2 if number else math.inf
    return quiet.expect(held, 0.0, freed=1.0, kept=0.0)


def test_at_first_there_is_none(quiet):
    """Nothing is known yet."""
    assert quiet.skipped(None, "here") is None


def test_it_ends_with_time(quiet, runtime):
    """Memory may have grown without many objects."""
    quiet.sleep(runtime.now, 0, OWN)
    runtime.spend(QUIET * 0.99)
    assert quiet.skipped(None, "here") == 0
    runtime.spend(QUIET * 0.02)
    assert quiet.skipped(None, "here") is None


@pytest.mark.parametrize(
    ("young", "due", "wakes_at"),
    [
        (0, 0, FEW),
        (5, 5.7, 5 + FEW),
        (0, 50.0, 50),
        (1_000, 1_050.0, 1_050),
        (1_000, 0.0, 1_000 + FEW),
        (1_000, 5_000.0, 5_000),
        (1_000, math.inf, OWN + 1),
        (OWN - 1, 0.0, OWN + 1),
    ],
)
def test_it_ends_with_objects(quiet, runtime, young, due, wakes_at):
    """With a few more, as many as would be due, or more than automatic collection lets be."""
    due_at(quiet, due)
    quiet.sleep(runtime.now, young, OWN)
    runtime.make(wakes_at - 1)
    assert quiet.skipped(None, "here", BATCH) == wakes_at - 1
    runtime.make(1)
    assert quiet.skipped(None, "here", BATCH) is None


@pytest.mark.parametrize("due", [2.0 * OWN, math.inf])
def test_automatic_collection_matters_where_it_comes_back(quiet, runtime, others, due):
    """At the end of the last window, and neither at a checkpoint nor within another window."""
    due_at(quiet, due)
    quiet.sleep(runtime.now, 0, OWN)
    runtime.make(OWN + 1)
    assert quiet.skipped(None, "here", BATCH) is None
    assert quiet.skipped(None, "here") == OWN + 1
    others.add("another")
    assert quiet.skipped(None, "here", BATCH) == OWN + 1


def test_automatic_collection_that_never_comes_does_not_matter(quiet, runtime):
    """A first threshold of 0 switches it off."""
    due_at(quiet, math.inf)
    quiet.sleep(runtime.now, 0, 0)
    runtime.make(OWN)
    assert quiet.skipped(None, "here", BATCH) == OWN


def test_nothing_to_expect_is_no_number_too_large(quiet, runtime):
    """With automatic collection never to come, time alone ends it."""
    due_at(quiet, math.inf)
    quiet.sleep(runtime.now, 0, 2**40)
    runtime.make(2**30)
    assert quiet.skipped(None, "here") == 2**30


def test_it_can_be_ended(quiet, runtime):
    """By new settings, or a wish that was not granted yet."""
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.holds()
    quiet.wake()
    assert quiet.skipped(None, "here") is None
    assert not quiet.holds()


@pytest.mark.parametrize(
    ("due", "wakes_at"), [(0, FEW), (50.0, 50), (5_000.0, 5_000), (math.inf, OWN + 1)]
)
def test_after_a_collection_it_counts_anew(quiet, runtime, due, wakes_at):
    """The next is for as many as would be due, however few, if that is known."""
    due_at(quiet, due)
    quiet.sleep(runtime.now, 100_000, OWN)
    quiet.count_from(0)
    runtime.make(wakes_at - 1)
    assert quiet.skipped(None, "here", BATCH) == wakes_at - 1
    runtime.make(1)
    assert quiet.skipped(None, "here", BATCH) is None
    assert quiet.holds()


class TestNews:
    """What a look tells that the number of young objects would not have."""

    @staticmethod
    def length(quiet, runtime):
        """Return for how long nothing is looked at from now on."""
        quiet.sleep(runtime.now, 0, OWN)
        began = runtime.now
        while quiet.skipped(None, "here") is not None:
            runtime.spend(QUIET / 100)
        return runtime.now - began

    def test_the_longer_ago_the_longer_nothing_is_looked_at(self, quiet, runtime):
        """For a share of that time, and neither shorter nor longer than a look is worth."""
        lengths = {}
        for calm in (0.0, 0.2, 1.0):
            quiet.stir(runtime.now)
            runtime.spend(calm)
            lengths[calm] = self.length(quiet, runtime)

        assert lengths[0.0] == pytest.approx(QUIET, rel=0.02)
        assert lengths[0.2] == pytest.approx(CALM * 0.2, rel=0.02)
        assert lengths[1.0] == pytest.approx(LONG_QUIET, rel=0.02)

    def test_long_moment_holds(self, quiet, runtime):
        """As long as it lasts, and not before it began."""
        runtime.spend(1.0)
        quiet.sleep(runtime.now, 0, OWN)
        runtime.spend(LONG_QUIET * 0.9)
        assert quiet.holds()
        runtime.now -= LONG_QUIET
        assert not quiet.holds()

    def test_what_is_seen_meanwhile_ends_a_long_moment(self, quiet, runtime):
        """It lasts as long from then on as after a look that told it."""
        runtime.spend(1.0)
        quiet.sleep(runtime.now, 0, OWN)
        quiet.stir(runtime.now)
        assert quiet.holds()
        runtime.spend(QUIET * 1.01)
        assert quiet.skipped(None, "here") is None
        assert not quiet.holds()

    def test_being_due_sooner_is_news(self, quiet):
        """The young turn out to be larger, or to come faster."""
        assert due_at(quiet, 1_000)
        assert not due_at(quiet, 1_000 * SURPRISE)
        assert not due_at(quiet, 10_000)
        assert due_at(quiet, 10_000 * SURPRISE - 1)

    def test_another_place_is_no_news(self, quiet):
        """What is garbage there is known of each place."""
        quiet.expect(1e-12, 1e-9, freed=0.1, kept=0.9)
        assert not quiet.expect(1e-12, 1e-9, freed=1.0, kept=0.0)

    def test_clock_that_tells_no_number_lets_it_look_soon(self, quiet):
        """It is not taken for a long calm."""
        quiet.sleep(math.nan, 0, OWN)
        assert quiet._length == QUIET


def test_what_is_held_grows_with_the_square(quiet):
    """And what a collection wastes with the number of those that survive it."""
    quiet.expect(1e-12, 1e-9, freed=0.5, kept=0.5)
    assert quiet.weigh(1_000, 1_000, 500) == pytest.approx((OVERHEAD + 500e-9, 500e-9))
    assert quiet.weigh(2_000, 2_000, 1_000) == pytest.approx((OVERHEAD + 1e-6, 2e-6))
    assert quiet.weigh(2_000, 1_000, 1_000) == pytest.approx((OVERHEAD, 2e-6))
    assert quiet.weigh(0, 0, 0) == (OVERHEAD, 0.0)


def test_while_an_older_one_waits_a_look_decides(quiet, runtime):
    """But no sooner than the young are due."""
    quiet.sleep(runtime.now, 0, OWN, older=True)
    assert not quiet.holds()
    assert quiet.skipped(None, "here") == 0
    runtime.make(FEW)
    assert quiet.skipped(None, "here") is None
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.holds()


def test_another_policy_is_always_asked(quiet, runtime):
    """What holds was decided by the process's own."""
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.skipped(Policy(), "here") is None


class TestSeen:
    """An answer that holds for a moment."""

    COUNTS = (1_000, 2, 3)
    SEEN = Seen(refused(Reason.NOT_DUE, "here"), None, COUNTS, 10.0)

    def test_it_holds(self):
        """While nothing much has changed."""
        assert self.SEEN.holds("here", None, self.COUNTS, 9.0)
        assert self.SEEN.holds("here", None, (1_900, 2, 3), 9.0)

    @pytest.mark.parametrize(
        ("name", "policy", "counts", "now"),
        [
            ("there", None, COUNTS, 9.0),
            ("here", Policy(), COUNTS, 9.0),
            ("here", None, (3_000, 2, 3), 9.0),
            ("here", None, (400, 2, 3), 9.0),
            ("here", None, (1_000, 3, 3), 9.0),
            ("here", None, (1_000, 2, 4), 9.0),
            ("here", None, COUNTS, 10.0),
        ],
    )
    def test_it_holds_no_longer(self, name, policy, counts, now):
        """Another place, policy, number of objects or collection, or too late."""
        assert not self.SEEN.holds(name, policy, counts, now)


def test_a_question_sees_the_same(quiet, runtime):
    """It is told what a decision would be, policy and all, and is not counted."""
    assert quiet.seen(None) is None
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.seen(None) == quiet.skipped(None, "here") == 0
    assert quiet.seen(Policy()) is None
    assert quiet._places["here"].skips == 1


def test_nothing_is_skipped_while_every_decision_is_told(quiet, runtime):
    """Whoever listens hears of all of them."""
    quiet.tell(every=True)
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.holds()
    assert quiet.skipped(None, "here") is None
    quiet.count_from(0)
    assert quiet.skipped(None, "here") is None
    quiet.tell(every=False)
    quiet.sleep(runtime.now, 0, OWN)
    assert quiet.skipped(None, "here") == 0
