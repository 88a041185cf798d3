"""Windows over automatic collection: what they hold back, and that all comes back as found."""

import asyncio
import contextlib
import gc
import random
import runpy
import sys
import threading

import pytest

import gcwise
from gcwise import Policy
from gcwise._collector import collector
from gcwise._nursery import Nursery
from gcwise._window import BATCH, LATER, NEVER, NOW, PAUSE, Window
from tests.fakes import ToldRuntime
from tests.interpreters import needs_settings

pytestmark = needs_settings

NOTHING = Policy.never()
WINDOWS = [gcwise.batch, gcwise.paused]
# The largest that an interpreter takes.
MOST = 2**31 - 1

windows = pytest.mark.parametrize("window", WINDOWS, ids=lambda each: each.__name__)


class BoomError(Exception):
    """What goes wrong inside a block."""


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def _settings():
    """Let tests set what they like, with windows that know nothing of earlier tests."""
    enabled, thresholds = gc.isenabled(), gc.get_threshold()
    collector.window.__init__(collector.runtime)
    gc.set_threshold(701, 11, 13)
    yield
    collector.window.reset()
    gc.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()


@pytest.fixture
def no_heap():
    """Take the objects there are out of sight, so that a full collection is cheap and allowed."""
    gc.collect()
    gc.freeze()
    gc.collect()
    yield
    gc.unfreeze()


def settings():
    """Tell all that automatic collection is ruled by."""
    return gc.isenabled(), gc.get_threshold(), list(gc.callbacks)


def is_bounded(thresholds):
    """Tell whether these are a batch's that has learned nothing yet."""
    first, middle, last = thresholds
    return 701 <= first < 2 * 701 and middle in (LATER, NOW) and last == NEVER


def is_paused(thresholds):
    """Tell whether these are a pause's."""
    return thresholds[0] == thresholds[2] == NEVER


def runs():
    """Tell how often each generation has been collected."""
    return [generation["collections"] for generation in gc.get_stats()]


def automatic(number=20_000, *, keep=False):
    """Allocate cycles; tell how often each generation was collected meanwhile."""
    before = runs()
    kept = [Node() for _ in range(number)] if keep else [Node() and None for _ in range(number)]
    after = runs()
    del kept
    return [new - old for old, new in zip(before, after, strict=True)]


class TestRestored:
    """Automatic collection comes back exactly as it was found when the last window closes."""

    @windows
    @pytest.mark.parametrize("enabled", [True, False])
    @pytest.mark.parametrize(
        "thresholds",
        [
            *((700, 10, 10), (2000, 10, 0), (5, 0, 0), (0, 10, 10), (10**9, 1, 2)),
            (2**31 - 1, 2**31 - 1, 2**31 - 1),
        ],
    )
    def test_thresholds_and_switch(self, window, enabled, thresholds):
        """Any thresholds, enabled or disabled, are the same afterwards."""
        gc.set_threshold(*thresholds)
        (gc.enable if enabled else gc.disable)()
        before = settings()

        with window(policy=NOTHING):
            assert gc.isenabled() == enabled

        assert settings() == before

    @windows
    def test_after_an_exception(self, window):
        """An exception closes the window too."""
        before = settings()

        with pytest.raises(BoomError), window():
            raise BoomError

        assert settings() == before

    @windows
    @pytest.mark.parametrize("inner", WINDOWS, ids=lambda each: each.__name__)
    def test_nested(self, window, inner):
        """An inner window's end gives nothing back that the outer one still holds."""
        before = settings()

        with window(policy=NOTHING):
            outer = settings()
            with inner(policy=NOTHING):
                assert settings() != before
            assert settings() == outer

        assert settings() == before

    def test_batch_in_a_pause(self):
        """A batch inside a pause does not let automatic collection back in."""
        with gcwise.paused(policy=NOTHING):
            with gcwise.batch(policy=NOTHING):
                assert automatic() == [0, 0, 0]
            assert automatic() == [0, 0, 0]

    def test_pause_in_a_batch(self):
        """A pause inside a batch stops it, and its end lets the batch's own bound back in."""
        with gcwise.batch(policy=NOTHING):
            with gcwise.paused(policy=NOTHING):
                assert automatic() == [0, 0, 0]
            assert automatic()[0] > 0

    @pytest.mark.parametrize("kinds", [(a, b) for a in WINDOWS for b in WINDOWS])
    def test_first_in_first_out(self, kinds):
        """Windows that overlap without nesting hold until the last of them closes."""
        before = settings()
        first, second = (kind(policy=NOTHING) for kind in kinds)

        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert settings() != before
        second.__exit__(None, None, None)

        assert settings() == before

    def test_pause_outlived_by_a_batch(self):
        """The last pause's end lets the batch's own bound back in, whatever the order."""
        pause, batch = gcwise.paused(policy=NOTHING), gcwise.batch(policy=NOTHING)

        pause.__enter__()
        batch.__enter__()
        assert automatic() == [0, 0, 0]
        pause.__exit__(None, None, None)
        assert automatic()[0] > 0
        batch.__exit__(None, None, None)

    def test_two_pauses(self):
        """One pause's end does not end the other."""
        first, second = gcwise.paused(policy=NOTHING), gcwise.paused(policy=NOTHING)

        with gcwise.batch(policy=NOTHING):
            first.__enter__()
            second.__enter__()
            first.__exit__(None, None, None)
            assert automatic() == [0, 0, 0]
            second.__exit__(None, None, None)

    def test_again_and_again(self):
        """A thousand windows leave nothing behind."""
        before = settings()

        for _ in range(1_000):
            with gcwise.batch(policy=NOTHING), gcwise.paused(policy=NOTHING):
                pass

        assert settings() == before

    def test_changed_between_windows(self):
        """Each window finds what the program has set since the one before."""
        for thresholds in [(100, 1, 1), (3000, 20, 30), (100, 5, 5), (0, 1, 1), (100, 1, 1)]:
            gc.set_threshold(*thresholds)
            with gcwise.batch(policy=NOTHING):
                pass
            assert gc.get_threshold() == thresholds


