"""What messages say of wrong arguments, also of such whose repr fails."""

import math

import pytest

import gcwise
from gcwise import Policy
from gcwise._checks import (
    LONGEST,
    check_bool,
    check_generation,
    check_integer,
    check_number,
    given,
    shown,
)
from gcwise.instrumentation import LoggingOnDecisionHook, set_on_decision_hooks
from gcwise.testing import Objects, SimulatedRuntime, forced, no_cycles, simulated
from tests.interpreters import needs_settings


class Shy:
    """Cannot be shown."""

    def __init__(self, error):
        self.error = error

    def __repr__(self):
        raise self.error


# So many digits Python does not print.
ENDLESS = 10**5000


class TestShown:
    """A value in a message."""

    @pytest.mark.parametrize("value", [1, -0.5, "x", None, [1, "a"], int])
    def test_short(self, value):
        """It is its repr."""
        assert shown(value) == repr(value)
        assert given(value) == f"{type(value).__name__}: {value!r}"

    def test_long(self):
        """It is cut, and that is seen; what just fits is not."""
        fits = 10 ** (LONGEST - 1)

        assert shown(fits) == str(fits)
        assert shown(10 * fits) == f"1{'0' * (LONGEST - 4)}..."
        assert len(shown("x" * 10_000)) == LONGEST

    @pytest.mark.parametrize(
        "value",
        [Shy(RuntimeError("no")), Shy(RecursionError()), ENDLESS],
        ids=["error", "recursion", "endless"],
    )
    def test_repr_that_fails(self, value):
        """A message that cannot show the value comes all the same."""
        assert shown(value) == "<repr() failed>"
        assert given(value) == f"{type(value).__name__}: <repr() failed>"

    def test_interrupt(self):
        """Ctrl-C in a repr is no failure of it."""
        with pytest.raises(KeyboardInterrupt):
            shown(Shy(KeyboardInterrupt()))


class TestChecks:
    """What passes, and what is refused how."""

    @pytest.mark.parametrize("value", [True, False])
    def test_bool(self, value):
        """Both are right."""
        check_bool("knob", value)

    @pytest.mark.parametrize("value", [0, 1, "0", None, []])
    def test_no_bool(self, value):
        """What only counts as true or false is neither."""
        with pytest.raises(TypeError) as refusal:
            check_bool("knob", value)
        assert str(refusal.value) == f"knob must be True or False, got {given(value)}"

    @pytest.mark.parametrize("value", [0, -1, 0.5, math.inf])
    def test_number(self, value):
        """Integers and floats are right."""
        check_number("knob", value)

    @pytest.mark.parametrize("value", [True, "1", None, 1j])
    def test_no_number(self, value):
        """The meaning is said where there is one."""
        with pytest.raises(TypeError) as refusal:
            check_number("knob", value, "a number of seconds")
        assert str(refusal.value) == f"knob must be a number of seconds, got {given(value)}"

    def test_integer(self):
        """From the least on, if there is one."""
        check_integer("knob", -5, "bytes")
        check_integer("knob", 0, "bytes, 0 or more", 0)

    @pytest.mark.parametrize("value", [True, 1.0, "1", None])
    def test_no_integer(self, value):
        """A whole float is none, either."""
        with pytest.raises(TypeError) as refusal:
            check_integer("knob", value, "bytes, 0 or more", 0)
        message = f"knob must be an integer (bytes, 0 or more), got {given(value)}"
        assert str(refusal.value) == message

    def test_integer_that_is_too_small(self):
        """What is allowed is said in the same words."""
        with pytest.raises(ValueError, match=r"an integer \(bytes, 0 or more\), got -1$"):
            check_integer("knob", -1, "bytes, 0 or more", 0)

    @pytest.mark.parametrize("generation", [0, 1, 2])
    def test_generation(self, generation):
        """There are three."""
        check_generation(generation)

    @pytest.mark.parametrize(
        ("generation", "error", "message"),
        [
            (3, ValueError, "generation must be 0, 1 or 2, got 3"),
            (-1, ValueError, "generation must be 0, 1 or 2, got -1"),
            (True, TypeError, "generation must be an integer (0, 1 or 2), got bool: True"),
            ("x", TypeError, "generation must be an integer (0, 1 or 2), got str: 'x'"),
        ],
    )
    def test_no_generation(self, generation, error, message):
        """What is of another type is told so."""
        with pytest.raises(error) as refusal:
            check_generation(generation)
        assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("name", gcwise.batch),
        ("name", gcwise.teardown),
        ("name", gcwise.maybe_collect),
        ("name", gcwise.should_collect),
        ("name", lambda shy: gcwise.each([], shy)),
        ("policy", lambda shy: gcwise.paused(policy=shy)),
        ("policy", gcwise.set_policy),
        ("active", gcwise.set_active),
        ("iterable", gcwise.each),
        ("functions", gcwise.batch()),
        ("memory_weight", lambda shy: Policy(memory_weight=shy)),
        ("max_overhead", lambda shy: Policy(max_overhead=shy)),
        ("memory_limit", lambda shy: Policy(memory_limit=shy)),
        ("trim", lambda shy: Policy(trim=shy)),
        ("n", Policy.every),
        ("generation", Policy.always),
        ("hooks", set_on_decision_hooks),
        ("hook", lambda shy: set_on_decision_hooks([shy])),
        ("slow", lambda shy: LoggingOnDecisionHook(slow=shy)),
        ("worth", lambda shy: forced(shy).__enter__()),
        pytest.param("allow", no_cycles, marks=needs_settings),
        ("runtime", lambda shy: simulated(shy).__enter__()),
        ("live", SimulatedRuntime),
        ("enabled", lambda shy: SimulatedRuntime(enabled=shy)),
        ("limit", lambda shy: SimulatedRuntime(limit=shy)),
        ("seconds", lambda shy: SimulatedRuntime().spend(shy)),
        ("number", lambda shy: SimulatedRuntime().make(shy)),
        ("size", lambda shy: Objects(1, shy)),
    ],
)
def test_arguments_that_cannot_be_shown(argument, call):
    """Wherever they are given, the error is about the argument and not about its repr."""
    with pytest.raises(TypeError, match=rf"\b{argument}\b.* got Shy: <repr\(\) failed>"):
        call(Shy(RuntimeError("no")))


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("memory_weight", lambda number: Policy(memory_weight=number)),
        ("max_overhead", lambda number: Policy(max_overhead=number)),
        ("memory_limit", lambda number: Policy(memory_limit=-number)),
        ("n", lambda number: Policy.every(-number)),
        ("generation", lambda number: Policy.every(1, number)),
        ("slow", lambda number: LoggingOnDecisionHook(slow=-number)),
        ("live", lambda number: SimulatedRuntime(-number)),
        ("seconds", lambda number: SimulatedRuntime().spend(number)),
    ],
)
def test_numbers_without_end(argument, call):
    """A rejected number that Python does not print is told by its name."""
    with pytest.raises(ValueError, match=rf"^{argument} .* got <repr\(\) failed>"):
        call(ENDLESS)
