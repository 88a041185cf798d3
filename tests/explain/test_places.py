"""Where classes and functions are defined."""

import collections
import os
import sys
from pathlib import Path

import pytest

from gcwise._explain.places import places_of
from tests.interpreters import needs_settings

pytestmark = needs_settings

HERE = Path(__file__)
SOURCE = """\
class Other: pass

def make():
    class Twice:
        def method(self): pass
    return Twice

class Twice:
    size = 1

    def method(self):
        yield sys._getframe()

class Bare: pass
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a module from a file of its own."""
    (tmp_path / "placed.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import placed  # noqa: PLC0415  # It exists only now.

    placed.sys = sys
    yield placed
    del sys.modules["placed"]


def place(*things):
    """Return the places of these things, with file names only."""
    return [f"{each.rpartition(os.sep)[2]}" for each in places_of(list(things))]


def named(*things):
    """Return the names that come with the places."""
    return [each.partition(": ")[0] for each in places_of(list(things))]


def test_classes(module):
    """A class is found by its statement, whether it has methods or not."""
    assert place(module.Twice(), module.Bare()) == ["placed.py:8", "placed.py:14"]
    assert named(module.Twice, module.Bare) == ["Twice", "Bare"]


def test_class_of_the_same_name(module):
    """Of several classes of one name it is the one that the methods are in."""
    assert place(module.make()()) == ["placed.py:4"]


def test_functions(module):
    """Functions, methods, frames and suspended generators are found by their code."""
    frame = next(module.Twice().method())
    suspended = module.Twice().method()

    for thing in module.Twice().method, module.Twice.method, frame, suspended:
        assert place(thing) == ["placed.py:11"]
        assert named(thing) == ["method()"]


def test_each_place_once(module):
    """Several objects of one class have one place."""
    assert len(places_of([module.Twice(), module.Twice()])) == 1


def test_relative_to_the_working_directory(module, monkeypatch):
    """A file below the working directory is told relative to it."""
    monkeypatch.chdir(Path(module.__file__).parent)

    assert places_of([module.Twice()]) == ("Twice: placed.py:8",)


def test_built_in():
    """Types that no Python file defines have no place."""
    assert places_of([[], {}, 1, ValueError(), collections.deque()]) == ()


def test_without_a_file():
    """Classes and functions made from strings are told by what their code says, or not at all."""
    namespace = {"__name__": "nowhere"}
    exec(compile("class A:\n  def f(self): pass\nclass B: pass", "<made>", "exec"), namespace)

    assert places_of([namespace["A"].f]) == ("f(): <made>:2",)
    assert places_of([namespace["B"]]) == ()
    assert places_of([namespace["A"]]) == ()


def test_source_that_is_gone(module):
    """Without its source a class is told by the line of its first method, if it has one."""
    Path(module.__file__).unlink()
    twice, bare = place(module.Twice()), place(module.Bare())

    assert twice in (["placed.py:11"], ["placed.py:8"])
    assert bare in ([], ["placed.py:14"])
