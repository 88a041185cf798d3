"""The process-wide settings: the policy and the switch, and what wrong values are told."""

import os
import subprocess
import sys

import pytest

import gcwise
from gcwise import Policy, Reason


def test_the_default_policy_decides():
    """Out of the box no schedule is set and gcwise is on."""
    assert gcwise.get_policy() == Policy()
    assert gcwise.is_active()


def test_a_policy_holds_for_every_place_without_its_own():
    """The policy set is the one returned, and the one decided by."""
    never = Policy.never()
    gcwise.set_policy(never)
    assert gcwise.get_policy() is never
    assert gcwise.maybe_collect("config").reason is Reason.NOT_SCHEDULED
    assert gcwise.maybe_collect("config", policy=Policy.always(0)).reason is Reason.SCHEDULED


@pytest.mark.parametrize("wrong", ["x", None, 2, Policy])
def test_what_is_no_policy_is_refused(wrong):
    """The message says what was given and how to get back; the policy stays."""
    with pytest.raises(TypeError, match=r"policy must be a gcwise\.Policy, got ") as refusal:
        gcwise.set_policy(wrong)
    assert f"got {type(wrong).__name__}: {wrong!r}" in str(refusal.value)
    assert str(refusal.value).endswith("to go back to the default: set_policy(gcwise.Policy())")
    assert gcwise.get_policy() == Policy()


def test_the_switch_stops_decisions_and_lets_them_go_on():
    """Switched off every decision is no for that reason; the policy is kept meanwhile."""
    gcwise.set_policy(Policy.always(0))
    gcwise.set_active(False)
    assert not gcwise.is_active()
    assert gcwise.maybe_collect("config").reason is Reason.INACTIVE
    assert gcwise.should_collect("config").reason is Reason.INACTIVE
    gcwise.set_active(True)
    assert gcwise.is_active()
    assert gcwise.maybe_collect("config").collection is not None


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("wrong", ["0", None, [], 0, 1])
def test_the_switch_takes_nothing_but_true_and_false(wrong, active):
    """A "0" as from the environment would switch on; the switch stays as it was."""
    gcwise.set_active(active)
    with pytest.raises(TypeError) as refusal:
        gcwise.set_active(wrong)
    told = f"active must be True or False, got {type(wrong).__name__}: {wrong!r}"
    assert str(refusal.value) == told
    assert gcwise.is_active() is active


@pytest.mark.parametrize(("value", "active"), [("0", False), ("1", True), ("", True), (None, True)])
def test_the_environment_decides_at_the_start(value, active):
    """Only GCWISE_ACTIVE=0 starts a process switched off."""
    environment = {key: each for key, each in os.environ.items() if key != "GCWISE_ACTIVE"}
    if value is not None:
        environment["GCWISE_ACTIVE"] = value
    told = subprocess.run(
        [sys.executable, "-c", "import gcwise; print(gcwise.is_active())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [str(active)]
