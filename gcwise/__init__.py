"""Collect cyclic garbage when, and only when, it is worth it.

>>> import gcwise
>>> with gcwise.batch("parse") as scope:  # automatic collection held back, decided at the end
...     total = sum(range(10))
>>> isinstance(scope.decision, gcwise.Decision)
True
>>> @gcwise.teardown                      # an object graph was just taken apart
... def close(pool): pool.clear()
>>> close({})
>>> decision = gcwise.maybe_collect("idle")   # in place of a blind gc.collect()
>>> print(type(str(decision)).__name__)
str
"""

from gcwise._collection import Collection
from gcwise._config import get_policy, is_active, set_active, set_policy
from gcwise._decision import Decision, Reason
from gcwise._explain import explain
from gcwise._intercept import Interception, intercept
from gcwise._policy import Policy
from gcwise._question import maybe_collect, should_collect
from gcwise._report import PlaceReport, Report, report, reset
from gcwise._scope import (
    Scope,
    batch,
    collect_after,
    each,
    paused,
    teardown,
)
from gcwise._startup import startup
from gcwise._trim import trim

__all__ = [
    "Collection",
    "Decision",
    "Interception",
    "PlaceReport",
    "Policy",
    "Reason",
    "Report",
    "Scope",
    "batch",
    "collect_after",
    "each",
    "explain",
    "get_policy",
    "intercept",
    "is_active",
    "maybe_collect",
    "paused",
    "report",
    "reset",
    "set_active",
    "set_policy",
    "should_collect",
    "startup",
    "teardown",
    "trim",
]
