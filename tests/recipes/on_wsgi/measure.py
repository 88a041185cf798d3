"""Latencies beside a million live objects: `python -m tests.recipes.on_wsgi.measure`."""

import contextlib

from tests.recipes.orders import interleaved, serving

WAYS = [
    *("Flask, automatic", "Flask, freeze", "Flask, startup, middleware"),
    *("Django, automatic", "Django, freeze", "Django, startup, signal"),
    "Django, startup, middleware",
]
COMMAND = ["gunicorn", "tests.recipes.on_wsgi.measured:shop", "--bind", "127.0.0.1:0"]
OPTIONS = ["--worker-class", "gthread", "--threads", "2", "--keep-alive", "60"]

if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        servers = {
            way: start(serving(*COMMAND, *OPTIONS, WAY=way, OBJECTS="1000000")) for way in WAYS
        }
        interleaved(servers, rounds=4)
