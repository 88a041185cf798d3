"""Scopes as decorators: every kind of function, as if the block were around the call."""

import asyncio
import contextlib
import functools
import gc
import inspect
import pickle
import subprocess
import sys
import threading
import weakref

import pytest

import gcwise
from gcwise import Policy, Reason
from gcwise._collector import collector
from gcwise._decorate import decorate, qualified_name
from tests.interpreters import needs_counting, needs_generations, needs_settings, real

SPELLINGS = [gcwise.batch, gcwise.collect_after, gcwise.paused, gcwise.teardown]
YOUNG = Policy.always(0)

spellings = pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda each: each.__name__)
arguments_are_dropped = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before 3.11 the caller's frame still holds the arguments"
)

pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
def still():
    """Keep automatic collection out of the test, and start without garbage."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class BoomError(Exception):
    """An exception that can be referred to weakly."""


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


class Journal:
    """A scope that takes note of its begin and end."""

    def __init__(self):
        self.events = []

    def __call__(self):
        """Stand for a fresh scope."""
        return self

    def __enter__(self):
        self.events.append("begin")

    def __exit__(self, kind, error, traceback):
        self.events.append("end" if kind is None else kind.__name__)


@gcwise.batch(policy=YOUNG)
def of_the_module(number):
    """Stand where pickle finds it."""
    return number + 1


def counted(name):
    """Tell how many decisions on a schedule a site has had."""
    return collector.sites[name].turns


class TestFunction:
    """`def` functions."""

    @spellings
    def test_result(self, spelling):
        """Arguments go in and the result comes out as without the decorator."""

        @spelling("result")
        def function(first, *rest, key, **options):
            return first, rest, key, options

        assert function(1, 2, 3, key=4, more=5) == (1, (2, 3), 4, {"more": 5})

    @spellings
    def test_decided_after_the_frame_is_gone(self, spelling):
        """A cycle that only the function's own variables name is freed at its end."""

        @spelling(policy=YOUNG)
        def function():
            node = Node()
            return weakref.ref(node)

        assert function()() is None

    @arguments_are_dropped
    @spellings
    def test_arguments_are_collectable(self, spelling):
        """Arguments that only the call held are freed at its end."""

        @spelling(policy=YOUNG)
        def function(argument, *, named):
            return weakref.ref(argument), weakref.ref(named)

        refs = function(Node(), named=Node())

        assert [ref() for ref in refs] == [None, None]

    @spellings
    def test_result_survives(self, spelling):
        """What the function returns is alive after the collection at its end."""

        @spelling(policy=YOUNG)
        def function():
            return Node()

        assert function().me

    def test_exception(self):
        """An exception passes unchanged, and nothing is collected for it."""
        boom = BoomError()
        dead = []

        @gcwise.batch(policy=YOUNG)
        def function():
            dead.append(weakref.ref(Node()))
            raise boom

        with pytest.raises(BoomError) as info:
            function()

        assert info.value is boom
        assert boom.__context__ is None
        assert dead[0]() is not None

    @needs_counting
    @spellings
    def test_exception_is_not_kept(self, spelling):
        """Nothing keeps the exception, its frames or the arguments alive, and no cycle stays."""
        refs = []

        @spelling()
        def function(*arguments):
            refs.extend(map(weakref.ref, arguments))
            error = BoomError()
            refs.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error

        class Argument:
            """An object that can be referred to weakly."""

        gc.collect()
        with contextlib.suppress(BoomError):
            function(Argument(), Argument())

        assert [ref() for ref in refs] == [None] * 3
        assert gc.collect() == 0

    @needs_generations
    @spellings
    def test_call_leaves_no_cycle(self, spelling):
        """A call leaves nothing for the collector."""

        @spelling()
        def function(*arguments):
            return arguments

        gc.collect()
        function(1, 2)

        assert gc.collect() == 0

    def test_recursion(self):
        """Each call has a scope of its own, those inside it too."""

        @gcwise.batch("test_recursion", policy=YOUNG)
        def depth(number):
            return 1 + depth(number - 1) if number else 0

        assert depth(5) == 5
        assert counted("test_recursion") == 6

    @needs_settings
    def test_threads(self):
        """Calls that overlap in threads have a scope each."""
        inside = threading.Barrier(3, timeout=10)
        found = real.get_threshold()

        @gcwise.batch("test_threads", policy=YOUNG)
        def function(results):
            inside.wait()
            results.append(real.get_threshold() != found)
            inside.wait()

        results = []
        threads = [threading.Thread(target=function, args=[results]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert results == [True] * 3
        assert counted("test_threads") == 3
        assert real.get_threshold() == found

    def test_stacked(self):
        """Decorators on one function are scopes within each other."""

        @gcwise.teardown("test_stacked: outer", policy=YOUNG)
        @gcwise.batch("test_stacked: inner", policy=YOUNG)
        def function():
            return 1

        assert function() == 1
        assert counted("test_stacked: outer") == counted("test_stacked: inner") == 1

    def test_one_scope_for_many_functions(self):
        """A scope decorates as many functions as one likes."""
        scope = gcwise.batch("test_one_scope", policy=YOUNG)
        first, second = scope(lambda: 1), scope(lambda: 2)

        assert first() + second() == 3
        assert counted("test_one_scope") == 2
        assert scope.decision is None

    def test_built_in(self):
        """Functions that are written in C are functions too."""
        assert gcwise.batch()(len)("abc") == 3

    def test_closed_over(self):
        """The wrapper's only own cells are the function and what makes its scope."""
        wrapper = gcwise.batch()(lambda: None)

        assert sorted(wrapper.__code__.co_freevars) == ["func", "scope"]


class TestTeardown:
    """`teardown` decorates bare and called."""

    def test_bare(self):
        """Bare, the site is the function's name."""
        gcwise.set_policy(YOUNG)

        @gcwise.teardown
        def close():
            return weakref.ref(Node())

        assert close()() is None
        assert counted(f"{__name__}.TestTeardown.test_bare.<locals>.close") == 1

    def test_called_with_nothing(self):
        """Called without arguments, the site is the function's name as well."""

        @gcwise.teardown(policy=YOUNG)
        def close():
            return weakref.ref(Node())

        assert close()() is None
        assert counted(f"{__name__}.TestTeardown.test_called_with_nothing.<locals>.close") == 1

    def test_called_with_a_name(self):
        """Called with a name, that is the site."""

        @gcwise.teardown("test_called_with_a_name", policy=YOUNG)
        def close():
            return 1

        assert close() == 1
        assert counted("test_called_with_a_name") == 1

    def test_bare_on_methods(self):
        """Bare on methods, class methods and static methods, in either order."""
        gcwise.set_policy(YOUNG)

        class Pool:
            @gcwise.teardown
            def close(self):
                return "method", type(self)

            @gcwise.teardown
            @classmethod
            def close_class(cls):
                return "class", cls

            @classmethod
            @gcwise.teardown
            def close_class_inside(cls):
                return "class", cls

            @gcwise.teardown
            @staticmethod
            def close_static():
                return "static"

        assert Pool().close() == ("method", Pool)
        assert Pool.close_class() == Pool.close_class_inside() == ("class", Pool)
        assert Pool().close_static() == Pool.close_static() == "static"
        place = f"{__name__}.TestTeardown.test_bare_on_methods.<locals>.Pool"
        names = ["close", "close_class", "close_class_inside", "close_static"]
        assert [counted(f"{place}.{name}") for name in names] == [1, 1, 1, 2]

    def test_bare_with_a_policy(self):
        """The function by position and a policy beside it are a decorator too."""
        close = gcwise.teardown(lambda: weakref.ref(Node()), policy=YOUNG)

        assert close()() is None

    @pytest.mark.parametrize("value", [42, ["close"], b"close"])
    def test_misuse(self, value):
        """What is neither a name nor a function is refused with what to do."""
        with pytest.raises(TypeError, match=r"name must be a string or None, got .*; give each"):
            gcwise.teardown(value)


class TestSite:
    """The site of a decorated function is the given name, else its qualified name."""

    @spellings
    def test_given_name(self, spelling):
        """A given name goes before the function's."""
        name = f"TestSite: {spelling.__name__}"
        spelling(name, policy=YOUNG)(lambda: 1)()

        assert counted(name) == 1

    @spellings
    def test_qualified_name(self, spelling):
        """Without a name it is module and qualified name, not the line of the decorator."""

        @spelling(policy=YOUNG)
        def function():
            return spelling

        function()

        assert f"{__name__}.TestSite.test_qualified_name.<locals>.function" in collector.sites

    def test_of_a_method(self):
        """A method's name tells its class."""
        assert qualified_name(Node.__init__) == f"{__name__}.Node.__init__"
        assert qualified_name(Node().__init__) == f"{__name__}.Node.__init__"

    def test_of_class_and_static_methods(self):
        """Class and static methods are called as the function inside."""
        assert qualified_name(classmethod(of_the_module)) == f"{__name__}.of_the_module"
        assert qualified_name(staticmethod(of_the_module)) == f"{__name__}.of_the_module"

    def test_of_a_partial(self):
        """A partial is called as its function."""
        assert qualified_name(functools.partial(of_the_module, 1)) == f"{__name__}.of_the_module"

    def test_of_a_callable_object(self):
        """A callable object is called as its class."""
        assert qualified_name(Journal()) == f"{__name__}.Journal"

    def test_of_a_built_in(self):
        """A built-in function has a module as well."""
        assert qualified_name(len) == "builtins.len"

    def test_without_a_module(self):
        """A method written in C has no module; its type's stands in."""
        assert qualified_name([].append) == "builtins.list.append"


class TestCoroutine:
    """`async def` functions."""

    @spellings
    def test_result(self, spelling):
        """Awaiting it gives the result."""

        @spelling()
        async def function(first, *, key):
            await asyncio.sleep(0)
            return first, key

        assert inspect.iscoroutinefunction(function)
        assert asyncio.run(function(1, key=2)) == (1, 2)

    @spellings
    def test_decided_after_the_frame_is_gone(self, spelling):
        """A cycle of its own variables is freed at its end, across `await`."""

        @spelling(policy=YOUNG)
        async def function():
            node = Node()
            await asyncio.sleep(0)
            return weakref.ref(node)

        async def main():
            return (await function())()

        assert asyncio.run(main()) is None

    @arguments_are_dropped
    def test_arguments_are_collectable(self):
        """Arguments that only the call held are freed at its end."""

        @gcwise.batch(policy=YOUNG)
        async def function(argument, *, named):
            await asyncio.sleep(0)
            return weakref.ref(argument), weakref.ref(named)

        async def main():
            refs = await function(Node(), named=Node())
            return [ref() for ref in refs]

        assert asyncio.run(main()) == [None, None]

    def test_never_awaited(self):
        """A coroutine that is never awaited opens nothing."""
        journal = Journal()

        async def function():
            """Do nothing."""

        decorate(function, journal)().close()

        assert journal.events == []

    @needs_settings
    def test_window_lasts_across_await(self):
        """The window is open while the coroutine is suspended."""
        found = real.get_threshold()

        @gcwise.paused()
        async def function(suspended, go_on):
            suspended.set()
            await go_on.wait()

        async def main():
            suspended, go_on = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(function(suspended, go_on))
            await suspended.wait()
            held = real.get_threshold()
            go_on.set()
            await task
            return held, real.get_threshold()

        held, after = asyncio.run(main())
        assert held[::2] == (2**31 - 619, 2**31 - 619)
        assert after == found

    def test_exception(self):
        """An exception passes unchanged."""
        boom, journal = BoomError(), Journal()

        async def function():
            raise boom

        with pytest.raises(BoomError) as info:
            asyncio.run(decorate(function, journal)())

        assert info.value is boom
        assert journal.events == ["begin", "BoomError"]

    def test_cancelled(self):
        """A cancelled task's window closes, and nothing is decided."""
        journal = Journal()

        async def main():
            task = asyncio.create_task(decorate(asyncio.sleep, journal)(10))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        asyncio.run(main())

        assert journal.events == ["begin", "CancelledError"]


def summing():
    """Add up what is sent, survive a ValueError, and return the total."""
    total = 0
    try:
        while total < 100:
            try:
                total += (yield total) or 1
            except ValueError as error:  # noqa: PERF203  # It is the point.
                total += error.args[0]
        return total
    finally:
        total = -1


def failing():
    """Yield once and fail."""
    yield 1
    raise BoomError


GENERATOR_STEPS = {
    "next": ["next", "next", "next"],
    "send": ["next", ("send", 10), ("send", 20)],
    "exhausted": ["next", ("send", 100), "next"],
    "send at first": [("send", 10), "next"],
    "throw, caught": ["next", ("throw", ValueError(5)), "next"],
    "throw, not caught": ["next", ("throw", KeyError(5)), "next"],
    "throw at first": [("throw", ValueError(5)), "next"],
    "throw after the end": ["next", ("send", 100), ("throw", KeyError(5))],
    "close": ["next", "close", "next", "close"],
    "close at first": ["close", "next"],
    "throw GeneratorExit": ["next", ("throw", GeneratorExit()), "next"],
}


def outcome(error):
    """Tell an exception by type and arguments."""
    return type(error).__name__, error.args


def driven(generator, steps):
    """Tell what each step answered or raised."""
    log = []
    for step in steps:
        name, *arguments = step if isinstance(step, tuple) else (step,)
        method = {"next": "__next__"}.get(name, name)
        try:
            log.append((name, getattr(generator, method)(*arguments)))
        except BaseException as error:  # noqa: BLE001  # Whatever comes is compared.
            log.append((name, outcome(error)))
    return log


class TestGenerator:
    """Generator functions."""

    @pytest.mark.parametrize("steps", GENERATOR_STEPS.values(), ids=GENERATOR_STEPS)
    @pytest.mark.parametrize("body", [summing, failing], ids=lambda body: body.__name__)
    def test_protocol(self, body, steps):
        """Every step answers as without the decorator."""
        decorated = gcwise.batch()(body)

        assert inspect.isgeneratorfunction(decorated)
        assert driven(decorated(), steps) == driven(body(), steps)

    def test_close_refused(self):
        """A body that goes on after it was closed gets Python's own complaint."""

        def stubborn():
            with contextlib.suppress(GeneratorExit):
                yield 1
            yield 2

        generator = gcwise.batch()(stubborn)()
        next(generator)

        with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
            generator.close()

    @spellings
    def test_exhausted(self, spelling):
        """At exhaustion the body's frame is gone and its cycles are freed."""
        refs = []

        @spelling(policy=YOUNG)
        def numbers():
            node = Node()
            refs.append(weakref.ref(node))
            yield 1

        assert list(numbers()) == [1]
        assert refs[0]() is None

    @pytest.mark.parametrize("end", ["close", pytest.param("drop", marks=needs_counting)])
    @spellings
    def test_left_early(self, spelling, end):
        """Closed or dropped, a generator has ended: its cycles are freed."""
        refs = []

        @spelling(policy=YOUNG)
        def numbers():
            node = Node()
            refs.append(weakref.ref(node))
            yield 1

        generator = numbers()
        next(generator)
        assert refs[0]() is not None
        if end == "close":
            generator.close()
        else:
            del generator

        assert refs[0]() is None

    @arguments_are_dropped
    def test_arguments_are_collectable(self):
        """Arguments that only the call held are freed at its end."""
        refs = []

        @gcwise.batch(policy=YOUNG)
        def numbers(argument, *, named):
            refs.extend([weakref.ref(argument), weakref.ref(named)])
            yield 1

        items = list(numbers(Node(), named=Node()))

        assert items == [1]
        assert [ref() for ref in refs] == [None, None]

    def test_never_started(self):
        """A generator that is never started opens nothing."""
        journal = Journal()
        decorate(summing, journal)().close()

        assert journal.events == []

    @pytest.mark.parametrize(
        ("steps", "end"),
        [
            (["next"], None),
            (["next", ("send", 100)], "end"),
            (["next", "close"], "GeneratorExit"),
            (["next", ("throw", KeyError())], "KeyError"),
        ],
    )
    def test_one_scope_from_first_item_to_end(self, steps, end):
        """The scope is entered at the first item and left once, at the end."""
        journal = Journal()
        generator = decorate(summing, journal)()

        driven(generator, steps)

        assert journal.events == ["begin", end][: 1 + bool(end)]
        generator.close()

    def test_decision_of_a_closed_one(self):
        """A closed generator's end is decided like any other."""
        decided = []

        class Watched(gcwise.batch):
            def __exit__(self, *details):
                super().__exit__(*details)
                decided.append(self.decision)

        generator = Watched("closed", policy=YOUNG)(summing)()
        next(generator)
        generator.close()

        assert [decision.reason for decision in decided] == [Reason.SCHEDULED]

    @needs_counting
    def test_thrown_exception_is_not_kept(self):
        """An exception that the body has dealt with is freed at once."""
        generator = gcwise.batch()(summing)()
        next(generator)
        error = BoomValueError(5)
        ref = weakref.ref(error)

        generator.throw(error)
        del error

        assert ref() is None
        generator.close()


class BoomValueError(ValueError):
    """One that `summing` survives, and that can be referred to weakly."""


async def asumming():
    """Do as `summing` does, asynchronously."""
    total = 0
    try:
        while total < 100:
            try:
                await asyncio.sleep(0)
                total += (yield total) or 1
            except ValueError as error:  # noqa: PERF203  # It is the point.
                total += error.args[0]
    finally:
        await asyncio.sleep(0)


async def afailing():
    """Yield once and fail."""
    yield 1
    await asyncio.sleep(0)
    raise BoomError


async def adriven(generator, steps):
    """Tell what each step answered or raised."""
    log = []
    methods = {"next": "__anext__", "send": "asend", "throw": "athrow", "close": "aclose"}
    for step in steps:
        name, *arguments = step if isinstance(step, tuple) else (step,)
        try:
            log.append((name, await getattr(generator, methods[name])(*arguments)))
        except BaseException as error:  # noqa: BLE001  # Whatever comes is compared.
            log.append((name, outcome(error)))
    return log


class TestAsyncGenerator:
    """Async generator functions."""

    @pytest.mark.parametrize("steps", GENERATOR_STEPS.values(), ids=GENERATOR_STEPS)
    @pytest.mark.parametrize("body", [asumming, afailing], ids=lambda body: body.__name__)
    def test_protocol(self, body, steps):
        """Every step answers as without the decorator."""
        decorated = gcwise.batch()(body)
        assert inspect.isasyncgenfunction(decorated)

        async def main():
            return [await adriven(make(), steps) for make in (decorated, body)]

        logs = asyncio.run(main())

        assert logs[0] == logs[1]

    def test_close_refused(self):
        """A body that goes on after it was closed gets Python's own complaint."""

        async def stubborn():
            with contextlib.suppress(GeneratorExit):
                yield 1
            yield 2

        async def main():
            generator = gcwise.batch()(stubborn)()
            await generator.__anext__()
            await generator.aclose()

        with pytest.raises(RuntimeError, match="async generator ignored GeneratorExit"):
            asyncio.run(main())

    @spellings
    def test_exhausted(self, spelling):
        """At exhaustion the body's frame is gone and its cycles are freed."""
        refs = []

        @spelling(policy=YOUNG)
        async def numbers():
            node = Node()
            refs.append(weakref.ref(node))
            await asyncio.sleep(0)
            yield 1

        async def main():
            items = [item async for item in numbers()]
            return items, refs[0]()

        assert asyncio.run(main()) == ([1], None)

    @spellings
    def test_closed(self, spelling):
        """Closed, it has ended: its cycles are freed."""
        refs = []

        @spelling(policy=YOUNG)
        async def numbers():
            node = Node()
            refs.append(weakref.ref(node))
            yield 1

        async def main():
            generator = numbers()
            await generator.__anext__()
            assert refs[0]() is not None
            await generator.aclose()
            return refs[0]()

        assert asyncio.run(main()) is None

    @needs_counting
    def test_dropped(self):
        """Dropped, it is closed by the event loop, and so is its window."""
        found = real.get_threshold()
        ended = []

        @gcwise.paused()
        async def numbers():
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                ended.append(True)

        async def main():
            async for _ in numbers():
                break
            for _ in range(5):
                await asyncio.sleep(0)
            return real.get_threshold()

        assert asyncio.run(main()) == found
        assert ended == [True]

    @arguments_are_dropped
    def test_arguments_are_collectable(self):
        """Arguments that only the call held are freed at its end."""
        refs = []

        @gcwise.batch(policy=YOUNG)
        async def numbers(argument, *, named):
            refs.extend([weakref.ref(argument), weakref.ref(named)])
            yield 1

        async def main():
            return [item async for item in numbers(Node(), named=Node())]

        assert asyncio.run(main()) == [1]
        assert [ref() for ref in refs] == [None, None]

    @pytest.mark.parametrize(
        ("steps", "end"),
        [
            ([], []),
            (["next"], ["begin"]),
            (["next", ("send", 100)], ["begin", "end"]),
            (["next", "close"], ["begin", "GeneratorExit"]),
            (["next", ("throw", KeyError())], ["begin", "KeyError"]),
        ],
    )
    def test_one_scope_from_first_item_to_end(self, steps, end):
        """The scope is entered at the first item and left once, at the end."""
        journal = Journal()

        async def main():
            generator = decorate(asumming, journal)()
            await adriven(generator, steps)
            assert journal.events == end
            await generator.aclose()

        asyncio.run(main())

    def test_exception(self):
        """An exception of the body passes unchanged, with nothing of the wrapper as context."""
        boom = BoomError()

        @gcwise.batch()
        async def numbers():
            yield 1
            raise boom

        async def main():
            return [item async for item in numbers()]

        with pytest.raises(BoomError) as info:
            asyncio.run(main())

        assert info.value is boom
        assert boom.__context__ is None

    def test_thrown_and_replaced(self):
        """What the body raises in answer to a thrown exception has that one as its context."""

        @gcwise.batch()
        async def numbers():
            try:
                yield 1
            except KeyError as error:
                raise BoomError from error

        thrown = KeyError()

        async def main():
            generator = numbers()
            await generator.__anext__()
            await generator.athrow(thrown)

        with pytest.raises(BoomError) as info:
            asyncio.run(main())

        assert info.value.__cause__ is info.value.__context__ is thrown

    @needs_counting
    def test_thrown_exception_is_not_kept(self):
        """An exception that the body has dealt with is freed at once."""

        async def main():
            generator = gcwise.batch()(asumming)()
            await generator.__anext__()
            error = BoomValueError(5)
            ref = weakref.ref(error)
            await generator.athrow(error)
            del error
            kept = ref()
            await generator.aclose()
            return kept

        assert asyncio.run(main()) is None

    @needs_counting
    def test_sent_object_is_not_kept(self):
        """An object that the body has dealt with is freed at once."""

        class Sent:
            """An object that can be referred to weakly."""

        @gcwise.batch()
        async def sink():
            while True:
                yield

        async def main():
            generator = sink()
            await generator.__anext__()
            sent = Sent()
            ref = weakref.ref(sent)
            await generator.asend(sent)
            del sent
            kept = ref()
            await generator.aclose()
            return kept

        assert asyncio.run(main()) is None

    @needs_counting
    def test_passing_exception_is_not_kept(self):
        """Nothing keeps an exception that went out alive, and no cycle stays."""
        refs = []

        @gcwise.batch()
        async def numbers():
            yield 1
            error = BoomError()
            refs.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error

        async def main():
            gc.collect()
            with contextlib.suppress(BoomError):
                async for _ in numbers():
                    pass
            return refs[0](), gc.collect()

        assert asyncio.run(main()) == (None, 0)

    @needs_settings
    def test_window_across_items(self):
        """The window is open from the first item to the end, in the loop's body too."""
        found = real.get_threshold()

        async def main():
            generator = gcwise.paused()(asumming)()
            before = real.get_threshold()
            await generator.__anext__()
            held = real.get_threshold()
            await generator.aclose()
            return before, held, real.get_threshold()

        before, held, after = asyncio.run(main())
        assert before == after == found
        assert held[0] != found[0]


class TestMethods:
    """Methods of all kinds, decorated inside and outside."""

    @spellings
    def test_kinds(self, spelling):
        """Both orders of decoration work on instances and on classes."""
        decorated = spelling(policy=YOUNG)

        class Thing:
            @decorated
            def method(self, number):
                return self, number

            @decorated
            @classmethod
            def outside_class(cls, number):
                return cls, number

            @classmethod
            @decorated
            def inside_class(cls, number):
                return cls, number

            @decorated
            @staticmethod
            def outside_static(number):
                return number

            @staticmethod
            @decorated
            def inside_static(number):
                return number

        thing = Thing()
        assert thing.method(1) == Thing.method(thing, 1) == (thing, 1)
        for method in (thing.outside_class, thing.inside_class, Thing.outside_class):
            assert method(2) == (Thing, 2)
        for method in (thing.outside_static, thing.inside_static, Thing.outside_static):
            assert method(3) == 3

    def test_subclass(self):
        """A class method sees the class that it is called on."""

        class Base:
            @gcwise.batch()
            @classmethod
            def who(cls):
                return cls

        class Derived(Base):
            """Inherits."""

        assert Derived.who() is Derived

    def test_kinds_of_bodies(self):
        """A class method's body may be of any kind."""

        class Thing:
            @gcwise.batch()
            @classmethod
            async def coroutine(cls):
                return cls

            @gcwise.batch()
            @staticmethod
            def generator():
                yield 1

        assert asyncio.run(Thing.coroutine()) is Thing
        assert list(Thing.generator()) == [1]

    def test_bound(self):
        """A bound method stays bound, and the instance is not changed."""
        node = Node()
        method = gcwise.batch()(functools.partial(isinstance, node))

        assert method(Node)
        assert gcwise.batch()([1].append)(2) is None


class TestCallables:
    """Whatever else can be called."""

    def test_partial(self):
        """A partial keeps its arguments."""
        decorated = gcwise.batch("partial", policy=YOUNG)(functools.partial(divmod, 7))

        assert decorated(2) == (3, 1)
        assert counted("partial") == 1

    def test_partial_of_a_coroutine_function(self):
        """A partial is of the kind of its function."""

        async def add(first, second):
            return first + second

        decorated = gcwise.batch()(functools.partial(add, 1))

        assert inspect.iscoroutinefunction(decorated)
        assert asyncio.run(decorated(2)) == 3

    def test_callable_object(self):
        """A callable object is called within a scope."""

        class Call:
            def __call__(self):
                return weakref.ref(Node())

        assert gcwise.batch(policy=YOUNG)(Call())()() is None

    def test_callable_object_with_async_call(self):
        """An object whose call is `async def` is awaited within the scope."""
        journal = Journal()

        class Call:
            async def __call__(self):
                return list(journal.events)

        decorated = decorate(Call(), journal)

        assert inspect.iscoroutinefunction(decorated)
        assert asyncio.run(decorated()) == ["begin"]

    @pytest.mark.parametrize("value", [Node, int, 42, "name", None, property(lambda _: 1)])
    @spellings
    def test_refused(self, spelling, value):
        """Classes and what cannot be called are refused, with what to do."""
        with pytest.raises(
            TypeError, match=r"only functions and methods can be decorated, got .*; decorate a fu"
        ) as info:
            spelling()(value)

        assert str(info.value).endswith(f"open a block: with gcwise.{spelling.__name__}(): ...")

    @spellings
    def test_refused_in_a_class(self, spelling):
        """What a class method is made of is told alike."""
        with pytest.raises(TypeError, match=rf"got int: 1; .* with gcwise\.{spelling.__name__}\("):
            spelling()(classmethod(1))

    def test_bare_teardown_of_a_class(self):
        """A class is refused by the bare decorator too."""
        with pytest.raises(TypeError, match="only functions and methods can be decorated"):

            @gcwise.teardown
            class Thing:
                """Never decorated."""


def plain(first: int, *rest: str, key: float = 1.0) -> list[int]:
    """Return a list."""
    return [first, len(rest), int(key)]


async def coroutine(first: int) -> int:
    """Return an integer."""
    return first


def generator(first: int):
    """Yield an integer."""
    yield first


async def async_generator(first: int):
    """Yield an integer, asynchronously."""
    yield first


class TestMetadata:
    """A decorated function looks like the one inside."""

    @pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator])
    @spellings
    def test_looks(self, spelling, function):
        """Name, documentation, signature, annotations, module and kind are kept."""
        decorated = spelling()(function)

        assert decorated is not function
        assert decorated.__wrapped__ is function
        for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
            assert getattr(decorated, name) == getattr(function, name)
        assert inspect.signature(decorated) == inspect.signature(function)
        for kind in ("iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction"):
            tell = getattr(inspect, kind)
            assert tell(decorated) == tell(function)

    def test_attributes(self):
        """Attributes of the function are found on the decorated one."""

        def function():
            """Do nothing."""

        function.mark = "kept"

        assert gcwise.batch()(function).mark == "kept"


