"""What scopes and questions are called: the checks of their arguments, and the caller's place."""

from __future__ import annotations

import sys

from gcwise._checks import given
from gcwise._policy import Policy

__all__ = ["caller", "check"]

NOWHERE = "(no Python code)"
# Those that are no decorators, and how they are called.
PLAIN = {
    "each": 'gcwise.each(items, "parse")',
    "maybe_collect": 'gcwise.maybe_collect("parse")',
    "should_collect": 'gcwise.should_collect("parse")',
}


def check(name: object, policy: object, spelling: str) -> None:
    """Refuse a name that is no string or empty, and a policy that is none, saying what to do.

    Args:
        name: What was given for a name.
        policy: What was given for a policy.
        spelling: What they were given to, in any case of letters.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(_name_message(name, spelling.lower()))
    if name is not None and not name:
        raise ValueError("name must not be empty; leave it out to take the place in the code")
    if policy is not None and not isinstance(policy, Policy):
        raise TypeError(
            f"policy must be a gcwise.Policy or None, got {given(policy)}; "
            "make one with gcwise.Policy(...), Policy.every(n), Policy.always() or Policy.never()"
        )


def _name_message(name: object, spelling: str) -> str:
    message = f"name must be a string or None, got {given(name)}"
    if spelling not in PLAIN and (callable(name) or isinstance(name, classmethod)):
        return f"{message}; did you forget the parentheses, as in @gcwise.{spelling}()?"
    example = PLAIN.get(spelling, f'gcwise.{spelling}("parse")')
    return f"{message}; give each place a short name, as in {example}, or none"


def caller(depth: int) -> str:
    """Return file and line of the function that called `depth` functions above this one."""
    try:
        frame = sys._getframe(depth + 1)  # noqa: SLF001  # inspect.stack() reads source files.
    except ValueError:  # Called from C: by atexit, for instance.
        return NOWHERE
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
