"""Hooks for gunicorn: freeze before the fork, decide after each response."""

import gcwise

preload_app = True
workers = 2


def when_ready(server):
    """Freeze what was loaded, just before the first fork: the workers share it for longer."""
    with gcwise.startup("preload"):
        pass


def post_fork(server, worker):
    """Hold automatic collection back in the worker, for as long as it lives."""
    worker.batch = gcwise.batch("request").__enter__()


def post_request(worker, request, environ, response):
    """Decide: the response has been sent by now."""
    worker.batch.checkpoint()
