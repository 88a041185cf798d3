"""`typing.NamedTuple` for run time: importing typing would take as long as all of gcwise.

For the same reason modules say `TYPE_CHECKING = False` themselves, which type checkers know.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _Maker(type):
        def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, object]) -> type:
            """Put the class's methods on a tuple with the fields that its annotations name."""
            fields = body["__annotations__"]
            defaults = [body.pop(field) for field in fields if field in body]
            module = body["__module__"]
            base = namedtuple(name, fields, defaults=defaults, module=module)  # noqa: PYI024
            return type(name, (base,), {"__slots__": (), **body})

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})

__all__ = ["NamedTuple"]
