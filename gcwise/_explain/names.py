"""The names of references: which attribute, item or variable leads from one object to another.

No code of the objects' own classes runs here: attributes are read by the interpreter's descriptors.
"""

from __future__ import annotations

import gc
from collections import deque
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)

from gcwise._checks import shown
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = [
    "METHODS",
    "Step",
    "ancestry",
    "frame_of",
    "holder_of",
    "name_of",
    "namespace",
    "steps_around",
]

# Computed attributes of the interpreter's own types that only tell what is there.
PLAIN = frozenset(
    {
        *("__traceback__", "__context__", "__cause__", "args", "tb_next", "cell_contents"),
        *("__defaults__", "__kwdefaults__", "__callback__", "f_back", "__mro__"),
        *("_coro", "_exception", "_loop"),
    }
)
FRAMES = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}
METHODS = (MethodType, BuiltinFunctionType)
LONGEST_KEY = 40

_qualified = type.__dict__["__qualname__"].__get__
_module = type.__dict__["__module__"].__get__
ancestry = type.__dict__["__mro__"].__get__
namespace = type.__dict__["__dict__"].__get__


class Step(NamedTuple):
    """Tell of one reference on the way: what holds it, and by which name.

    Attributes:
        holder: A type's name, "class Node", "bound method Node.close", or "load()" for a function
            or its frame.
        via: ".parent", "[0]", " local 'error'"; empty where a reference has no name.
    """

    holder: str
    via: str

    def __str__(self) -> str:
        return self.holder + self.via


def name_of(kind: type) -> str:
    """Return a type's name with its module, but without that of the program or of built-ins."""
    home = _module(kind)
    short = not isinstance(home, str) or home in ("builtins", "__main__")
    return str(_qualified(kind)) if short else f"{home}.{_qualified(kind)}"


def steps_around(circle: list[Any]) -> list[tuple[Any, Step]]:
    """Name the references from each object of a circle to the next, and from the last to the first.

    An instance's dict, a function's closure and the cells of variables are no steps of their own.
    """
    ahead = [*circle, circle[0]]
    steps: list[tuple[Any, Step]] = []
    while len(ahead) > 1:
        here = ahead[0]
        via, length = _named(here, ahead[1:])
        steps.append((here, Step(holder_of(here), via)))
        del ahead[:length]
    return steps


def holder_of(thing: Any) -> str:
    """Return what an object is called on the way."""
    kind = type(thing)
    if kind is FunctionType:
        return f"{thing.__name__}()"
    if kind in METHODS:
        return f"bound method {_method_name(thing)}"
    frame = frame_of(thing)
    if frame is not None:
        return f"{frame.f_code.co_name}()"
    if issubclass(kind, type):
        return f"class {_short(thing)}"
    return _short(kind)


def _short(kind: type) -> str:
    return str(_qualified(kind)).rpartition("<locals>.")[2]


def _method_name(method: Any) -> str:
    function = method.__func__ if type(method) is MethodType else method
    if type(function) is FunctionType:
        return function.__qualname__.rpartition("<locals>.")[2]
    return f"{_short(type(method.__self__))}.{getattr(function, '__name__', '?')}"


def frame_of(thing: Any) -> FrameType | None:
    """Return a frame, or that of a suspended generator or coroutine."""
    kind = type(thing)
    frame = getattr(thing, FRAMES[kind]) if kind in FRAMES else thing
    return frame if type(frame) is FrameType else None


def _named(here: Any, ahead: list[Any]) -> tuple[str, int]:
    """Return the name of the way to one of the objects ahead, and how many it goes along."""
    for via, *way in _ways(here):
        if len(way) <= len(ahead) and all(map(_is, way, ahead)):
            return via, len(way)
    return "", 1


def _is(one: object, other: object) -> bool:
    return one is other


def _ways(here: Any) -> Iterator[tuple[Any, ...]]:
    """Yield names, each with the objects that the reference of that name leads along."""
    if frame_of(here) is not None:
        yield from _variables(here)
    elif type(here) is FunctionType:
        yield from _closure(here)
    elif type(here) in METHODS:
        yield "", here.__self__
    yield from _attributes(here)
    yield from _items(here)


def _variables(here: Any) -> Iterator[tuple[Any, ...]]:
    frame = frame_of(here)
    assert frame is not None
    cells = [each for each in gc.get_referents(here, frame) if type(each) is CellType]
    variables = frame.f_locals
    for name, value in variables.items():
        via = f" local {name!r}"
        for cell in cells:
            if _contents(cell) is value:
                yield via, cell, value
                yield via, frame, cell, value
        yield via, value
        # Before CPython 3.13 a frame may have a dict of them, and in 3.10 a generator a frame.
        yield via, variables, value
        yield via, frame, value


def _closure(here: FunctionType) -> Iterator[tuple[Any, ...]]:
    closure = here.__closure__ or ()
    for name, cell in zip(here.__code__.co_freevars, closure, strict=True):
        yield f" closure {name!r}", closure, cell, _contents(cell)


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return cell  # It is empty.


def _attributes(here: Any) -> Iterator[tuple[Any, ...]]:
    if issubclass(type(here), type):
        proxy = namespace(here)
        yield from _in_namespace(gc.get_referents(proxy)[0], proxy.items())
    for base in ancestry(type(here)):
        for name, descriptor in namespace(base).items():
            computed = type(descriptor) is GetSetDescriptorType
            if computed and name == "__dict__":
                attributes = _value(descriptor, here)
                if type(attributes) is dict:
                    yield from _in_namespace(attributes, attributes.items())
            elif type(descriptor) is MemberDescriptorType or (computed and name in PLAIN):
                yield f".{name}", _value(descriptor, here)
    yield ".__class__", type(here)


def _in_namespace(attributes: Any, items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, ...]]:
    for name, value in items:
        yield f".{name}", attributes, value
        yield f".{name}", value
    yield ".__dict__", attributes


def _value(descriptor: Any, here: Any) -> Any:
    try:
        return descriptor.__get__(here)
    except (AttributeError, TypeError, ValueError):
        return descriptor  # Nothing is there, and nothing leads from here to the descriptor.


def _items(here: Any) -> Iterator[tuple[Any, ...]]:
    # Of the type, because isinstance() would ask the object for its class.
    kind = type(here)
    for sequence in (list, tuple, deque):
        if issubclass(kind, sequence):
            for number, item in enumerate(sequence.__iter__(here)):
                yield f"[{number}]", item
    for elements in (set, frozenset):
        if issubclass(kind, elements):
            for item in elements.__iter__(here):
                yield " element", item
    if issubclass(kind, dict):
        for key, value in dict.items(here):
            yield f"[{_key(key)}]", value
            yield " key", key


def _key(key: Any) -> str:
    # The repr of anything else may run code, and be of any length.
    text = shown(key) if type(key) in (str, bytes, int, float, bool) else holder_of(key)
    return text if len(text) <= LONGEST_KEY else f"{text[: LONGEST_KEY - 3]}..."
