"""What messages say of wrong arguments, and the checks that several functions share."""

from __future__ import annotations

__all__ = ["check_bool", "check_generation", "check_integer", "check_number", "given", "shown"]

LONGEST = 60


def given(value: object) -> str:
    """Return type and value as messages show them: `int: 100`."""
    return f"{type(value).__name__}: {shown(value)}"


def shown(value: object) -> str:
    """Return the beginning of a value's repr, whatever that may be."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # A message is about the value; its repr is not to blame.
        return "<repr() failed>"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def check_bool(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {given(value)}")


def check_number(name: str, value: object, meaning: str = "a number") -> None:
    """Refuse what is no number, a bool included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be {meaning}, got {given(value)}")


def check_integer(name: str, value: object, meaning: str, least: int | None = None) -> None:
    """Refuse what is no integer, a bool included, and what is below `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer ({meaning}), got {given(value)}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be an integer ({meaning}), got {shown(value)}")


def check_generation(generation: int) -> None:
    """Refuse what is no generation."""
    check_integer("generation", generation, "0, 1 or 2")
    if generation not in (0, 1, 2):
        raise ValueError(f"generation must be 0, 1 or 2, got {shown(generation)}")
