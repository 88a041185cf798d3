"""Scopes as blocks and loops, and what questions share with them: names, misuse, the switch."""

import contextlib
import enum
import gc
import inspect
import math
import os
import subprocess
import sys
import types
import weakref
from collections import deque

import pytest

import gcwise
from gcwise import Policy, Reason, _scope
from gcwise._collector import collector
from gcwise._window import BATCH
from tests.interpreters import needs_counting, needs_generations, needs_settings, real

SPELLINGS = [gcwise.batch, gcwise.collect_after, gcwise.paused, gcwise.teardown]
QUESTIONS = [gcwise.should_collect, gcwise.maybe_collect]

spellings = pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda each: each.__name__)
questions = pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.__name__)


class BoomError(Exception):
    """An exception that can be referred to weakly."""


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


@pytest.fixture
def still():
    """Keep automatic collection out of the test, and start without garbage."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def here(below):
    """Name the line that many lines below the caller's."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + below}"


def runs():
    """Tell how often each generation has been collected."""
    return [generation["collections"] for generation in real.stats()]


def garbage(number):
    """Leave that many dead objects behind, each a cycle of its own."""
    for _ in range(number):
        cycle = []
        cycle.append(cycle)


class TestSites:
    """The site is the name, else file and line of the caller."""

    @spellings
    def test_given_name(self, spelling):
        """A block's site is the name given to it."""
        with spelling("given") as scope:
            pass

        assert scope.decision.site == "given"

    @spellings
    def test_place_of_a_block(self, spelling):
        """A block without a name is called after the file and line that made it."""
        place = here(1)
        with spelling() as scope:
            pass

        assert scope.decision.site == place

    @spellings
    def test_place_with_a_policy(self, spelling):
        """A policy changes nothing about the place."""
        place = here(1)
        with spelling(policy=Policy.never()) as scope:
            pass

        assert scope.decision.site == place

    @questions
    def test_given_name_of_a_question(self, question):
        """A question's site is the name given to it."""
        assert question("asked").site == "asked"

    @questions
    @pytest.mark.parametrize("policy", [None, Policy.never()])
    def test_place_of_a_question(self, question, policy):
        """A question without a name is called after the file and line that asked it."""
        place = here(1)
        decision = question(policy=policy)

        assert decision.site == place

    @questions
    def test_place_of_a_question_with_nothing_new(self, question):
        """The place is right too when next to nothing is new and nothing gets weighed."""
        gc.collect()
        gcwise.maybe_collect("just before")
        place = here(1)
        decision = question()

        assert decision.site == place

    def test_given_name_of_a_loop(self):
        """A loop's site is the name given to it."""
        deque(gcwise.each([1], "test_given_name_of_a_loop", policy=Policy.never()))

        assert "test_given_name_of_a_loop" in collector.sites

    def test_place_of_a_loop(self):
        """A loop without a name is called after the file and line that made it."""
        place = here(1)
        deque(gcwise.each([1], policy=Policy.never()))

        assert place in collector.sites

    def test_a_string_of_a_class_of_its_own(self):
        """Any string serves as a name, of a subclass too."""
        name = type("Name", (str,), {})("special")

        with gcwise.batch(name) as scope:
            pass

        assert scope.decision.site == "special"


