"""Latencies beside a million live objects: `python -m tests.recipes.on_uvicorn.measure`."""

import contextlib

from tests.recipes.orders import interleaved, serving

WAYS = ["automatic", "freeze", "middleware", "startup and middleware"]
COMMAND = ["uvicorn", "tests.recipes.on_uvicorn.measured:app", "--port", "0", "--ws", "none"]
OPTIONS = ["--loop", "asyncio", "--http", "h11", "--no-access-log"]

if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        servers = {
            way: start(serving(*COMMAND, *OPTIONS, WAY=way, OBJECTS="1000000")) for way in WAYS
        }
        interleaved(servers, rounds=6)
