"""What was counted at each place, and the table of it."""

import gc
import json
import platform
import threading

import pytest

import gcwise
from gcwise import Policy, Reason
from gcwise._collection import Collection
from gcwise._collector import collector
from gcwise._decision import Decision, refused
from gcwise._history import MOST_PLACES, OTHERS, History
from gcwise.testing import SimulatedRuntime, forced, simulated
from tests.interpreters import needs_generations


@pytest.fixture
def runtime():
    """Return a simulated heap that gcwise decides over."""
    with simulated() as simulation:
        yield simulation


def place(name):
    """Return what the report says of one place."""
    return next(each for each in gcwise.report().places if each.site == name)


class TestCounted:
    """Every decision is counted once, and every collection."""

    def test_nothing_yet(self, runtime):
        """There are no places, and the totals are nothing."""
        report = gcwise.report()

        assert report.places == ()
        assert report.total.decisions == 0
        assert report.total.efficiency == 0
        assert report.others == ((0, 0), (0, 0), (0, 0))

    def test_collections(self, runtime):
        """By generation, with what they examined, freed and took, and their share of the time."""
        runtime.make(50_000)
        runtime.spend(0.1)
        decision = gcwise.maybe_collect("job")
        runtime.spend(0.4)

        told = place("job")
        assert decision.collection is not None
        assert told.decisions == 1
        assert told.collections == (1, 0, 0)
        assert told.candidates == told.collected == 50_000
        assert told.efficiency == 1
        assert told.duration == pytest.approx(decision.collection.duration)
        assert told.share == pytest.approx(told.duration / runtime.now)
        assert told.not_collected == {}
        assert gcwise.report().total == told._replace(site="total")

    def test_memory_freed(self, runtime):
        """Where it was measured."""
        runtime.make(150_000, 150 * 2**20)
        runtime.spend(0.1)
        decision = gcwise.maybe_collect("job", policy=Policy())

        assert place("job").memory_freed == decision.collection.memory_freed or 0
        history = History(runtime)
        done = Collection(0, 10, 10, 0, 1e-3, 4096)
        for _ in range(2):
            history.decided(Decision(0, Reason.DUE, "job", 10, 10, 0.0, 0.0, done))
        assert history.places["job"].memory_freed == 2 * 4096

    def test_reasons_for_none(self, runtime):
        """Each has its number, the skipped ones included."""
        gcwise.maybe_collect("job")
        for _ in range(5):
            gcwise.maybe_collect("job")
        with pytest.raises(ZeroDivisionError), gcwise.batch("job"):
            raise ZeroDivisionError

        told = place("job")
        assert told.decisions == 7
        assert sum(told.not_collected.values()) == 7
        assert told.not_collected[Reason.NOTHING_NEW] == 5
        assert told.not_collected[Reason.EXCEPTION] == 1

    @pytest.mark.parametrize(
        "decide",
        [
            lambda: gcwise.batch("job").__enter__().__exit__(None, None, None),
            lambda: gcwise.maybe_collect("job"),
            lambda: list(gcwise.each([1], "job")),
            gcwise.teardown("job")(lambda: None),
            lambda: gcwise.paused("job").__enter__().checkpoint(),
        ],
        ids=["batch", "maybe_collect", "each", "teardown", "checkpoint"],
    )
    def test_every_spelling(self, runtime, decide):
        """However it is asked, it is one decision, skipped or not."""
        for times in (1, 2, 3):
            decide()
            assert place("job").decisions == times

    def test_questions_are_not(self, runtime):
        """They change nothing, the report included."""
        gcwise.should_collect("look")
        gcwise.should_collect("look", policy=Policy.always())

        assert gcwise.report().places == ()

    def test_switched_off(self, runtime):
        """Nothing is decided then."""
        gcwise.set_active(False)
        gcwise.maybe_collect("job")
        with pytest.raises(ZeroDivisionError), gcwise.batch("job"):
            raise ZeroDivisionError

        assert gcwise.report().places == ()

    def test_trials(self, runtime):
        """A teardown's trial is one decision, and as many collections as it ran."""
        with gcwise.teardown("close"):
            runtime.make(10_000)
            runtime.spend(1.0)

        told = place("close")
        assert told.decisions == 1
        assert sum(told.collections) == len(runtime.collections) > 1
        assert told.collected == 10_000

    def test_scheduled(self, runtime):
        """Fixed schedules count like any other."""
        policy = Policy.every(3, generation=1)
        for _ in range(7):
            gcwise.maybe_collect("step", policy=policy)

        told = place("step")
        assert told.collections == (0, 2, 0)
        assert told.not_collected == {Reason.NOT_SCHEDULED: 5}

    def test_others(self, runtime):
        """Collections that gcwise did not run are told apart from those that it did."""
        runtime.make(1_000)
        runtime.collect(1)
        with forced(True):
            gcwise.maybe_collect("job")

        assert gcwise.report().others == ((0, 0), (1, 1_000), (0, 0))
        assert gcwise.report().total.collections == (0, 0, 1)

    def test_reset(self, runtime):
        """Counting begins anew, and what was learned stays."""
        runtime.make(1_000)
        runtime.collect(0)
        gcwise.maybe_collect("job")
        runtime.spend(1.0)
        sites = dict(collector.sites)
        gcwise.reset()

        assert gcwise.report() == gcwise.report()._replace(places=(), elapsed=0.0)
        assert gcwise.report().others == ((0, 0), (0, 0), (0, 0))
        assert collector.sites == sites
        gcwise.maybe_collect("job")
        assert place("job").decisions == 1

    def test_threads(self):
        """Each thread's decisions are counted."""
        threads = [
            threading.Thread(target=lambda: [gcwise.maybe_collect("thread") for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        # A thread that is stopped between reading and writing loses what others count meanwhile,
        # which may be all that they do; CPython hardly ever stops one there.
        fewest = 1_900 if platform.python_implementation() == "CPython" else 2
        assert fewest <= place("thread").decisions <= 2_000

    @needs_generations
    def test_real(self):
        """With the real collector the figures are those that it tells."""
        gc.collect()
        gcwise.reset()
        for _ in range(100):
            [].append(node := [])
            node.append(node)
        del node
        decision = gcwise.maybe_collect("real", policy=Policy.always(1))
        gc.collect(0)

        told = place("real")
        assert told.collections == (0, 1, 0)
        assert told.collected == decision.collection.collected >= 100
        assert gcwise.report().others[0][0] >= 1


class TestBounded:
    """However many places there are, only so many are counted one by one."""

    @pytest.fixture
    def full(self):
        """Return a history that knows as many places as it may."""
        history = History(SimulatedRuntime())
        for number in range(MOST_PLACES):
            history.decided(refused(Reason.NOT_DUE, str(number)))
        return history

    def test_others(self, full):
        """All that come later are counted as one."""
        for number in range(3):
            full.decided(refused(Reason.BUSY, f"new {number}"))
            full.collected(f"new {number}", Collection(0, 10, 5, 0, 1e-3, None))
            full.skip_first(f"new {number}")

        assert len(full.places) == MOST_PLACES + 1
        assert full.places[OTHERS].reasons == {Reason.BUSY: 3}
        assert full.places[OTHERS].collections == [3, 0, 0]
        assert full.places[OTHERS].skips == 3

    def test_known(self, full):
        """Those that were there before go on being counted."""
        full.skip_first("7")
        full.decided(refused(Reason.NOT_DUE, "7"))

        assert full.places["7"].skips == 1
        assert full.places["7"].reasons == {Reason.NOT_DUE: 2}


class TestShown:
    """The table, and the data."""

    @pytest.fixture
    def report(self, runtime):
        """Return a report of three places."""
        runtime.make(50_000, 50 * 2**20)
        runtime.spend(0.1)
        gcwise.maybe_collect("parse", policy=Policy())
        for _ in range(1_500):
            gcwise.maybe_collect("/a/long/way/to/the/file/of/some/deep/package/module.py:31")
        with pytest.raises(ZeroDivisionError), gcwise.batch("x"):
            raise ZeroDivisionError
        runtime.collect(2)
        runtime.spend(1.4)
        return gcwise.report()

    def test_table(self, report):
        """Columns are aligned, long names keep their ends, and reasons have their own lines."""
        lines = str(report).splitlines()
        figures = [line for line in lines[1:-1] if not line.startswith("  not collected")]

        assert [len(line) for line in figures] == [len(lines[0])] * 4
        assert figures[0].split() == [
            *("parse", "1", "1", "0", "0", "50,000", "100", "%", "0.005", "0.3", "%"),
            f"{report.places[0].memory_freed / 2**20:,.1f}",
        ]
        assert lines[2].startswith("...") or lines[3].startswith("...")
        assert "package/module.py:31 " in str(report)
        assert "not collected: nothing_new" in str(report)
        assert lines[-1].startswith(
            "in 1.5 s; meanwhile automatic gc and other code ran 1 collections"
        )
        assert "(1 of generation 2), which freed 0 objects" in lines[-1]

    def test_dearest_first(self, report):
        """Places that spent most time collecting come first."""
        durations = [each.duration for each in report.places]

        assert durations == sorted(durations, reverse=True)

    def test_nothing(self, runtime):
        """An empty report is a table, too."""
        assert "total" in str(gcwise.report())
        assert "ran 0 collections, which" in str(gcwise.report())

    def test_as_dict(self, report):
        """It is what JSON can carry, and says the same."""
        data = json.loads(json.dumps(report.as_dict()))

        assert data["elapsed"] == report.elapsed
        assert data["total"]["decisions"] == report.total.decisions
        assert data["others"][2] == {"collections": 1, "collected": 0}
        parse = data["places"][0]
        assert parse["site"] == "parse"
        assert parse["collections"] == [1, 0, 0]
        assert parse["efficiency"] == 1.0
        assert data["total"]["not_collected"]["exception"] == 1
