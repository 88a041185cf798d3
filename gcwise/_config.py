"""The process-wide settings: the policy, and the switch."""

from __future__ import annotations

from gcwise._checks import check_bool, given
from gcwise._collector import collector
from gcwise._policy import Policy

__all__ = ["get_policy", "is_active", "set_active", "set_policy"]


def get_policy() -> Policy:
    """Return the policy of all places that were given none of their own.

    Changes nothing; costs an attribute.
    """
    return collector.policy


def set_policy(policy: Policy) -> None:
    """Set the policy of all places that were given none of their own.

    Holds from the next decision on, for all threads. What was learned stays, and automatic
    collection is left alone.

    Args:
        policy: The price of memory, or a schedule; `Policy()` is the default.

    Raises:
        TypeError: `policy` is no `Policy`.
    """
    if not isinstance(policy, Policy):
        raise TypeError(
            f"policy must be a gcwise.Policy, got {given(policy)}; "
            "to go back to the default: set_policy(gcwise.Policy())"
        )
    collector.configure(policy)


def is_active() -> bool:
    """Return whether gcwise does anything: True unless switched off.

    Changes nothing; costs an attribute.
    """
    return collector.active


def set_active(active: bool) -> None:  # noqa: FBT001  # The only argument, and named by the function.
    """Switch gcwise on or off for the whole process.

    Switched off, scopes touch nothing, automatic collection included, and every decision is no.
    `GCWISE_ACTIVE=0` in the environment starts switched off. Windows that are open close as usual.

    Args:
        active: Whether to be on.

    Raises:
        TypeError: `active` is neither True nor False.
    """
    check_bool("active", active)
    collector.configure(active=active)