class TestDecision:
    """A scope has its decision after its end and after each checkpoint."""

    @spellings
    def test_none_before_the_end(self, spelling):
        """There is no decision before the block's end, and one from then on."""
        scope = spelling("scope")
        assert scope.decision is None

        with scope:
            assert scope.decision is None

        assert isinstance(scope.decision, gcwise.Decision)

    def test_block_returns_the_scope(self):
        """What `as` names is the scope itself."""
        scope = gcwise.batch()

        with scope as named:
            assert named is scope

    @needs_generations
    @spellings
    def test_end_collects_what_the_policy_says(self, spelling):
        """The collection that a decision calls for has been run by the block's end."""
        before = runs()

        with spelling("end", policy=Policy.always(1)) as scope:
            pass

        assert runs()[1] == before[1] + 1
        assert scope.decision.generation == 1
        assert scope.decision.collection.generation == 1

    @needs_generations
    @spellings
    def test_cycles_of_the_block_are_freed(self, spelling, still):
        """Cycles made and dropped inside are gone after the block."""
        with spelling("cycles", policy=Policy.always(0)) as scope:
            dead = weakref.ref(Node())
            assert dead() is not None

        assert dead() is None
        assert scope.decision.collection.collected >= 1

    def test_nothing_new(self, monkeypatch):
        """A block just after a decision is not worth another, and says so with its figures."""
        gc.collect()
        gcwise.maybe_collect("nothing new")
        # However long a busy machine takes from here to there.
        monkeypatch.setattr(collector.quiet, "_until", math.inf)
        before = runs()

        with gcwise.collect_after("nothing new") as scope:
            pass

        assert scope.decision.reason in {Reason.NOTHING_NEW, Reason.NOT_DUE}
        assert not scope.decision
        assert runs() == before

    def test_without_weighing(self, monkeypatch):
        """Where next to nothing is new, the decision is made up from the young objects alone."""
        monkeypatch.setattr("gcwise._scope.skipped", lambda *_: 17)
        monkeypatch.setattr("gcwise._question.skipped", lambda *_: 17)
        monkeypatch.setattr("gcwise._question.seen", lambda _policy: 17)

        with gcwise.batch("skipped") as scope:
            pass
        answers = [question("skipped") for question in QUESTIONS]

        for decision in [scope.decision, *answers]:
            assert decision.generation is None
            assert decision.reason is Reason.NOTHING_NEW
            assert decision.candidates == 17
            assert decision.site == "skipped"

    def test_teardown_is_decided_even_when_nothing_is_new(self, monkeypatch, still):
        """A teardown's garbage is old: that there is nothing young says nothing about it."""
        node = Node()
        gc.collect()
        dead = weakref.ref(node)
        monkeypatch.setattr(collector.quiet, "_wakes_at", sys.maxsize)
        monkeypatch.setattr(collector.quiet, "_until", float("inf"))
        assert collector.quiet.skipped(None, "here") is not None

        with gcwise.teardown("test_teardown_is_decided"):
            del node

        assert dead() is None

    def test_end_raises_and_window_closes(self, monkeypatch):
        """Should a decision ever fail, the window closes all the same."""
        found = real.get_threshold()

        def fail(*_args, **_options):
            raise BoomError

        monkeypatch.setattr(collector, "decide", fail)
        with pytest.raises(BoomError), gcwise.paused(policy=Policy.never()):
            pass

        assert real.get_threshold() == found

    @pytest.mark.parametrize("gone", [True, False])
    def test_end_of_the_interpreter(self, monkeypatch, gone):
        """When the interpreter ends and names are gone, leaving a scope raises nothing."""
        ending = None if gone else types.SimpleNamespace(is_finalizing=lambda: True)
        monkeypatch.setattr(_scope, "sys", ending)
        monkeypatch.setattr(_scope, "skipped", None)

        with gcwise.paused():
            pass


class TestCheckpoint:
    """`checkpoint()` decides in the middle of an open block."""

    @needs_generations
    @spellings
    def test_decides_and_collects(self, spelling, still):
        """A checkpoint returns its decision, keeps it, and frees what is garbage by then."""
        with spelling("loop", policy=Policy.always(0)) as scope:
            dead = weakref.ref(Node())
            decision = scope.checkpoint()
            assert dead() is None
            assert scope.decision is decision
            assert decision.site == "loop"
            assert decision.collection.generation == 0

    @needs_generations
    def test_counts_for_a_schedule(self):
        """Checkpoints and the end count alike: every third of them collects."""
        before = runs()[0]

        with gcwise.batch("test_counts_for_a_schedule", policy=Policy.every(3, 0)) as scope:
            granted = [bool(scope.checkpoint()) for _ in range(5)]

        assert granted == [False, False, True, False, False]
        assert scope.decision
        assert runs()[0] == before + 2

    def test_keeps_the_window_open(self):
        """A checkpoint does not end the block's hold on automatic collection."""
        with gcwise.paused() as scope:
            held = real.get_threshold()[0]
            scope.checkpoint()
            assert real.get_threshold()[0] == held

    @spellings
    def test_before_the_block(self, spelling):
        """A checkpoint before the block says how to open one."""
        with pytest.raises(
            RuntimeError, match=rf"open block, as in with gcwise\.{spelling.__name__}"
        ):
            spelling().checkpoint()

    @spellings
    def test_after_the_block(self, spelling):
        """A checkpoint after the block says how to open one."""
        with spelling() as scope:
            pass

        with pytest.raises(RuntimeError, match="open block"):
            scope.checkpoint()