class TestOverlapping:
    """Threads and tasks whose windows overlap."""

    @pytest.mark.parametrize("kinds", [(a, b) for a in WINDOWS for b in WINDOWS])
    def test_threads(self, kinds):
        """One thread's window outlives the other's, and holds until its own end."""
        before = settings()
        inside, outside = threading.Barrier(2, timeout=10), threading.Event()
        held = []

        def leave_first():
            with kinds[0](policy=NOTHING):
                inside.wait()
            outside.set()

        def leave_last():
            with kinds[1](policy=NOTHING):
                inside.wait()
                outside.wait(10)
                held.append(gc.get_threshold())

        threads = [threading.Thread(target=work) for work in (leave_first, leave_last)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert is_paused(held[0]) if kinds[1] is gcwise.paused else is_bounded(held[0])
        assert settings() == before

    def test_many_threads(self):
        """Threads that open and close as fast as they can leave everything as found."""
        before = settings()
        interval = sys.getswitchinterval()
        errors = []

        def work(seed):
            choose = random.Random(seed)
            for _ in range(300):
                with choose.choice(WINDOWS)(policy=NOTHING):
                    if gc.get_threshold()[2] != NEVER:
                        errors.append(gc.get_threshold())
                    [Node() for _ in range(choose.randrange(20))]

        threads = [threading.Thread(target=work, args=[seed]) for seed in range(4)]
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)

        assert settings() == before

    @windows
    def test_tasks(self, window):
        """Tasks whose blocks span `await` may end in any order."""
        before = settings()

        async def work(entered, leave):
            with window(policy=NOTHING):
                entered.set()
                await leave.wait()

        async def main(order):
            pairs = [(asyncio.Event(), asyncio.Event()) for _ in order]
            tasks = [asyncio.create_task(work(*pair)) for pair in pairs]
            for entered, _ in pairs:
                await entered.wait()
            held = settings()
            for number in order:
                assert settings() == held
                pairs[number][1].set()
                await tasks[number]

        for order in [(0, 1, 2), (2, 1, 0), (1, 0, 2)]:
            asyncio.run(main(order))
            assert settings() == before

    def test_task_cancelled(self):
        """A cancelled task's window closes, another's stays."""
        before = settings()

        async def work(entered):
            with gcwise.paused(policy=NOTHING):
                entered.set()
                await asyncio.sleep(10)

        async def main():
            entered = asyncio.Event()
            with gcwise.batch(policy=NOTHING):
                held = gc.get_threshold()
                task = asyncio.create_task(work(entered))
                await entered.wait()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert gc.get_threshold() == held

        asyncio.run(main())
        assert settings() == before


