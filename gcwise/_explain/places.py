"""Where classes and functions are defined: file and line."""

from __future__ import annotations

import linecache
import os
import re
import sys
from types import FunctionType, MethodType

from gcwise._explain.names import frame_of, holder_of, namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

__all__ = ["places_of"]


def places_of(things: list[Any]) -> tuple[str, ...]:
    """Return "Node: shop.py:3" for each class and function among the things or their types."""
    known = (f"{name}: {place}" for thing in things for name, place in _place(thing))
    return tuple(dict.fromkeys(known))


def _place(thing: Any) -> Iterator[tuple[str, str]]:
    function: Any = thing.__func__ if type(thing) is MethodType else thing
    frame = frame_of(function)
    if frame is not None:
        yield holder_of(function), _written(frame.f_code)
    elif type(function) is FunctionType:
        yield holder_of(function), _written(function.__code__)
    else:
        yield from _class_place(function if issubclass(type(function), type) else type(function))


def _class_place(kind: type) -> Iterator[tuple[str, str]]:
    inside = namespace(kind)
    codes = [each.__code__ for each in inside.values() if type(each) is FunctionType]
    home = sys.modules.get(str(inside.get("__module__")))
    file = getattr(home, "__file__", None) or next((each.co_filename for each in codes), None)
    if "__module__" not in inside or not isinstance(file, str) or not file.endswith(".py"):
        return
    before = [each.co_firstlineno for each in codes if each.co_filename == file]
    line = inside.get("__firstlineno__") or _class_line(kind.__name__, file, before)
    if line:
        yield holder_of(kind).removeprefix("class "), f"{_short(file)}:{line}"


def _class_line(name: str, file: str, before: list[int]) -> int | None:
    """Return the line of a class statement: the last one of that name before its first method."""
    statement = re.compile(rf"\s*class\s+{re.escape(name)}\b")
    first = min(before, default=None)
    lines = linecache.getlines(file)[:first]
    found = [number for number, line in enumerate(lines, 1) if statement.match(line)]
    return found[-1] if found else first


def _written(code: CodeType) -> str:
    return f"{_short(code.co_filename)}:{code.co_firstlineno}"


def _short(file: str) -> str:
    here = os.getcwd() + os.sep  # noqa: PTH109  # As `file` is one: a string.
    return file.removeprefix(here)
