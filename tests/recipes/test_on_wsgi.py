"""Django and Flask behind a WSGI server, asked over the loopback interface."""

import contextlib
import gc
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from xml.dom import minidom

import pytest

import gcwise
from gcwise.testing import forced
from tests.interpreters import needs_counting, needs_settings
from tests.recipes.on_wsgi.middleware import collecting
from tests.recipes.orders import ITEMS, ask

SECONDS = 20


class Silent(WSGIRequestHandler):
    """Does not log each request."""

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serving(app):
    """Run the application on a free port, which it yields, in a thread that ends with the block."""
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(SECONDS)
            assert not thread.is_alive()


def flask():
    """Return the shop on Flask, with the middleware."""
    pytest.importorskip("flask", reason="flask is not installed")
    from tests.recipes.on_wsgi.flask_shop import app

    return app


def django():
    """Return the shop on Django, with the middleware."""
    pytest.importorskip("django", reason="django is not installed")
    from tests.recipes.on_wsgi.django_shop import application

    return application


@pytest.fixture
def signalling():
    """Return the shop on Django without the middleware, with the signal connected."""
    django()
    from django.core.signals import request_finished
    from django.core.wsgi import get_wsgi_application

    from tests.recipes.on_wsgi import signals

    signals.connect()
    yield get_wsgi_application()
    assert request_finished.disconnect(dispatch_uid="gcwise")


def documents():
    """Return how many documents there are, garbage or not."""
    return sum(type(each) is minidom.Document for each in gc.get_objects())


def place():
    """Return what was decided at the recipes' place."""
    return next(each for each in gcwise.report().places if each.site == "request")


def answers(app):
    """Ask sixty times; return how many documents are left."""
    gcwise.reset()
    before = documents()
    with serving(app) as port:
        bodies, _ = ask(port, 60)
        left = documents() - before
    assert {int(body) for body in bodies} == {ITEMS}
    assert place().decisions == 60
    return left


@needs_counting
@pytest.mark.parametrize("shop", [flask, django])
def test_cycles_are_gone(shop):
    """Most of what requests leave behind is gone, by the middleware's decisions."""
    assert answers(shop()) < 30
    assert place().collected > 30_000


@needs_counting
def test_signal(signalling):
    """With Django's signal, too, there is a decision after each request."""
    assert answers(signalling) < 30


@needs_settings
@pytest.mark.parametrize("shop", [flask, django])
def test_the_decision_comes_after_the_response(shop):
    """Only once the server has sent all and closes, automatic collection being held back."""
    app, found, held = collecting(shop()), gc.get_threshold(), []
    gcwise.reset()

    def server_side(environ, start_response):
        body = app(environ, start_response)
        for part in body:
            held.append(gc.get_threshold() != found)
            yield part
        body.close()

    with forced(False), serving(server_side) as port:
        ask(port)

    assert held == [True]
    assert gc.get_threshold() == found
    # One of the shop's own middleware, and one of that around it.
    assert place().decisions == 2


@needs_settings
def test_client_that_goes_away():
    """A body that is closed before its end closes the application's, and gives gc back."""
    found, closed = gc.get_threshold(), []

    class Body(list):
        def close(self):
            closed.append(gc.get_threshold() != found)

    body = collecting(lambda environ, start_response: Body([b"a", b"b"]))({}, None)
    assert next(body) == b"a"
    body.close()

    assert closed == [True]
    assert gc.get_threshold() == found