class TestLost:
    """A window whose scope is gone without an end is closed at the end of another."""

    @windows
    @pytest.mark.parametrize("other", WINDOWS, ids=lambda each: each.__name__)
    def test_dropped(self, window, other):
        """What was begun and then dropped holds until the next block's end."""
        before = settings()
        window(policy=NOTHING).__enter__()
        assert settings() != before

        with other(policy=NOTHING):
            pass

        assert settings() == before

    def test_many(self):
        """However many are lost, one block's end closes all."""
        before = settings()
        for _ in range(10):
            gcwise.batch(policy=NOTHING).__enter__()
            gcwise.paused(policy=NOTHING).__enter__()

        with gcwise.batch(policy=NOTHING):
            pass

        assert settings() == before

    @windows
    def test_kept(self, window):
        """One that somebody still has holds, whatever begins and ends meanwhile."""
        before = settings()
        kept = window(policy=NOTHING)
        kept.__enter__()
        held = settings()

        for _ in range(3):
            gcwise.batch(policy=NOTHING).__enter__()
            with gcwise.batch(policy=NOTHING):
                pass
            assert settings() == held
        kept.__exit__(None, None, None)

        assert settings() == before

    def test_pause_in_a_batch(self):
        """A lost pause stops holding at the end of a batch inside another."""
        with gcwise.batch(policy=NOTHING):
            held = settings()
            gcwise.paused(policy=NOTHING).__enter__()
            assert settings() != held

            with gcwise.batch(policy=NOTHING):
                pass

            assert settings() == held

    @pytest.mark.parametrize("closes", [True, False])
    def test_another_thread_opens_or_closes_one_meanwhile(self, closes):
        """Where they change while looked through, the next end looks again."""

        class Changing(set):
            def __iter__(self):
                if closes:
                    return iter(())
                raise RuntimeError

        runtime = ToldRuntime()
        window = Window(runtime)
        window._batches, open_pauses = Changing(), window._pauses
        window._open = (window._batches, open_pauses)
        window.open(BATCH, object())
        window.open(PAUSE, "scope")
        window.close(PAUSE, "scope")

        assert is_bounded(runtime.thresholds)

    def test_interrupted_end_of_a_pause(self):
        """Where its last steps were missed, the end of a batch in the same batch takes them."""
        with gcwise.batch(policy=NOTHING):
            held = settings()
            with gcwise.paused(policy=NOTHING) as pause:
                collector.window._pauses.remove(pause)
            assert settings() != held

            with gcwise.batch(policy=NOTHING):
                pass

            assert settings() == held

    def test_no_references_are_counted(self, monkeypatch):
        """On PyPy no scope is ever taken for lost."""
        monkeypatch.delattr(sys, "getrefcount")

        module = runpy.run_path(sys.modules[Window.__module__].__file__)
        runtime = ToldRuntime()
        window = module["Window"](runtime)
        window.open(PAUSE, object())
        window.open(BATCH, "scope")
        window.close(BATCH, "scope")

        assert is_paused(runtime.thresholds)


