"""Decide after each response: a receiver of Django's signal, for any server."""

from django.core.signals import request_finished

import gcwise


def decide(sender, **kwargs):
    gcwise.maybe_collect("request")


def connect():
    """Call this in `ready()` of an `AppConfig`."""
    request_finished.connect(decide, dispatch_uid="gcwise")
