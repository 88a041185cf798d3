"""The hooks and the logger `gcwise`, as every test of them finds and leaves them."""

import logging

import pytest

from gcwise.instrumentation import set_on_decision_hooks


@pytest.fixture(autouse=True)
def _hooks_as_found():
    """Give each test the default hook and a logger that nobody has touched."""
    logger = logging.getLogger("gcwise")
    found = logger.handlers[:]
    logger.handlers.clear()
    set_on_decision_hooks(None)
    yield
    set_on_decision_hooks(None)
    logger.handlers[:] = found
    logger.setLevel(logging.NOTSET)