class TestMisuse:
    """Wrong use gets an error that says what to do."""

    @spellings
    @pytest.mark.parametrize("ended", [False, True])
    def test_entered_twice(self, spelling, ended):
        """A scope serves for one block; a second one is refused, and the first is unharmed."""
        found = real.get_threshold()
        scope = spelling("once", policy=Policy.never())
        with scope:
            if not ended:
                with pytest.raises(RuntimeError, match="already been entered; make a new one"):
                    scope.__enter__()
        if ended:
            with pytest.raises(RuntimeError, match=rf"in with gcwise\.{spelling.__name__}\(\)"):
                scope.__enter__()

        assert real.get_threshold() == found

    @spellings
    def test_left_before_it_was_entered(self, spelling):
        """A block's end without its begin is refused, changes nothing, and spoils no block."""
        found = real.get_threshold()
        scope = spelling("left")

        with pytest.raises(
            RuntimeError, match=rf"has not been entered; .* with gcwise\.{spelling.__name__}\(\)"
        ):
            scope.__exit__(None, None, None)

        assert real.get_threshold() == found
        with scope:
            pass
        assert scope.decision.site == "left"

    @pytest.mark.parametrize("make", [*SPELLINGS, *QUESTIONS], ids=lambda make: make.__name__)
    def test_name_is_no_string(self, make):
        """A number in the name's place is refused, with what was given and what to do."""
        with pytest.raises(
            TypeError, match=r"name must be a string or None, got int: 100; give each place a"
        ) as info:
            make(100)

        assert f'as in gcwise.{make.__name__}("parse")' in str(info.value)

    @pytest.mark.parametrize("make", [*SPELLINGS, *QUESTIONS], ids=lambda make: make.__name__)
    def test_name_is_empty(self, make):
        """Nobody would know the place by it in a report, so it is refused."""
        with pytest.raises(ValueError, match="name must not be empty; leave it out to take the"):
            make("")

    def test_name_of_a_loop_is_empty(self):
        """A loop's name is checked when the loop is made."""
        with pytest.raises(ValueError, match="name must not be empty"):
            gcwise.each([], "")

    def test_name_of_a_loop_is_no_string(self):
        """A loop's name is checked when the loop is made, not when it begins."""
        with pytest.raises(TypeError, match="name must be a string or None, got int: 100"):
            gcwise.each([], 100)

    @pytest.mark.parametrize("make", [gcwise.batch, gcwise.collect_after, gcwise.paused])
    def test_forgotten_parentheses(self, make):
        """A decorator without its parentheses is told about them."""
        with pytest.raises(
            TypeError, match=rf"got function: .*the parentheses, as in @gcwise\.{make.__name__}\(\)"
        ):

            @make
            def function():
                """Never decorated."""

    def test_long_values_are_cut(self):
        """A message shows the beginning of what was given, whatever its size."""
        with pytest.raises(TypeError) as info:
            gcwise.batch(list(range(10_000)))

        assert len(str(info.value)) < 250

    @pytest.mark.parametrize("make", [*SPELLINGS, *QUESTIONS], ids=lambda make: make.__name__)
    def test_policy_is_none(self, make):
        """A policy that is no policy is refused, with the ways to make one."""
        with pytest.raises(
            TypeError, match=r"policy must be a gcwise\.Policy or None, got str: 'x'; make one with"
        ):
            make(policy="x")

    def test_policy_of_a_loop_is_none(self):
        """A loop's policy is checked when the loop is made."""
        with pytest.raises(TypeError, match="policy must be"):
            gcwise.each([], policy="x")

    def test_policy_by_position(self):
        """A policy in the name's place is no name."""
        with pytest.raises(TypeError, match="name must be a string or None, got Policy"):
            gcwise.batch(Policy())

    @pytest.mark.parametrize("wrong", [5, list, None])
    def test_loop_over_no_iterable(self, wrong):
        """`each` says what it loops over and how; a class of iterables is none."""
        with pytest.raises(TypeError, match=r"as in: for item in gcwise\.each") as info:
            gcwise.each(wrong)

        told = f"each() loops over an iterable, got {type(wrong).__name__}: {wrong!r}; "
        assert str(info.value).startswith(told)

    def test_loop_over_a_class(self):
        """A class that is iterable itself is looped over."""
        kind = enum.Enum("kind", "A B")

        assert list(gcwise.each(kind)) == [kind.A, kind.B]

    def test_set_policy(self):
        """What is no policy does not become the policy of the process."""
        before = gcwise.get_policy()

        with pytest.raises(TypeError, match=r"policy must be a gcwise\.Policy, got str: 'x'"):
            gcwise.set_policy("x")

        assert gcwise.get_policy() is before


