"""The shop on Starlette beside a live heap, with one of the ways to treat garbage."""

import contextlib
import gc
import os

import gcwise

WAY, OBJECTS = os.environ["WAY"], int(os.environ["OBJECTS"])

with gcwise.startup("start") if "startup" in WAY else contextlib.nullcontext():
    from tests.recipes.on_uvicorn.starlette_app import app

    HEAP = [[number] for number in range(OBJECTS)]

if WAY == "freeze":
    gc.collect()
    gc.freeze()
if "middleware" not in WAY:
    app.user_middleware.clear()
