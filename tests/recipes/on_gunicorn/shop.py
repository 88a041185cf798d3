"""A shop with a catalogue in memory, preloaded by gunicorn."""

import gc
import json
import os
from xml.dom import minidom

import gcwise
from tests.recipes.orders import ORDERS

# Held back while loading, too: once, where gc.freeze() is left to the hook.
with gcwise.paused("load"):
    CATALOGUE = [[number] for number in range(int(os.environ.get("OBJECTS", "10000")))]


def app(environ, start_response):
    """Answer with the number of items ordered, or with the state of the worker."""
    if environ["PATH_INFO"] == "/state":
        body = json.dumps(state())
    else:
        document = minidom.parseString(ORDERS)  # nodes refer to their parents
        body = str(len(document.getElementsByTagName("item")))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body.encode()]


def state():
    """Return what the tests want to know of the worker that answers."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "documents": sum(type(each) is minidom.Document for each in gc.get_objects()),
        "frozen": gc.get_freeze_count(),
        "threshold": gc.get_threshold()[0],
        "report": gcwise.report().as_dict(),
    }
