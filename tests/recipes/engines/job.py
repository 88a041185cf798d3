"""The task of the recipes for engines: parse a page into nodes that refer to their parents."""

import functools
import gc
import os
import time
import weakref
from typing import NamedTuple
from xml.dom import minidom

import psutil

import gcwise

ITEMS = 2_000
LIVE_OBJECTS = 500_000
# The documents that this process has parsed.
parsed = []


class Sample(NamedTuple):
    """What a worker tells of a task: its process, and its memory and CPU time before the task."""

    worker: int
    resident: int
    cpu: float


@functools.cache
def page(items=ITEMS):
    """Return an XML page with so many items."""
    item = "<item><name>spam</name><price>{}</price></item>"
    return f"<page>{''.join(map(item.format, range(items)))}</page>"


def document_of(text):
    """Return a page's document: 8 objects for each item, in cycles."""
    document = minidom.parseString(text)
    parsed.append(weakref.ref(document))
    return document


def prices_in(document):
    """Return the sum of a document's prices."""
    prices = document.getElementsByTagName("price")
    return sum(int(price.firstChild.data) for price in prices)


def total_of(text):
    """Return the sum of a page's prices; its document is garbage then."""
    return prices_in(document_of(text))


@functools.cache
def live_heap():
    """Return what a worker keeps for good: a table, an index, a model."""
    return [[number] for number in range(LIVE_OBJECTS)]


def measured(number):
    """Do the task in a worker with much else in its memory, and tell of the worker."""
    live_heap()
    process = psutil.Process()
    sample = Sample(os.getpid(), process.memory_info().rss, time.process_time())
    total_of(page())
    return sample


def measured_and_collected(number):
    """Do the same, followed by a full collection."""
    try:
        return measured(number)
    finally:
        gc.collect()


def only_gcwise(_=None):
    """Switch automatic collection off in this process, so that gcwise alone frees cycles."""
    gc.disable()
    gc.collect()
    parsed.clear()


def alive(_=None):
    """Return how many documents this process has parsed, and how many are not yet freed."""
    return len(parsed), sum(document() is not None for document in parsed)


def decisions(site):
    """Return how often this process has decided at a place."""
    return sum(place.decisions for place in gcwise.report().places if place.site == site)


def thresholds():
    """Return the thresholds of automatic collection in this process."""
    return list(gc.get_threshold())


def memory_limit(_=None):
    """Return the limit of memory in the policy of this process."""
    return gcwise.get_policy().memory_limit


def worker(_=None):
    """Return this process, and how many documents it has parsed and not yet freed."""
    time.sleep(0.01)  # Let the others have their share of such questions.
    return os.getpid(), *alive()


def report(_=None):
    """Return what was decided in this process, as a table."""
    return str(gcwise.report())