class TestExceptions:
    """An exception that passes is left alone."""

    @spellings
    def test_passes_unchanged(self, spelling):
        """The very exception comes out, with no cause, context or note added."""
        boom = BoomError("as it was")

        with pytest.raises(BoomError) as info, spelling("passing"):
            raise boom

        assert info.value is boom
        assert boom.args == ("as it was",)
        assert boom.__cause__ is None
        assert boom.__context__ is None
        assert not hasattr(boom, "__notes__")

    @spellings
    @pytest.mark.parametrize("kind", [BoomError, KeyboardInterrupt, StopIteration])
    def test_no_collection(self, spelling, kind):
        """No collection delays it, whatever the policy says; the decision tells why."""
        scope = spelling("passing", policy=Policy.always())
        before = runs()

        with pytest.raises(kind), scope:
            raise kind

        assert runs() == before
        assert scope.decision.reason is Reason.EXCEPTION
        assert not scope.decision
        assert scope.decision.site == "passing"

    @spellings
    def test_restores(self, spelling):
        """Automatic collection comes back as it was found."""
        found = real.get_threshold()

        with pytest.raises(BoomError), spelling():
            raise BoomError

        assert real.get_threshold() == found

    @needs_counting
    @spellings
    def test_nothing_keeps_it_alive(self, spelling, still):
        """Reference counting frees the exception while the scope lives on, and no cycle stays."""
        refs, scopes = [], []

        def fail():
            scopes.append(spelling("passing"))
            with scopes[-1]:
                error = BoomError()
                refs.append(weakref.ref(error))
                try:
                    raise error
                finally:
                    del error

        with contextlib.suppress(BoomError):
            fail()

        assert refs[0]() is None
        assert scopes[0].decision.reason is Reason.EXCEPTION
        assert gc.collect() == 0

    @needs_generations
    @spellings
    def test_no_cycle_without_exception(self, spelling, still):
        """A block, its scope and its decision leave nothing for the collector."""
        with spelling("clean") as scope:
            pass
        str(scope.decision)
        del scope

        assert gc.collect() == 0

    @needs_generations
    @spellings
    def test_generator_exit_is_an_end(self, spelling):
        """A generator closed inside the block has ended as meant, and is decided as usual."""
        scope = spelling("closed", policy=Policy.always(0))

        def numbers():
            with scope:
                yield 1

        generator = numbers()
        next(generator)
        generator.close()

        assert scope.decision.reason is Reason.SCHEDULED
        assert scope.decision.collection.generation == 0


