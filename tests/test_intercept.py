"""Everybody's `gc.collect()` while it is a request, and after."""

import functools
import gc
import inspect
import subprocess
import sys
import threading

import pytest

import gcwise
from gcwise import Policy, Reason
from gcwise._collector import collector
from gcwise._intercept import _place
from gcwise.testing import forced, recorded
from tests.interpreters import needs_generations

genuine = gc.collect


@pytest.fixture(autouse=True)
def _put_back():
    """See that each test leaves `gc.collect` as it was."""
    yield
    found, gc.collect = gc.collect, genuine
    _place.__init__()
    assert found is genuine


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


def other_library(*arguments):
    """Call blindly."""
    return gc.collect(*arguments)


class TestCalls:
    """What a call comes to."""

    def test_blind_calls_are_decided(self):
        """Where nothing is to be gained, they collect nothing and say 0."""
        gc.collect()
        with gcwise.intercept():
            results = [other_library() for _ in range(50)]

        total = gcwise.report().total
        assert total.decisions == 50
        assert sum(total.collections) < 10
        assert results[-1] == 0

    @needs_generations
    def test_result(self):
        """A call that collects returns the unreachable objects that it found."""
        gc.collect()
        with gcwise.intercept(), forced(True):
            for _ in range(100):
                Node()
            assert other_library() >= 100
            assert other_library() == 0

    @needs_generations
    @pytest.mark.parametrize("generation", [0, 1, 2])
    def test_generation_is_an_upper_bound(self, generation):
        """Even where an older one would be collected."""
        with gcwise.intercept(), forced(True), recorded() as decisions:
            other_library(generation)
            gc.collect(generation=generation)

        assert [each.generation for each in decisions] == [generation] * 2

    def test_callers_are_named(self):
        """Each place that calls is a place of the report."""
        with gcwise.intercept():
            other_library()
            other_library()
            gc.collect()
        names = {each.site: each.decisions for each in gcwise.report().places}

        line = inspect.getsourcelines(other_library)[1] + 2
        assert names[f"{__file__}:{line} gc.collect()"] == 2
        assert len(names) == 2

    def test_hooks_hear_of_them(self):
        """They are decisions like any other."""
        with gcwise.intercept(), recorded() as decisions:
            other_library()

        assert len(decisions) == 1
        assert decisions[0].reason is not Reason.INACTIVE

    @pytest.mark.parametrize(
        ("arguments", "error"), [((3,), ValueError), ((-1,), ValueError), (("x",), TypeError)]
    )
    @needs_generations
    def test_what_gc_refuses(self, arguments, error):
        """It is refused as without."""
        with pytest.raises(error) as plain:
            gc.collect(*arguments)
        with gcwise.intercept(), pytest.raises(error) as intercepted:
            gc.collect(*arguments)

        assert str(intercepted.value) == str(plain.value)
        with gcwise.intercept(), pytest.raises(TypeError):
            gc.collect(0, 1)

    def test_switched_off(self):
        """While gcwise is switched off, calls are let through."""
        before = gc.get_stats() if hasattr(gc, "get_stats") else None
        gcwise.set_active(False)
        with gcwise.intercept():
            node = Node()
            del node
            other_library()

        assert gcwise.report().total.decisions == 0
        if before is not None:
            assert gc.get_stats() != before

    def test_gcwise_itself(self):
        """Its own collections are not requests."""
        with gcwise.intercept(), forced(True), recorded() as decisions:
            gcwise.maybe_collect("own")

        assert [each.site for each in decisions] == ["own"]
        assert decisions[0].collection is not None

    @needs_generations
    def test_schedule(self):
        """A schedule for the process holds for them, too, up to their generation."""
        gcwise.set_policy(Policy.every(2))
        with gcwise.intercept(), recorded() as decisions:
            for _ in range(4):
                other_library(1)

        assert [each.generation for each in decisions] == [None, 1, None, 1]


