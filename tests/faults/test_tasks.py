"""Tasks that are cancelled, and generators that are abandoned, in the middle of a block."""

import asyncio
import contextlib
import gc
import random

import anyio
import pytest
import trio
import trio.testing

import gcwise
from gcwise._collector import collector

TASKS = 1_000
KINDS = [gcwise.batch, gcwise.paused]

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)


class BoomError(Exception):
    """What is thrown into a block."""


def settings():
    """Tell all that automatic collection is ruled by."""
    return gc.isenabled(), gc.get_threshold(), list(gc.callbacks)


def is_open():
    """Tell whether a window is open."""
    return any(collector.window._open)


@pytest.fixture(autouse=True)
def _restored():
    """Whatever a test does, automatic collection is as before, with no healing at all."""
    gc.collect()
    before = settings()
    yield
    gc.collect()
    assert not is_open()
    assert settings() == before


async def in_blocks(pauses):
    """Hold a batch and a pause across awaits."""
    for pause in pauses:
        with gcwise.batch("task"):
            await asyncio.sleep(pause)
            with gcwise.paused("inner"):
                await asyncio.sleep(0)


@gcwise.paused("decorated")
async def decorated(pauses):
    """Be a coroutine whose every call is a block."""
    for pause in pauses:
        await asyncio.sleep(pause)


@gcwise.batch("numbers")
async def numbers(pauses):
    """Be an async generator whose every use is a block."""
    for pause in pauses:
        yield pause
        await asyncio.sleep(pause)


async def first(generator):
    """Begin an async generator inside the loop, which then knows of it."""
    return await generator.__anext__()


async def consuming(pauses):
    """Loop over a decorated async generator, and inside a block."""
    async for _ in numbers(pauses):
        with gcwise.batch("body"):
            await asyncio.sleep(0)


async def looping(pauses):
    """Await in the bodies of a loop."""
    for pause in gcwise.each(pauses, "loop"):
        await asyncio.sleep(pause)


class TestAsyncio:
    """A thousand tasks of asyncio."""

    def test_cancelled_at_random_points(self):
        """Cancelled before, inside, between and after blocks, all windows close."""
        seed = random.randrange(2**32)
        choose, ended = random.Random(seed), []

        async def main():
            works = [in_blocks, decorated, consuming, looping]
            tasks = [
                asyncio.create_task(choose.choice(works)([choose.random()] * 5))
                for _ in range(TASKS)
            ]
            choose.shuffle(tasks)
            for task in tasks:
                task.cancel()
                if not choose.randrange(10):
                    await asyncio.sleep(choose.random() / 300)
            ended.extend(await asyncio.gather(*tasks, return_exceptions=True))

        asyncio.run(main())
        cancelled = sum(isinstance(end, asyncio.CancelledError) for end in ended)
        print(f"{cancelled} of {len(ended)} cancelled")

        assert len(ended) == TASKS
        assert cancelled + ended.count(None) == TASKS, seed
        assert cancelled > TASKS / 2, seed
        assert not is_open(), seed

    def test_cancelled_inside_the_block(self):
        """Each of a thousand tasks that are all inside their blocks closes its own."""

        async def work(number):
            with KINDS[number % 2]("inside"):
                await asyncio.Event().wait()

        async def main():
            tasks = [asyncio.create_task(work(number)) for number in range(TASKS)]
            await asyncio.sleep(0)
            assert sum(map(len, collector.window._open)) == TASKS
            random.Random(1).shuffle(tasks)
            for number, task in enumerate(tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert sum(map(len, collector.window._open)) == TASKS - number - 1

        asyncio.run(main())

    def test_cancelled_and_shielded(self):
        """A task that goes on after its cancellation keeps its window until its own end."""

        async def work():
            with gcwise.paused("stubborn"):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(10)
                assert is_open()
                await asyncio.sleep(0)

        async def main():
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            task.cancel()
            await task

        asyncio.run(main())

    @kinds
    def test_timeout(self, kind):
        """A time limit closes the block that it interrupts, as any exception."""

        async def work():
            with kind("slow"):
                await asyncio.sleep(10)

        async def main():
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(work(), 0.01)
            assert not is_open()

        asyncio.run(main())

    def test_task_destroyed_while_pending(self):
        """A task that its loop leaves behind closes its window when it is freed."""
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)
        task = loop.create_task(in_blocks([10]))
        loop.run_until_complete(asyncio.sleep(0))
        assert is_open()

        loop.close()
        del task
        gc.collect()

        assert not is_open()

    @kinds
    def test_loop_stopped_by_an_interrupt(self, kind):
        """`KeyboardInterrupt` in a task ends the run, and the other tasks' blocks with it."""

        async def waits():
            with kind("waits"):
                await asyncio.sleep(10)

        async def fails():
            with kind("fails"):
                await asyncio.sleep(0)
                raise KeyboardInterrupt

        async def main():
            await asyncio.gather(waits(), fails())

        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())

        assert not is_open()