class TestForeign:
    """What other code sets inside a window stays as that code set it."""

    @windows
    @pytest.mark.parametrize("change", [gc.enable, gc.disable])
    @pytest.mark.parametrize("before", [gc.enable, gc.disable])
    def test_switch(self, window, before, change):
        """`gc.enable` and `gc.disable` inside are in force inside and afterwards."""
        before()

        with window(policy=NOTHING):
            change()
            assert gc.isenabled() == (change is gc.enable)

        assert gc.isenabled() == (change is gc.enable)
        assert gc.get_threshold() == (701, 11, 13)

    @windows
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((500,), (500, 11, 13)),
            ((500, 5), (500, 5, 13)),
            ((500, 5, 7), (500, 5, 7)),
            ((0,), (0, 11, 13)),
            ((0, 0, 0), (0, 0, 0)),
            ((701, 11, 13), (701, 11, 13)),
            ((10**6, 10**6, 10**6), (10**6, 10**6, 10**6)),
        ],
    )
    def test_thresholds(self, window, arguments, expected):
        """Thresholds set inside stay; those not given come back as found."""
        with window(policy=NOTHING):
            gc.set_threshold(*arguments)

        assert gc.get_threshold() == expected

    @windows
    def test_in_force_inside(self, window):
        """Thresholds set inside are in force at once, and later windows leave them alone."""
        with window(policy=NOTHING):
            gc.set_threshold(500, 5, 7)
            assert gc.get_threshold() == (500, 5, 7)
            with gcwise.batch(policy=NOTHING):
                assert gc.get_threshold() == (500, 5, 7)
            assert gc.get_threshold() == (500, 5, 7)

        assert gc.get_threshold() == (500, 5, 7)

    @windows
    def test_set_inside_an_inner_window(self, window):
        """What an inner block sets stays for the outer one and afterwards."""
        with gcwise.batch(policy=NOTHING):
            with window(policy=NOTHING):
                gc.set_threshold(500)
            assert gc.get_threshold()[0] == 500

        assert gc.get_threshold() == (500, 11, 13)

    @windows
    @pytest.mark.parametrize("earlier", [0, 500])
    def test_value_of_earlier_days(self, window, earlier):
        """A value that was in force some windows ago is a choice like any other."""
        gc.set_threshold(earlier)
        with window(policy=NOTHING):
            pass
        gc.set_threshold(701)

        with window(policy=NOTHING):
            gc.set_threshold(earlier)

        assert gc.get_threshold() == (earlier, 11, 13)

    @windows
    def test_save_and_restore(self, window):
        """Naive code that saves and restores what it finds inside does no harm."""
        with window(policy=NOTHING):
            saved = gc.get_threshold()
            gc.set_threshold(5, 5, 5)
            gc.set_threshold(*saved)
            assert gc.get_threshold() == saved

        assert gc.get_threshold() == (701, 11, 13)

    def test_exception_after_a_change(self):
        """An exception makes no difference to what other code has set."""

        def work():
            with gcwise.batch():
                gc.set_threshold(500)
                raise BoomError

        with pytest.raises(BoomError):
            work()

        assert gc.get_threshold() == (500, 11, 13)

    @windows
    @pytest.mark.parametrize("own", [(0, 5, 7), (701, 11, 13)])
    @pytest.mark.parametrize("inside", [(), (0,), (500,)])
    def test_middle_generation_gets_its_turn(self, window, own, inside):
        """Where the first is not ours, young collections inside do not move the second for good."""
        gc.set_threshold(*own)

        def collect(times):
            gc.collect(1)
            for _ in range(times):
                gc.collect(0)
                gcwise.maybe_collect(policy=Policy())

        collect(3)
        with window(policy=NOTHING):
            if inside:
                gc.set_threshold(*inside)
            collect(5)

        assert gc.get_threshold() == (*inside, *own[len(inside) :])

    @windows
    def test_found_off_stays_off(self, window):
        """A first threshold of 0 means off: no window turns it on."""
        gc.set_threshold(0)

        with window(policy=NOTHING):
            assert gc.get_threshold()[0] == 0
            assert automatic() == [0, 0, 0]

        assert gc.get_threshold() == (0, 11, 13)

    @windows
    def test_found_disabled_stays_disabled(self, window):
        """Where the program has disabled gc nothing is collected automatically, inside or after."""
        gc.disable()

        with window(policy=NOTHING):
            assert automatic() == [0, 0, 0]

        assert automatic() == [0, 0, 0]

    @windows
    @pytest.mark.parametrize("first", [0, 500])
    @pytest.mark.parametrize("inside", [True, False])
    def test_first_alone(self, window, first, inside):
        """The middle one, which is moved, comes back where only the first one was set."""
        if not inside:
            gc.set_threshold(first)

        with window(policy=NOTHING):
            if inside:
                gc.set_threshold(first)
            collector.window.nursery.turn = True
            gc.collect(0)

        assert gc.get_threshold() == (first, 11, 13)


class TestPaused:
    """A pause really stops automatic collection."""

    def test_control(self):
        """Without it, as many cycles are collected many times."""
        assert automatic()[0] > 10

    def test_nothing_is_collected(self):
        """However much garbage grows inside, no automatic collection runs."""
        with gcwise.paused(policy=NOTHING):
            assert automatic(50_000) == [0, 0, 0]

    def test_naive_code_inside(self):
        """Code that disables and enables gc inside does not end the pause."""
        with gcwise.paused(policy=NOTHING):
            gc.disable()
            assert automatic() == [0, 0, 0]
            gc.enable()
            assert automatic() == [0, 0, 0]

    def test_naive_code_at_the_border(self):
        """Code that disables before and enables inside does not end the pause either."""
        gc.disable()
        with gcwise.paused(policy=NOTHING):
            gc.enable()
            assert automatic() == [0, 0, 0]

        assert gc.isenabled()
        assert automatic()[0] > 0

    def test_explicit_collection_inside(self):
        """An explicit collection inside runs, and changes nothing about the pause."""
        with gcwise.paused(policy=NOTHING):
            gc.collect(0)
            assert automatic() == [0, 0, 0]

    def test_thresholds_set_before_the_pause(self):
        """A pause inside a batch holds against thresholds that were set before it began."""
        with gcwise.batch(policy=NOTHING):
            gc.set_threshold(500)
            with gcwise.paused(policy=NOTHING):
                assert automatic() == [0, 0, 0]

        assert gc.get_threshold() == (500, 11, 13)

    def test_decided_before_it_comes_back(self):
        """The decision falls while automatic collection is still off."""
        thresholds = []

        def look(phase, info):
            thresholds.append((phase, info["generation"], gc.get_threshold()[0]))

        gc.callbacks.append(look)
        try:
            with gcwise.paused(policy=Policy.always(1)):
                automatic()
        finally:
            gc.callbacks.remove(look)

        assert thresholds[:2] == [("start", 1, NEVER), ("stop", 1, NEVER)]


