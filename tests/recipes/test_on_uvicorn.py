"""Starlette and FastAPI under uvicorn, asked over the loopback interface."""

import asyncio
import contextlib
import gc
import importlib
import threading
import time
from xml.dom import minidom

import pytest

import gcwise
from gcwise.testing import forced
from tests.interpreters import needs_counting, needs_settings
from tests.recipes.orders import ITEMS, ask

uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")
SECONDS = 20


@pytest.fixture(params=["starlette", "fastapi"])
def app(request):
    """Return the application of each framework."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return importlib.import_module(f"tests.recipes.on_uvicorn.{request.param}_app").app


@contextlib.contextmanager
def serving(app):
    """Run the application on a free port, which it yields, in a thread that ends with the block."""
    config = uvicorn.Config(app, port=0, lifespan="on", ws="none", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


def until(condition):
    """Wait for a condition, not for ever."""
    for _ in range(100 * SECONDS):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


def documents():
    """Return how many documents there are, garbage or not."""
    return sum(type(each) is minidom.Document for each in gc.get_objects())


@needs_counting
def test_cycles_are_gone(app):
    """Most of what requests leave behind is gone, though automatic collection is held back."""
    gcwise.reset()
    before = documents()
    with serving(app) as port:
        bodies, _ = ask(port, 60)
        left = documents() - before

    assert {int(body) for body in bodies} == {ITEMS}
    assert left < 30
    (place,) = (each for each in gcwise.report().places if each.site == "request")
    assert place.collected > 30_000


@needs_settings
def test_automatic_collection_is_held_back_while_it_serves(app):
    """The window opens with the server, and closes with it."""
    found = gc.get_threshold()
    with serving(app):
        assert gc.get_threshold() != found

    assert gc.get_threshold() == found


def test_it_decides_after_each_response_when_alone(app):
    """One client that waits for each response leaves a moment after each."""
    gcwise.reset()
    with forced(False), serving(app) as port:
        ask(port, 10)
        until(lambda: decisions() == 10)


def test_it_waits_for_a_moment_without_requests():
    """While another request is under way it does not decide, unless it has waited long."""
    pytest.importorskip("starlette", reason="starlette is not installed")
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from tests.recipes.on_uvicorn.middleware import CollectBetweenRequests

    release = asyncio.Event()

    async def slow(request):
        await release.wait()
        return PlainTextResponse("late")

    async def quick(request):
        return PlainTextResponse("soon")

    async def let_go(request):
        release.set()
        return PlainTextResponse("done")

    routes = [Route("/slow", slow), Route("/quick", quick), Route("/release", let_go)]
    middleware = CollectBetweenRequests(Starlette(routes=routes))
    gcwise.reset()
    with forced(False), serving(middleware) as port:
        late = threading.Thread(target=ask, args=(port, 1, "/slow"))
        late.start()
        until(lambda: middleware.in_flight == 1)
        ask(port, middleware.patience - 1, "/quick")
        while_waiting = decisions()
        ask(port, 1, "/quick")
        until(lambda: decisions() == 1)
        ask(port, 1, "/release")
        late.join(SECONDS)

    assert while_waiting == 0


def decisions():
    """Return how many decisions there were at the middleware's place."""
    return sum(each.decisions for each in gcwise.report().places if each.site == "request")