class TestUndone:
    """What was found comes back."""

    def test_block(self):
        """At its end, also by an exception."""
        with pytest.raises(ZeroDivisionError), gcwise.intercept():
            raise ZeroDivisionError(gc.collect is not genuine)

        assert gc.collect is genuine

    def test_call(self):
        """A call alone lasts until it is closed, once or more often."""
        interception = gcwise.intercept()
        assert gc.collect is not genuine
        interception.close()
        interception.close()

        assert gc.collect is genuine

    def test_looks_like_it(self):
        """The stand-in has its name, and takes what it takes."""
        with gcwise.intercept():
            assert (gc.collect.__name__, gc.collect.__module__) == ("collect", "gc")
            assert list(inspect.signature(gc.collect).parameters) == ["generation"]

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
    def test_nested(self, order):
        """The last that ends puts it back, in whatever order."""
        interceptions = [gcwise.intercept() for _ in range(3)]
        for number in order:
            assert gc.collect is not genuine
            interceptions[number].close()

        assert gc.collect is genuine

    def test_patched_before(self):
        """Somebody else's patch that was there is what comes back."""
        patch = gc.collect = functools.partial(genuine)
        with gcwise.intercept():
            assert gc.collect is not patch

        assert gc.collect is patch
        gc.collect = genuine

    def test_patched_over(self, monkeypatch):
        """Somebody else's patch stays, and what it calls lets every call through."""
        with gcwise.intercept():
            below = gc.collect
            patch = gc.collect = lambda *arguments: below(*arguments)  # noqa: PLW0108  # Theirs.
        assert gc.collect is patch
        gc.collect()
        assert gcwise.report().total.decisions == 0

        # Begun again, it is there already; and their end brings it to light, to be put back.
        with gcwise.intercept():
            assert gc.collect is patch
            gc.collect()
            assert gcwise.report().total.decisions == 1
            gc.collect = below
        assert gc.collect is genuine

    def test_put_back_by_somebody_else(self):
        """Where the genuine one was put back meanwhile, the next interception begins anew."""
        with gcwise.intercept():
            gc.collect = genuine
            other_library()
            assert gcwise.report().total.decisions == 0
            with gcwise.intercept():
                other_library()
        assert gc.collect is genuine
        assert gcwise.report().total.decisions == 1

    def test_kept_by_somebody(self):
        """What took the stand-in for good goes on to collect."""
        with gcwise.intercept():
            kept = gc.collect
        with pytest.MonkeyPatch.context() as patch:
            calls = []
            patch.setattr(_place, "found", lambda generation: calls.append(generation) or 7)
            assert kept(1) == 7
        assert calls == [1]

    def test_a_thread_was_held_up(self):
        """What it saw of others' interceptions is out of date; never is ours taken for genuine."""
        with gcwise.intercept():
            _place._installed = False
            with gcwise.intercept():
                assert other_library(0) >= 0
        assert _place.found is genuine
        assert gc.collect is genuine

    def test_another_begins_as_the_last_ends(self, monkeypatch):
        """Its calls are intercepted, and what was found is put back at its end."""
        first = gcwise.intercept()
        begun = []

        class Opened(set):
            def __bool__(self):
                last = not len(self)
                if last and not begun:
                    begun.append(object())
                    self.add(begun[0])
                return not last

        monkeypatch.setattr(_place, "open", Opened(_place.open))
        first.close()
        assert begun
        assert gc.collect is not genuine
        _place.close(begun[0])
        assert gc.collect is genuine

    def test_threads(self):
        """Interceptions that begin and end in threads leave nothing behind."""

        def work():
            for _ in range(200):
                with gcwise.intercept():
                    other_library(0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert gc.collect is genuine


def test_at_exit():
    """A program that ends with an interception on ends as usual."""
    code = (
        "import atexit, gc, gcwise\n"
        "gcwise.intercept()\n"
        "class Late:\n    def __del__(self, gc=gc): gc.collect()\n"
        "late = Late(); late.me = late\n"
        "atexit.register(gc.collect)\n"
        "print('done')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "done", "")


def test_finalizer():
    """A finalizer that calls inside a collection gets 0, as from gc itself."""
    results = []

    class Late:
        def __init__(self):
            self.me = self

        def __del__(self):
            results.append(gc.collect())

    with gcwise.intercept(), forced(True):
        Late()
        other_library()
        genuine()
    assert results == [0]
    assert collector.forced is None