# Stands in __main__ when it is dumped, and is gone when it is loaded.
DUMP = """
import asyncio, sys, cloudpickle, gcwise

OFFSET = 1
always = gcwise.Policy.always(0)

@gcwise.batch(policy=always)
def function(number):
    return number + OFFSET

@gcwise.paused(policy=always)
async def coroutine(number):
    await asyncio.sleep(0)
    return number + OFFSET

@gcwise.collect_after("named", policy=always)
def generator(number):
    yield number + OFFSET

@gcwise.teardown
async def async_generator(number):
    yield number + OFFSET

class Thing:
    @gcwise.batch()
    @classmethod
    def method(cls, number):
        return number + OFFSET

everything = function, coroutine, generator, async_generator, Thing
sys.stdout.buffer.write(cloudpickle.dumps(everything))
"""
LOAD = """
import asyncio, sys, cloudpickle
function, coroutine, generator, async_generator, Thing = cloudpickle.load(sys.stdin.buffer)

async def items():
    return [item async for item in async_generator(4)]

print(function(1), asyncio.run(coroutine(2)), *generator(3), *asyncio.run(items()), Thing.method(5))
from gcwise._collector import collector
print(*sorted(name for name, site in collector.sites.items() if site.turns))
"""


class TestPickle:
    """Decorated functions travel between processes."""

    def test_by_name(self):
        """A module's function is pickled by its name."""
        assert pickle.loads(pickle.dumps(of_the_module)) is of_the_module

    @pytest.mark.skipif(
        sys.implementation.name == "pypy", reason="cloudpickle does not know this pickle module"
    )
    def test_by_value(self):
        """A function of `__main__` is pickled by value, and decides where it arrives."""
        command = [sys.executable, "-W", "error", "-c"]

        dumped = subprocess.run([*command, DUMP], check=True, capture_output=True).stdout
        said = subprocess.run(
            [*command, LOAD], input=dumped, check=True, capture_output=True
        ).stdout.decode()

        assert said.split() == ["2", "3", "4", "5", "6", *sorted(SITES_OF_THE_DUMP)]


SITES_OF_THE_DUMP = ["__main__.coroutine", "__main__.function", "named"]
