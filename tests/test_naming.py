"""Names and policies as they are given, and the place of a caller that gives none."""

import subprocess
import sys

import pytest

from gcwise import Policy
from gcwise._naming import NOWHERE, caller, check


@pytest.mark.parametrize("name", [None, "parse", type("Name", (str,), {})("parse")])
@pytest.mark.parametrize("policy", [None, Policy(), Policy.never()])
def test_what_is_right_passes(name, policy):
    """None, any string but the empty one and any policy are accepted."""
    check(name, policy, "batch")


def test_a_number_for_a_name_is_refused_with_an_example():
    """The message says what was given, what is allowed, and what to do."""
    with pytest.raises(TypeError) as refusal:
        check(100, None, "batch")
    assert str(refusal.value) == (
        "name must be a string or None, got int: 100; "
        'give each place a short name, as in gcwise.batch("parse"), or none'
    )


@pytest.mark.parametrize(
    ("spelling", "example"),
    [
        ("Teardown", 'gcwise.teardown("parse")'),
        ("paused", 'gcwise.paused("parse")'),
        ("each", 'gcwise.each(items, "parse")'),
        ("maybe_collect", 'gcwise.maybe_collect("parse")'),
        ("should_collect", 'gcwise.should_collect("parse")'),
    ],
)
def test_the_example_is_of_what_was_called(spelling, example):
    """It can be pasted as it stands."""
    with pytest.raises(TypeError) as refusal:
        check(100, None, spelling)
    assert f"as in {example}, or none" in str(refusal.value)


@pytest.mark.parametrize("name", ["", type("Name", (str,), {})()])
def test_an_empty_name_is_refused(name):
    """It would be a line without a name in the report."""
    with pytest.raises(
        ValueError, match=r"^name must not be empty; leave it out to take the place"
    ):
        check(name, None, "batch")


@pytest.mark.parametrize("function", [print, classmethod(print)])
@pytest.mark.parametrize("spelling", ["batch", "collect_after"])
def test_a_function_for_a_name_is_taken_for_forgotten_parentheses(function, spelling):
    """The usual slip with a decorator is named."""
    with pytest.raises(
        TypeError, match=rf"forget the parentheses, as in @gcwise\.{spelling}\(\)\?"
    ):
        check(function, None, spelling)


@pytest.mark.parametrize("spelling", ["each", "maybe_collect", "should_collect"])
def test_what_is_no_decorator_is_not_told_of_parentheses(spelling):
    """A function is no name there, and nothing more."""
    with pytest.raises(TypeError, match=rf"give each place a short name, as in gcwise\.{spelling}"):
        check(print, None, spelling)


def test_a_wrong_policy_is_refused_with_the_ways_to_make_one():
    """A plain number is no policy."""
    with pytest.raises(TypeError) as refusal:
        check("parse", 2.0, "batch")
    assert str(refusal.value) == (
        "policy must be a gcwise.Policy or None, got float: 2.0; "
        "make one with gcwise.Policy(...), Policy.every(n), Policy.always() or Policy.never()"
    )


@pytest.mark.parametrize("arguments", [(["x" * 1000], None), (None, "x" * 1000)])
def test_what_was_given_is_cut_short(arguments):
    """A message shows the beginning of a long argument only."""
    with pytest.raises(TypeError) as refusal:
        check(*arguments, "batch")
    assert 250 > len(str(refusal.value)) > 100


def test_the_caller_is_told_by_file_and_line():
    """Depth 0 is the line that asks, depth 1 the line that called it."""

    def ask(depth):
        return caller(depth)

    line = sys._getframe().f_lineno
    assert ask(0) == f"{__file__}:{line - 2}"
    assert ask(1) == f"{__file__}:{line + 2}"


def test_without_a_caller():
    """What C code calls, as atexit does, has a name, too."""
    code = (
        "import atexit, gcwise\n"
        "atexit.register(lambda: print(gcwise.report().places[0].site))\n"
        "atexit.register(gcwise.maybe_collect)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == NOWHERE == caller(10**6)
    assert not run.stderr
