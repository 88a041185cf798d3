"""The hooks of gunicorn.conf.py, each only where the measurement asks for it."""

import gc
import os

import gcwise

preload_app, workers = True, 2


def when_ready(server):
    """Freeze, in one of three ways."""
    if os.environ.get("COLLECT"):
        gc.collect()
    if os.environ.get("FREEZE"):
        gc.freeze()
    if os.environ.get("STARTUP"):
        with gcwise.startup("preload"):
            pass


if os.environ.get("HOOKS"):

    def post_fork(server, worker):
        """Hold automatic collection back."""
        worker.batch = gcwise.batch("request").__enter__()

    def post_request(worker, request, environ, response):
        """Decide."""
        worker.batch.checkpoint()