class TestBatch:
    """A batch bounds the young and keeps the oldest generation for gcwise."""

    def test_control(self, no_heap):
        """Without it, the oldest generation is collected automatically."""
        gc.set_threshold(100, 2, 2)

        assert automatic(keep=True)[2] > 0

    def test_oldest_is_left_alone(self, no_heap, monkeypatch):
        """Inside, young and middle are collected automatically, the oldest never."""
        # Beside hundreds of megabytes it would take longer until the middle generation is due.
        monkeypatch.setattr(type(collector.runtime), "resident", lambda *_: (32 * 2**20, False))
        gc.set_threshold(100, 2, 2)

        with gcwise.batch(policy=NOTHING):
            young, middle, old = automatic(300_000)

        assert young > 0
        assert middle > 0
        assert old == 0

    def test_young_are_bounded(self):
        """Garbage does not grow without bound inside one long batch."""
        with gcwise.batch(policy=NOTHING):
            assert automatic(1_000_000)[0] > 0
            assert gc.get_count()[0] < 900_000

    def test_middle_has_its_turn_when_it_is_due(self):
        """The middle generation waits until what has survived in it is worth looking through."""
        with gcwise.batch(policy=NOTHING):
            assert gc.get_threshold()[1] == LATER
            collector.window.nursery.turn = True
            with gcwise.paused(policy=NOTHING):
                pass
            assert automatic()[1] >= 1

    def test_fruitless_collections_inside_raise_the_bound(self):
        """A batch that only builds is collected less and less often."""
        with gcwise.batch(policy=NOTHING):
            kept = [Node() for _ in range(100_000)]
            assert gc.get_threshold()[0] > 2 * 701

        assert gc.get_threshold() == (701, 11, 13)
        del kept

    @windows
    @pytest.mark.parametrize("thresholds", [(MOST, 11, 13), (701, MOST, 13), (MOST, MOST, MOST)])
    def test_largest_thresholds(self, window, thresholds):
        """Those that other code chose so that they are never reached are not exceeded."""
        gc.set_threshold(*thresholds)

        with window(policy=NOTHING):
            gc.collect(0)
            with window(policy=NOTHING):
                pass
        with window(policy=NOTHING):
            assert gc.get_threshold()[2] == NEVER

        assert gc.get_threshold() == thresholds


class InterruptedList(list):
    """A list that says when something was done to it."""

    def __init__(self, done):
        super().__init__()
        self.done = done

    def append(self, entry):
        """Append, and say so."""
        super().append(entry)
        self.done()

    def remove(self, entry):
        """Remove, and say so."""
        super().remove(entry)
        self.done()


class Interrupted(ToldRuntime):
    """A collector with which something happens after a chosen step."""

    def __init__(self):
        super().__init__()
        self.left, self.action = -1, None
        self.callbacks = InterruptedList(self.step)

    def interrupt_at(self, step, action):
        """Do `action` after so many more steps."""
        self.left, self.action = step, action

    def interrupted(self):
        """Tell whether it was done."""
        return self.left < 0

    def step(self):
        """Take a step."""
        self.left -= 1
        if self.left == -1:
            self.action()

    def get_threshold(self):
        """Return the thresholds, and let something happen."""
        found = super().get_threshold()
        self.step()
        return found

    def set_threshold(self, *thresholds):
        """Set all thresholds, and let something happen."""
        super().set_threshold(*thresholds)
        self.step()


@pytest.mark.parametrize("kind", [BATCH, PAUSE])
def test_others_are_those_that_stay_open(runtime, kind):
    """All that are open, but for the one that is about to close."""
    window = Window(runtime)
    assert not window.others(None)
    window.open(kind, "one")
    assert window.others(None)
    assert not window.others(kind)
    window.open(BATCH, "another")
    assert window.others(kind)