class TestSwitchedOff:
    """Switched off, everything is a no-op and every decision is no."""

    @spellings
    def test_blocks_touch_nothing(self, spelling):
        """Thresholds, callbacks and statistics are the same inside and after."""
        gcwise.set_active(False)
        before = real.get_threshold(), list(real.callbacks), gc.isenabled(), runs()

        with spelling("off", policy=Policy.always()) as scope:
            inside = real.get_threshold(), list(real.callbacks), gc.isenabled(), runs()
            assert scope.checkpoint().reason is Reason.INACTIVE

        assert inside == before
        assert (real.get_threshold(), list(real.callbacks), gc.isenabled(), runs()) == before
        assert scope.decision.reason is Reason.INACTIVE
        assert not scope.decision

    @spellings
    def test_decision_under_an_exception(self, spelling):
        """When an exception passes, the reason is still that gcwise is off."""
        gcwise.set_active(False)
        scope = spelling("off")

        with pytest.raises(BoomError), scope:
            raise BoomError

        assert scope.decision.reason is Reason.INACTIVE

    @questions
    @pytest.mark.parametrize("policy", [None, Policy.always()])
    def test_questions_say_no(self, question, policy):
        """Both questions say no, with that reason, right after the switch as well."""
        question("before")
        gcwise.set_active(False)
        before = runs()

        decision = question("off", policy=policy)

        assert not decision
        assert decision.reason is Reason.INACTIVE
        assert runs() == before

    def test_loop_touches_nothing(self):
        """A loop yields its items and leaves automatic collection alone."""
        gcwise.set_active(False)
        before = real.get_threshold(), runs()

        for item in gcwise.each([1], policy=Policy.always()):
            assert item == 1
            assert (real.get_threshold(), runs()) == before

        assert (real.get_threshold(), runs()) == before

    def test_decorated_function(self):
        """A function decorated before is called plainly."""

        @gcwise.paused()
        def thresholds():
            return real.get_threshold()

        gcwise.set_active(False)

        assert thresholds() == real.get_threshold()

    @needs_settings
    def test_switched_off_inside(self):
        """A window that was opened before the switch closes as usual."""
        found = real.get_threshold()

        with gcwise.paused() as scope:
            gcwise.set_active(False)
            assert real.get_threshold() != found

        assert real.get_threshold() == found
        assert scope.decision.reason is Reason.INACTIVE

    def test_switched_on_inside(self):
        """A block entered while off closes no window of another."""
        gcwise.set_active(False)
        scope = gcwise.paused()
        scope.__enter__()
        gcwise.set_active(True)

        with gcwise.paused():
            held = real.get_threshold()[::2]
            scope.__exit__(None, None, None)
            # The middle one follows the young collections that there were.
            assert real.get_threshold()[::2] == held

    def test_back_on(self):
        """Switched on again, decisions are taken again."""
        gcwise.set_active(False)
        gcwise.set_active(True)

        assert gcwise.is_active()
        assert gcwise.maybe_collect(policy=Policy.always(0))

    @needs_settings
    @pytest.mark.parametrize(("value", "active"), [("0", False), ("1", True), (None, True)])
    def test_environment(self, value, active):
        """`GCWISE_ACTIVE=0` in the environment starts switched off, nothing else does."""
        script = """
import gc, gcwise
before = gc.get_threshold(), gc.callbacks[:]
with gcwise.paused() as scope:
    inside = gc.get_threshold(), gc.callbacks[:]
print(gcwise.is_active(), inside == before, scope.decision.reason.name == "INACTIVE")
"""
        environment = {key: text for key, text in os.environ.items() if key != "GCWISE_ACTIVE"}
        if value is not None:
            environment["GCWISE_ACTIVE"] = value

        said = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

        assert said.split() == [str(active), str(not active), str(not active)]


