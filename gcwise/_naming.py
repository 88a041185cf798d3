"""What scopes and questions are called: the checks of their arguments, and the caller's place."""

from __future__ import annotations

import sys

from gcwise._policy import Policy

__all__ = ["caller", "check"]

NOWHERE = "(no Python code)"


def check(name: object, policy: object) -> None:
    """Refuse a name that is no string and a policy that is none, saying what to do."""
    if name is not None and not isinstance(name, str):
        raise TypeError(_name_message(name))
    if policy is not None and not isinstance(policy, Policy):
        raise TypeError(
            f"policy must be a gcwise.Policy or None, got {type(policy).__name__}: {policy!r:.60}; "
            "make one with gcwise.Policy(...), Policy.every(n), Policy.always() or Policy.never()"
        )


def _name_message(name: object) -> str:
    message = f"name must be a string or None, got {type(name).__name__}: {name!r:.60}"
    if callable(name):
        return f"{message}; did you forget the parentheses, as in @gcwise.batch()?"
    return f'{message}; give each place a short name, as in gcwise.batch("parse"), or none'


def caller(depth: int) -> str:
    """Return file and line of the function that called `depth` functions above this one."""
    try:
        frame = sys._getframe(depth + 1)  # noqa: SLF001  # inspect.stack() reads source files.
    except ValueError:  # Called from C: by atexit, for instance.
        return NOWHERE
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
