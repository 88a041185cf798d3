"""A block that fails when it leaves cyclic garbage behind."""

from __future__ import annotations

import functools

from gcwise._checks import given
from gcwise._decorate import decorate
from gcwise._explain import explain
from gcwise._explain.names import ancestry, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["no_cycles"]


class no_cycles:  # noqa: N801  # Read as a phrase: with no_cycles(): ...
    """Fail when a block, or each call of a decorated function, leaves cyclic garbage behind.

    `with gcwise.testing.no_cycles(): service.handle(request)`. Garbage that there was before does
    not count. Cycles among what is still referenced do not, either: they are no garbage yet, so
    let go of it inside the block, or put what is tested into a function.

    Blocks are as those of `gcwise.explain()`: they collect everything before and after, and hold
    automatic collection back inside. Decorates functions, coroutine functions, generators and
    methods. An exception from the block passes through untouched, and nothing is judged.

    Args:
        allow: Types, or their dotted names ("matplotlib.figure.Figure"). Cycles that an instance
            of one of these, or of a subclass, is part of are left alone.

    Raises:
        AssertionError: There was other cyclic garbage; the message explains it.
        TypeError: `allow` holds something else than types and names.
        RuntimeError: The interpreter cannot save garbage (PyPy), or the block is entered twice.

    Cost: two full collections, and 2 to 3 us for each object of cyclic garbage.
    """

    __slots__ = ("_allow", "_explanation")

    def __init__(self, allow: Iterable[type | str] = ()) -> None:
        self._allow = _checked(allow)
        self._explanation = explain()
        self._explanation.ignored = functools.partial(_allowed, allow=self._allow)

    def __enter__(self) -> None:
        self._explanation.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True  # pytest shows the test, and not this.
        explanation = self._explanation
        explanation.__exit__(kind, error, traceback)
        if kind is None and (explanation.cyclic.groups or not explanation.complete):
            raise AssertionError(f"{LEFT}\n{explanation}")

    def __call__(self, func: F) -> F:
        """Decorate a function, coroutine function, generator function or method.

        Raises:
            TypeError: `func` is none of these.
        """
        return decorate(func, functools.partial(no_cycles, self._allow), "no_cycles()")


LEFT = "cyclic garbage was left behind, which only a collection can free"


def _checked(allow: Any) -> tuple[type | str, ...]:
    listed = None if isinstance(allow, str) else _listed(allow)
    if listed is None or not all(isinstance(each, (type, str)) for each in listed):
        message = f"allow must hold types and dotted names of types, got {given(allow)}; "
        if callable(allow) and not isinstance(allow, type):
            raise TypeError(f"{message}did you forget the parentheses, as in @no_cycles()?")
        raise TypeError(f"{message}as in no_cycles(allow=[Node, 'matplotlib.figure.Figure'])")
    return listed


def _listed(allow: Any) -> tuple[Any, ...] | None:
    try:
        return tuple(allow)
    except TypeError:
        return None


def _allowed(kind: type, allow: tuple[type | str, ...]) -> bool:
    return any(base in allow or name_of(base) in allow for base in ancestry(kind))
