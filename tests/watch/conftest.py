"""The modules that run in the watched program find each other on the import path, as there."""

import sys

import pytest

from gcwise._watch.launch import INSIDE
from tests.watch.runs import Maker


@pytest.fixture
def inside(monkeypatch):
    """Put the folder of what runs inside the program on the import path."""
    monkeypatch.syspath_prepend(str(INSIDE))
    yield INSIDE
    for name in ("gcwise_recorder", "gcwise_ending", "gcwise_signals"):
        sys.modules.pop(name, None)


@pytest.fixture
def maker():
    """Return a run with something of everything."""
    maker = Maker(forks=2).add(0.0005, 0, 7).add(0.02, 1).sample("+std_x", "+work", line=3)
    maker.add(0.3, 2, explicit=True).sample("lib_clean", "work", line=31, resident=45 << 20)
    maker.add(1.5, 2, 5).sample("work", line=9, resident=60 << 20, thread=1)
    return maker
