"""One of the shops beside a live heap, with one of the ways to treat garbage."""

import contextlib
import gc
import os

import gcwise

SHOP, _, WAY = os.environ["WAY"].partition(", ")

with gcwise.startup("start") if "startup" in WAY else contextlib.nullcontext():
    if SHOP == "Flask":
        from tests.recipes.on_wsgi.flask_shop import app as shop

        if "middleware" not in WAY:
            shop.wsgi_app = type(shop).wsgi_app.__get__(shop)
    else:
        from django.core.wsgi import get_wsgi_application

        from tests.recipes.on_wsgi import signals
        from tests.recipes.on_wsgi.django_shop import application as shop

        if "middleware" not in WAY:
            shop = get_wsgi_application()
        if "signal" in WAY:
            signals.connect()

    HEAP = [[number] for number in range(int(os.environ["OBJECTS"]))]

if WAY == "freeze":
    gc.collect()
    gc.freeze()
