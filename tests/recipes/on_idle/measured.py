"""Orders of all sizes beside a live heap; the last ones are kept for a while."""

import contextlib
import json
import os
from collections import deque
from xml.dom import minidom

import gcwise
from tests.recipes.on_idle.selector import IdleSelector, predicted

with gcwise.startup("start") if "startup" in os.environ["WAY"] else contextlib.nullcontext():
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    HEAP = [[number] for number in range(int(os.environ["OBJECTS"]))]

kept = deque(maxlen=20)
collections = []


def note(_selector, looked, done):
    """Note the generation, the cost and the duration predicted, and the real one."""
    if done.collection is not None:
        took = done.collection.duration
        collections.append((looked.generation, looked.cost, predicted(looked), took))


IdleSelector.collected = note


async def orders(request):
    """Parse so many orders, and keep the document for the next twenty requests."""
    order = "<order><item>tea</item><item>cups</item></order>"
    document = minidom.parseString(f"<orders>{order * request.path_params['number']}</orders>")
    kept.append(document)
    return PlainTextResponse(str(len(document.getElementsByTagName("item"))))


async def noted(request):
    """Tell of the collections so far."""
    return PlainTextResponse(json.dumps(collections))


routes = [Route("/orders/{number:int}", orders), Route("/noted", noted)]
shop = Starlette(routes=routes)


async def app(scope, receive, send):
    """Hold automatic collection back while the server runs, but not in the plain way."""
    held = scope["type"] == "lifespan" and os.environ["WAY"] != "automatic"
    with gcwise.batch("server") if held else contextlib.nullcontext():
        await shop(scope, receive, send)