class TestAsyncGenerators:
    """Async generators that nobody finishes are finalised by their loop."""

    def test_unfinished_at_the_end_of_the_run(self):
        """`asyncio.run` closes one that is still referred to."""
        kept = []

        async def main():
            kept.append(numbers([0, 0]))
            assert await kept[0].__anext__() == 0
            assert is_open()

        asyncio.run(main())

        assert not is_open()

    def test_dropped_in_the_run(self):
        """The loop closes one that was dropped, in a task of its own."""

        async def main():
            async for _ in numbers([0, 0]):
                break
            for _ in range(5):
                await asyncio.sleep(0)
            gc.collect()
            assert not is_open()

        asyncio.run(main())

    def test_shutdown_by_hand(self):
        """`loop.shutdown_asyncgens` does as well."""
        loop = asyncio.new_event_loop()
        generator = numbers([0, 0])
        loop.run_until_complete(first(generator))
        assert is_open()

        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

        assert not is_open()

    def test_loop_closed_without_shutdown(self):
        """Where nobody finalises it, the end of another block closes its window."""
        loop = asyncio.new_event_loop()
        generator = numbers([0, 0])
        loop.run_until_complete(first(generator))
        loop.close()
        del generator
        gc.collect()

        with gcwise.batch("heal"):
            pass

        assert not is_open()

    @pytest.mark.parametrize("end", ["aclose", "athrow"])
    def test_ended_half_way(self, end):
        """Closed, or thrown into, it closes its window at once."""

        async def main():
            generator = numbers([0, 0])
            await generator.__anext__()
            with contextlib.suppress(BoomError):
                await (generator.aclose() if end == "aclose" else generator.athrow(BoomError()))
            assert not is_open()

        asyncio.run(main())

    def test_cancelled_inside(self):
        """A task cancelled while the generator's body awaits closes both blocks."""

        async def main():
            task = asyncio.create_task(consuming([10]))
            await asyncio.sleep(0.01)
            assert is_open()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await asyncio.sleep(0)

        asyncio.run(main())


class TestGenerators:
    """Generators that hold a window open and are not finished."""

    @staticmethod
    @gcwise.paused("decorated generator")
    def decorated():
        """Yield inside a decorated generator's block."""
        yield from range(3)

    @staticmethod
    def with_block():
        """Yield inside a block."""
        with gcwise.batch("block"):
            yield from gcwise.each(range(3), "loop")

    makers = pytest.mark.parametrize("name", ["decorated", "with_block"])

    @makers
    def test_dropped(self, name):
        """Dropped half-way, its windows close."""
        generator = getattr(self, name)()
        next(generator)
        assert is_open()

        del generator

        assert not is_open()

    @makers
    def test_dropped_in_a_cycle(self, name):
        """Dropped in a cycle, its windows close when that is collected."""
        cycle = [getattr(self, name)()]
        cycle.append(cycle)
        next(cycle[0])
        del cycle
        assert is_open()

        gc.collect()

        assert not is_open()

    @makers
    @pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt, GeneratorExit])
    def test_thrown_into(self, name, error):
        """Thrown into, its windows close and the exception comes out."""
        generator = getattr(self, name)()
        next(generator)

        with pytest.raises(error):
            generator.throw(error())

        assert not is_open()

    @makers
    def test_closed(self, name):
        """Closed once or twice, or never begun, nothing stays open."""
        never_begun, generator = getattr(self, name)(), getattr(self, name)()
        next(generator)

        for each in (never_begun, generator, generator):
            each.close()

        assert not is_open()

    def test_many_half_way(self):
        """A thousand half-way at the same time, ended in any order and any manner."""
        choose = random.Random(1)
        generators = [self.decorated() for _ in range(TASKS)]
        for generator in generators:
            next(generator)
        choose.shuffle(generators)

        while generators:
            generator = generators.pop()
            if choose.randrange(2):
                generator.close()
            elif choose.randrange(2):
                with contextlib.suppress(BoomError):
                    generator.throw(BoomError())
            del generator
            assert sum(map(len, collector.window._open)) == len(generators)