class TestBoundFollows:
    """What a window admits follows what was learned of the collections inside."""

    @pytest.fixture
    def runtime(self):
        """Return a collector whose clock stands still."""
        return ToldRuntime()

    def test_window_follows(self, runtime):
        """The first threshold inside a window follows what was learned, and is given back."""
        window = Window(runtime)
        window.open(BATCH, "scope")
        assert is_bounded(runtime.thresholds)

        runtime.young, runtime.now = runtime.thresholds[0] + 1, 1.0
        runtime.callbacks[0]("start", {})
        runtime.now += 1e-3
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 0})

        learned = runtime.thresholds
        assert learned[0] > 2 * 701
        assert learned[2] == NEVER
        window.close(BATCH, "scope")
        assert runtime.thresholds == (701, 11, 13)
        window.open(BATCH, "scope")
        assert runtime.thresholds == learned

    def test_never_below_the_own_threshold(self, runtime):
        """Productive collections do not push it below the program's own threshold."""
        window = Window(runtime)
        window.open(BATCH, "scope")

        runtime.young, runtime.now = 1_000, 1.0
        runtime.callbacks[0]("start", {})
        runtime.now += 1e-5
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 1_000})

        assert window.nursery.size < 701
        assert is_bounded(runtime.thresholds)

    def test_collection_during_a_pause(self, runtime):
        """An explicit collection during a pause does not end it, and teaches nothing."""
        window = Window(runtime)
        window.open(PAUSE, "scope")

        runtime.young = 5_000
        runtime.callbacks[0]("start", {})
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 0})

        assert is_paused(runtime.thresholds)
        assert window.nursery.size == 0

    def test_foreign_threshold_does_not_follow(self, runtime):
        """A first threshold that other code set inside is not overwritten by what was learned."""
        window = Window(runtime)
        window.open(BATCH, "scope")
        runtime.thresholds = (500, LATER, NEVER)

        runtime.young, runtime.now = 501, 1.0
        runtime.callbacks[0]("start", {})
        runtime.now += 1e-3
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 0})

        assert runtime.thresholds[0] == 500
        window.close(BATCH, "scope")
        assert runtime.thresholds == (500, 11, 13)


class TestCallbacks:
    """Entries of `gc.callbacks` that belong to others are kept."""

    @pytest.fixture
    def entry(self):
        """Return an entry of the program's own."""

        def callback(phase, info):
            """Do nothing."""

        gc.callbacks.append(callback)
        yield callback
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(callback)

    @windows
    def test_there_before(self, window, entry):
        """An entry that was there before is there inside and afterwards, in its place."""
        before = list(gc.callbacks)

        with window(policy=NOTHING):
            assert gc.callbacks[: len(before)] == before
            assert len(gc.callbacks) == len(before) + 1

        assert gc.callbacks == before

    def test_nested_windows_add_one_entry(self):
        """One entry serves all windows."""
        before = len(gc.callbacks)

        with gcwise.batch(policy=NOTHING), gcwise.paused(policy=NOTHING), gcwise.batch():
            assert len(gc.callbacks) == before + 1

    @windows
    def test_added_inside(self, window):
        """An entry added inside stays."""

        def callback(phase, info):
            """Do nothing."""

        before = list(gc.callbacks)
        with window(policy=NOTHING):
            gc.callbacks.append(callback)
        after = list(gc.callbacks)
        gc.callbacks.remove(callback)

        assert after == [*before, callback]

    @windows
    def test_removed_inside(self, window, entry):
        """An entry removed inside is gone."""
        with window(policy=NOTHING):
            gc.callbacks.remove(entry)

        assert entry not in gc.callbacks

    @windows
    def test_cleared_inside(self, window):
        """Code that clears the whole list does no harm."""
        saved = list(gc.callbacks)
        try:
            with window(policy=NOTHING):
                gc.callbacks.clear()
            assert gc.callbacks == []
            assert gc.get_threshold() == (701, 11, 13)
        finally:
            gc.callbacks[:] = saved


