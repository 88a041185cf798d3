"""The front door: what is exported, and the tour in the package's docstring."""

import doctest
import importlib.resources
import inspect

import gcwise

PUBLIC = {
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
}


def test_exports():
    """All public names are there, in order, and nothing else is public."""
    assert set(gcwise.__all__) == PUBLIC
    assert gcwise.__all__ == sorted(gcwise.__all__)
    public = {name for name, value in vars(gcwise).items() if not inspect.ismodule(value)}
    assert {name for name in public if not name.startswith("_")} == PUBLIC


def test_star():
    """`from gcwise import *` brings just these."""
    names = {}
    exec("from gcwise import *", names)

    assert names.keys() - {"__builtins__"} == PUBLIC


def test_documented():
    """Every public name has a docstring of its own, a sentence to begin with."""
    for name in gcwise.__all__:
        first = inspect.getdoc(getattr(gcwise, name)).partition("\n")[0]
        assert first.endswith((".", "...`.", "`.")), name


def test_tour():
    """The docstring's tour runs as it stands."""
    results = doctest.testmod(gcwise)

    assert results.attempted > 5
    assert results.failed == 0


def test_typed():
    """Type checkers find the marker that the package is typed."""
    assert importlib.resources.files(gcwise).joinpath("py.typed").is_file()
