"""Decide between requests: an ASGI middleware for Starlette, FastAPI and their like."""

import asyncio

import gcwise


class CollectBetweenRequests:
    """Decides once a response has been sent, if possible while no other is under way."""

    patience = 50  # so many requests may end before it no longer waits for such a moment

    def __init__(self, app):
        self.app = app
        self.in_flight = self.ended = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            # Automatic collection is held back for as long as the server runs.
            with gcwise.batch("server"):
                await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            self.in_flight += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.in_flight -= 1
                self.ended += 1
                # By then the request's own frames, and what they hold, are gone.
                asyncio.get_running_loop().call_soon(self.decide)

    def decide(self):
        if not self.in_flight or self.ended >= self.patience:
            self.ended = 0
            gcwise.maybe_collect("request")