class TestInTheMiddle:
    """Windows that open where nobody expects them."""

    @windows
    @pytest.mark.parametrize("outer", [contextlib.nullcontext, *WINDOWS])
    @pytest.mark.parametrize("trigger", ["explicit", "automatic"])
    def test_finalizer(self, window, outer, trigger):
        """A finalizer may open and close a window in the middle of a collection."""
        finalized = []

        class Final(Node):
            def __del__(self):
                with window(policy=NOTHING):
                    finalized.append(gc.get_threshold()[2] == NEVER)

        before = settings()
        with outer():
            held = settings()[1]
            Final()
            if trigger == "automatic" and outer is not gcwise.paused:
                automatic()
            gc.collect()
            if trigger == "explicit":
                assert settings()[1] == held

        assert finalized == [True]
        assert settings() == before

    def test_finalizer_that_leaves_a_window_open(self):
        """A window opened by a finalizer and closed later holds until then."""
        opened = gcwise.paused(policy=NOTHING)

        class Final(Node):
            def __del__(self):
                opened.__enter__()

        before = settings()
        with gcwise.batch(policy=NOTHING):
            Final()
            gc.collect()
            assert automatic() == [0, 0, 0]
        assert automatic() == [0, 0, 0]
        opened.__exit__(None, None, None)

        assert settings() == before

    @pytest.mark.parametrize("first", [BATCH, PAUSE])
    @pytest.mark.parametrize("second", [BATCH, PAUSE])
    @pytest.mark.parametrize("step", range(8))
    @pytest.mark.parametrize("stays", [True, False])
    def test_window_between_any_two_steps(self, first, second, step, stays):
        """Wherever opening and closing are interrupted by another window, all ends well."""
        runtime = Interrupted()
        window = Window(runtime)

        def other_window():
            window.open(second, "second")
            if not stays:
                window.close(second, "second")

        runtime.interrupt_at(step, other_window)
        window.open(first, "first")
        window.close(first, "first")

        if stays and runtime.interrupted():
            held = runtime.thresholds
            assert is_paused(held) if second == PAUSE else is_bounded(held)
            assert len(runtime.callbacks) == 1
            window.close(second, "second")
        assert runtime.thresholds == (701, 11, 13)
        assert runtime.callbacks == []

    @pytest.mark.parametrize("step", range(4))
    def test_pause_while_another_begins_or_ends(self, step):
        """A pause that begins while another in a batch begins or ends stops collection."""
        runtime = Interrupted()
        window = Window(runtime)
        window.open(BATCH, "scope")
        runtime.interrupt_at(step, lambda: window.open(PAUSE, "second"))
        window.open(PAUSE, "first")
        window.close(PAUSE, "first")

        assert runtime.interrupted()
        assert is_paused(runtime.thresholds)
        window.close(PAUSE, "second")
        assert is_bounded(runtime.thresholds)
        window.close(BATCH, "scope")
        assert runtime.thresholds == (701, 11, 13)

    @pytest.mark.parametrize("first", [BATCH, PAUSE])
    @pytest.mark.parametrize("second", [BATCH, PAUSE])
    @pytest.mark.parametrize("step", range(8))
    def test_collection_between_any_two_steps(self, first, second, step):
        """Wherever opening and closing are interrupted by a collection, all ends well."""
        runtime = Interrupted()
        window = Window(runtime)

        def fruitless_collection():
            runtime.young = runtime.thresholds[0] + 1
            runtime.now += 1
            for callback in list(runtime.callbacks):
                callback("start", {})
                runtime.now += 1e-3
                callback("stop", {"generation": 0, "collected": 0})

        runtime.interrupt_at(step, fruitless_collection)
        window.open(first, "first")
        window.open(second, "second")
        window.close(first, "first")
        window.close(second, "second")

        assert runtime.thresholds == (701, 11, 13)
        assert runtime.callbacks == []

    @pytest.mark.parametrize("second", [BATCH, PAUSE])
    @pytest.mark.parametrize("stays", [True, False])
    def test_window_while_thresholds_are_worked_out(self, second, stays):
        """A window that opens while the first one works out its thresholds sets none of nowhere."""
        runtime = ToldRuntime()
        window = Window(runtime)
        sizes = []

        class Interrupting(Nursery):
            @property
            def size(self):
                sizes.append(runtime.thresholds)
                if len(sizes) == 1:
                    window.open(second, "second")
                    sizes.append(runtime.thresholds)
                    if not stays:
                        window.close(second, "second")
                return 0.0

            @size.setter
            def size(self, _value):
                """Learn nothing."""

        window.nursery = Interrupting(runtime)
        window.open(BATCH, "scope")
        window.close(BATCH, "scope")
        if stays:
            window.close(second, "second")

        assert not [each for each in sizes if min(each) < 0]
        assert runtime.thresholds == (701, 11, 13)
        assert runtime.callbacks == []

    @pytest.mark.parametrize(("young", "sets"), [(100, 0), (5_000, 1)])
    def test_thresholds_are_set_where_they_change(self, monkeypatch, young, sets):
        """A collection at a batch's end seldom teaches how many to admit."""
        runtime = ToldRuntime()
        window = Window(runtime)
        window.nursery.size = 2_000.0
        window.open(BATCH, "scope")
        done = []
        monkeypatch.setattr(window, "_set", lambda *thresholds: done.append(thresholds))
        runtime.young = young
        runtime.callbacks[0]("start", {})
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 100})
        assert len(done) == sets

    def test_last_window_closes_before_a_change_is_set(self):
        """A thread that sets a changed threshold too late takes it back itself."""

        class Late(ToldRuntime):
            before_setting = None

            def set_threshold(self, *thresholds):
                action, self.before_setting = self.before_setting, None
                if action is not None:
                    action()
                super().set_threshold(*thresholds)

        runtime = Late()
        window = Window(runtime)
        window.open(BATCH, "scope")
        runtime.before_setting = lambda: window.close(BATCH, "scope")
        runtime.young = 5_000  # More than were admitted: how many are, changes.
        runtime.callbacks[0]("start", {})
        runtime.callbacks[0]("stop", {"generation": 0, "collected": 0})

        assert runtime.thresholds == (701, 11, 13)
        assert runtime.callbacks == []

    def test_two_threads_open_the_first_window(self):
        """Two threads that both find no window open leave one entry to remove, or none."""
        both = threading.Barrier(2)

        def meet():
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.2)

        class Meeting(ToldRuntime):
            def get_threshold(self):
                found = super().get_threshold()
                meet()
                return found

        class Callbacks(list):
            def __contains__(self, entry):
                found = super().__contains__(entry)
                meet()
                return found

        runtime = Meeting()
        runtime.callbacks = Callbacks()
        window = Window(runtime)
        threads = [threading.Thread(target=window.open, args=[BATCH, name]) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        both.abort()
        window.close(BATCH, "a")
        window.close(BATCH, "b")

        assert runtime.thresholds == (701, 11, 13)
        assert list(runtime.callbacks) == []

    @pytest.mark.parametrize("earlier", [(0, 5, 7), (500, 5, 7)])
    def test_a_thread_sets_what_was_right_before(self, earlier):
        """Thresholds for what the program had set earlier, set late, are known for a window's."""
        runtime = ToldRuntime()
        runtime.thresholds = earlier
        window = Window(runtime)
        window.open(BATCH, "scope")
        late = runtime.thresholds
        window.close(BATCH, "scope")

        runtime.thresholds = (701, 11, 13)
        window.open(BATCH, "scope")
        runtime.thresholds = late
        window.close(BATCH, "scope")

        assert runtime.thresholds == (701, 11, 13)

    def test_another_thread_removes_the_entry(self):
        """An entry that another thread removes first is no error."""

        class Faster(list):
            def remove(self, entry):
                super().remove(entry)
                super().remove(entry)

        runtime = ToldRuntime()
        runtime.callbacks = Faster()
        window = Window(runtime)
        window.open(BATCH, "scope")
        window.close(BATCH, "scope")

        assert runtime.thresholds == (701, 11, 13)
        assert list(runtime.callbacks) == []

    @pytest.mark.parametrize("kind", [BATCH, PAUSE])
    @pytest.mark.parametrize("nested", [True, False])
    def test_another_copy(self, kind, nested):
        """What another copy of gcwise holds is not taken for thresholds of one's own."""
        runtime = ToldRuntime()
        one, two = Window(runtime), Window(runtime)
        one.open(kind, "scope")
        one.close(kind, "scope")
        runtime.set_threshold(5_003, 7, 9)

        two.open(PAUSE, "scope")
        held = runtime.thresholds
        one.open(kind, "scope")
        if nested:
            one.close(kind, "scope")
            assert runtime.thresholds == held
        two.close(PAUSE, "scope")
        if not nested:
            one.close(kind, "scope")

        assert runtime.thresholds == (5_003, 7, 9)
        assert runtime.callbacks == []

    def test_close_without_open(self):
        """A window from before a fork is closed already: closing it again does nothing."""
        runtime = ToldRuntime()
        window = Window(runtime)
        window.open(PAUSE, "scope")
        window.reset()
        assert runtime.thresholds == (701, 11, 13)

        window.close(PAUSE, "scope")

        assert runtime.thresholds == (701, 11, 13)
        assert runtime.callbacks == []
