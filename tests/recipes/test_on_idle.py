"""An asyncio loop that collects when it has nothing to do, alone and under uvicorn."""

import asyncio
import gc
import threading
import time
import weakref
from xml.dom import minidom

import pytest

import gcwise
from gcwise import Policy
from gcwise.testing import forced
from tests.interpreters import needs_counting, needs_generations
from tests.recipes.on_idle.selector import IdleSelector, new_event_loop
from tests.recipes.orders import ITEMS, ask

SECONDS = 20


class Node:
    """A cycle of one object."""

    def __init__(self):
        self.me = self


@pytest.fixture
def still():
    """Keep automatic collection out of the test, and start without garbage."""
    gc.collect()
    gc.disable()
    gcwise.reset()
    yield
    gc.enable()


def run(job, selector=None):
    """Run a coroutine in a loop that decides when idle."""
    loop = new_event_loop() if selector is None else asyncio.SelectorEventLoop(selector)
    try:
        return loop.run_until_complete(job)
    finally:
        loop.close()


def decisions():
    """Return how many decisions there were at the recipe's place."""
    return sum(each.decisions for each in gcwise.report().places if each.site == "idle")


def garbage(number):
    """Leave dead cycles behind; return a weak reference to one."""
    return weakref.ref([Node() for _ in range(number)][-1])


@needs_counting
@pytest.mark.usefixtures("still")
def test_cycles_are_gone():
    """What a task leaves behind is collected while the loop waits for a timer."""

    async def job():
        died = garbage(5_000)
        for _ in range(200):
            await asyncio.sleep(0.01)
            if died() is None:
                return decisions()
        return 0

    assert run(job()) >= 1


@pytest.mark.usefixtures("still")
def test_nothing_while_something_is_ready():
    """A loop that always has something to do never decides, and does as soon as it waits."""

    async def job():
        for _ in range(100):
            await asyncio.sleep(0)
        busy = decisions()
        await asyncio.sleep(0.01)
        return busy, decisions()

    with forced(True):
        busy, idle = run(job())

    assert busy == 0
    assert idle >= 1


@pytest.mark.skipif(not hasattr(asyncio, "Runner"), reason="asyncio.Runner came with 3.11")
@pytest.mark.usefixtures("still")
def test_runner():
    """A runner takes the loop."""
    with forced(True), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(asyncio.sleep(0.01))

    assert decisions() >= 1


@needs_generations
@pytest.mark.usefixtures("still")
class TestDeadline:
    """A collection that takes too long is put off, but not for ever."""

    @pytest.fixture(autouse=True)
    def _dear_memory(self):
        gcwise.set_policy(Policy(memory_weight=1e6))
        gcwise.maybe_collect("before")
        time.sleep(0.01)

    @pytest.fixture
    def selector(self):
        """Return a selector, in whose loop a collection is due."""
        self.died = garbage(20_000)
        with IdleSelector() as selector:
            yield selector

    def test_fits(self, selector):
        """One that is over before the deadline is done."""
        selector.deadline = 10
        selector.select(20)

        assert self.died() is None

    def test_too_long(self, selector):
        """One that is not is put off, and done when patience is at its end."""
        selector.deadline = 0
        selector.select(0.01)
        assert self.died() is not None
        assert selector.put_off_since is not None

        selector.patience = 0
        selector.select(0.01)
        assert self.died() is None
        assert selector.put_off_since is None

    def test_timer(self, selector):
        """One that would delay what the loop has planned is put off, too."""
        selector.deadline = 10
        selector.select(1e-6)

        assert self.died() is not None

    def test_nothing_due(self, selector):
        """Where nothing is due any more, patience starts anew."""
        selector.put_off_since = 1.0
        gc.collect()
        gcwise.maybe_collect("before")
        selector.select(0.01)

        assert selector.put_off_since is None


@needs_counting
def test_under_uvicorn():
    """A server, uvicorn, takes the loop, and requests leave nothing behind."""
    uvicorn = pytest.importorskip("uvicorn", minversion="0.36", reason="uvicorn is not installed")
    pytest.importorskip("starlette", reason="starlette is not installed")
    from tests.recipes.on_uvicorn import starlette_app

    app = starlette_app.app.router  # without the middleware, which would decide as well
    loop = "tests.recipes.on_idle.selector:new_event_loop"
    config = uvicorn.Config(app, port=0, loop=loop, ws="none", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    before = documents()
    gcwise.reset()
    thread.start()
    try:
        until = time.monotonic() + SECONDS
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with gcwise.batch("server"):
            bodies, _ = ask(port, 60, think=lambda: 0.01)
            left = documents() - before
    finally:
        server.should_exit = True
        thread.join(SECONDS)

    assert not thread.is_alive()
    assert {int(body) for body in bodies} == {ITEMS}
    assert left < 30
    assert decisions() >= 1


def documents():
    """Return how many documents there are, garbage or not."""
    return sum(type(each) is minidom.Document for each in gc.get_objects())