class TestTrio:
    """Cancel scopes of trio around blocks, and blocks around them."""

    @kinds
    @pytest.mark.parametrize("limit", [trio.move_on_after, trio.fail_after])
    def test_time_limit(self, kind, limit):
        """A time limit that runs out in a block closes it."""

        async def main():
            with contextlib.suppress(trio.TooSlowError), limit(0.001), kind("limited"):
                await trio.sleep(10)
            assert not is_open()

        trio.run(main)

    @kinds
    def test_inside_a_block(self, kind):
        """A block around a time limit goes on after it has run out."""

        async def main():
            with kind("outer"):
                with trio.move_on_after(0.001) as limit:
                    await trio.sleep(10)
                assert limit.cancelled_caught
                assert is_open()

        trio.run(main)

    def test_nursery_cancelled(self):
        """Many tasks of a nursery, cancelled together in the middle of their blocks."""

        @gcwise.batch("child")
        async def child(number):
            with KINDS[number % 2]("inside"):
                await trio.sleep(10)

        async def main():
            async with trio.open_nursery() as nursery:
                for number in range(200):
                    nursery.start_soon(child, number)
                await trio.testing.wait_all_tasks_blocked()
                assert sum(map(len, collector.window._open)) == 400
                nursery.cancel_scope.cancel()

        trio.run(main)

    def test_one_child_fails(self):
        """A child that fails cancels the others in their blocks."""
        failed = []

        async def child(number):
            with KINDS[number % 2]("child"):
                await trio.sleep(10 if number else 0)
                raise BoomError

        async def main():
            try:
                async with trio.open_nursery() as nursery:
                    for number in range(10):
                        nursery.start_soon(child, number)
            except Exception as group:  # noqa: BLE001  # Python 3.10 has no name for it.
                failed.extend(map(type, group.exceptions))
            assert not is_open()

        trio.run(main)

        assert failed == [BoomError]


class TestAnyio:
    """The same with anyio, on both of its backends."""

    @kinds
    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    @pytest.mark.parametrize("limit", [anyio.move_on_after, anyio.fail_after])
    def test_time_limit(self, kind, backend, limit):
        """A time limit that runs out in a block closes it."""

        async def main():
            with contextlib.suppress(TimeoutError), limit(0.001), kind("limited"):
                await anyio.sleep(10)
            assert not is_open()

        anyio.run(main, backend=backend)

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def test_group_cancelled(self, backend):
        """Tasks of a group, cancelled in the middle of decorated calls and async generators."""

        @gcwise.paused("work")
        async def work():
            # Without it trio warns that the generator was dropped.
            async with contextlib.aclosing(ticks()) as generator:
                async for _ in generator:
                    await anyio.sleep(1e-4)

        @gcwise.batch("ticks")
        async def ticks():
            while True:
                yield
                await anyio.sleep(0.001)

        async def main():
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(work)
                await anyio.sleep(0.02)
                assert is_open()
                group.cancel_scope.cancel()

        anyio.run(main, backend=backend)

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def test_thread_of_a_cancelled_task(self, backend):
        """A block in a worker thread outlives the cancelled task, and closes at its own end."""
        closed = []

        def in_thread():
            with gcwise.paused("thread"):
                assert is_open()
            closed.append(True)

        async def main():
            with anyio.move_on_after(0.001):
                await anyio.to_thread.run_sync(in_thread)
                await anyio.sleep(10)

        anyio.run(main, backend=backend)

        assert closed == [True]