class TestEach:
    """`each` makes the loop's body a batch."""

    def test_items(self):
        """All items come, in their order."""
        assert list(gcwise.each("abc")) == ["a", "b", "c"]

    def test_lazy(self):
        """Items are taken one by one, as the loop asks for them."""
        source = iter(range(3))

        for item in gcwise.each(source):
            assert item == 0
            break

        assert next(source) == 1

    def test_sequence_of_the_old_protocol(self):
        """Whatever `iter` accepts is an iterable, by `__getitem__` too."""

        class Sequence:
            def __getitem__(self, index):
                return range(3)[index]

        assert list(gcwise.each(Sequence())) == [0, 1, 2]

    @needs_settings
    def test_window(self):
        """One window is open from the first item to the loop's end, and closed afterwards."""
        found = real.get_threshold()
        loop = gcwise.each([1, 2])
        assert real.get_threshold() == found

        inside = [real.get_threshold() for _ in loop]

        assert len(inside) == 2
        assert found not in inside
        assert real.get_threshold() == found

    @needs_generations
    def test_every_body_is_decided(self):
        """As many decisions are taken as there were bodies, the last one included."""
        before = runs()[0]

        deque(gcwise.each(range(5), "test_every_body", policy=Policy.always(0)))

        assert runs()[0] == before + 5
        assert collector.sites["test_every_body"].turns == 5

    def test_empty(self):
        """Without items there is no body, and nothing to decide."""
        found, before = real.get_threshold(), runs()

        deque(gcwise.each([], policy=Policy.always()))

        assert runs() == before
        assert real.get_threshold() == found

    def test_cycles_of_a_body_are_freed(self, still):
        """What a body left behind is gone when the next one begins."""
        refs = []

        for _ in gcwise.each(range(3), policy=Policy.always(0)):
            assert [ref() for ref in refs] == [None] * len(refs)
            refs.append(weakref.ref(Node()))

        assert refs[-1]() is None

    def test_item_that_nobody_keeps(self, still):
        """The loop itself keeps no item alive past its body."""
        loop = gcwise.each((Node() for _ in range(2)), policy=Policy.always(0))

        dead = weakref.ref(next(loop))
        assert dead() is not None
        next(loop)

        assert dead() is None

    def test_nothing_new(self, monkeypatch):
        """A body that left next to nothing costs no decision."""
        monkeypatch.setattr("gcwise._scope.skipped", lambda *_: 3)
        monkeypatch.delattr(collector.__class__, "decide")

        assert list(gcwise.each([1, 2])) == [1, 2]

    @pytest.mark.parametrize("ending", [None, types.SimpleNamespace(is_finalizing=lambda: True)])
    def test_end_of_the_interpreter(self, monkeypatch, ending):
        """When the interpreter ends and names are gone, leaving a loop raises nothing."""
        loop = gcwise.each([1, 2])
        next(loop)
        monkeypatch.setattr(_scope, "close_window", self.fail)
        with monkeypatch.context() as patch:
            patch.setattr(_scope, "sys", ending)
            loop.close()

        loop = gcwise.each([1, 2])
        next(loop)
        with pytest.raises(BoomError):
            loop.close()
        for scope in list(collector.window._batches):
            collector.window.close(BATCH, scope)

    def fail(self, *_arguments):
        """Raise."""
        raise BoomError

    def test_break(self):
        """A loop left early closes its window, and nothing is decided for its last body."""
        found, before = real.get_threshold(), runs()

        for _ in gcwise.each(range(9), policy=Policy.always()):
            break

        assert runs() == before
        assert real.get_threshold() == found

    def test_exception_in_the_body(self):
        """An exception in the body passes unchanged and closes the window."""
        found, before = real.get_threshold(), runs()
        boom = BoomError()

        def work():
            for _ in gcwise.each(range(9), policy=Policy.always()):
                raise boom

        with pytest.raises(BoomError) as info:
            work()

        assert info.value is boom
        assert boom.__context__ is None
        assert runs() == before
        assert real.get_threshold() == found

    def test_exception_in_the_iterable(self):
        """An exception of the iterable itself passes unchanged and closes the window."""
        found, before = real.get_threshold(), runs()
        boom = BoomError()

        def items():
            yield 1
            raise boom

        loop = gcwise.each(items(), policy=Policy.every(2))
        next(loop)
        with pytest.raises(BoomError) as info:
            next(loop)

        assert info.value is boom
        assert runs() == before
        assert real.get_threshold() == found

    @needs_counting
    def test_exception_is_not_kept(self, still):
        """Nothing keeps an exception of the body alive, and no cycle stays."""
        refs = []

        def work():
            for _ in gcwise.each(range(9)):
                error = BoomError()
                refs.append(weakref.ref(error))
                try:
                    raise error
                finally:
                    del error

        with contextlib.suppress(BoomError):
            work()

        assert refs[0]() is None
        assert gc.collect() == 0
