"""How a block becomes a decorator: the only place that knows the kinds of functions."""

from __future__ import annotations

import functools

from gcwise._checks import given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["decorate", "qualified_name"]


def decorate(
    func: F, scope: Callable[[], AbstractContextManager[Any]], block: str = "gcwise.batch()"
) -> F:
    """Return `func` with a fresh `scope()` around each call, as if it were around the call's body.

    Messages call such a scope `block`, by how it is written.

    Wrappers hold nothing but `func` and `scope`, so that they can be pickled, and drop the
    arguments before the scope ends, so that what only the call held can be collected there.
    """
    if isinstance(func, (classmethod, staticmethod)):
        return type(func)(decorate(func.__func__, scope, block))
    if not callable(func) or isinstance(func, type):
        raise TypeError(
            f"only functions and methods can be decorated, got {given(func)}; "
            f"decorate a function, or open a block: with {block}: ..."
        )
    wrapper = _kind_of(func)(func, scope)
    return functools.update_wrapper(wrapper, func)  # type: ignore[return-value]


def qualified_name(func: Any) -> str:
    """Return module and qualified name of a function, method or partial."""
    func = getattr(func, "func", getattr(func, "__func__", func))
    name = getattr(func, "__qualname__", type(func).__qualname__)
    return f"{getattr(func, '__module__', None) or type(func).__module__}.{name}"


def _kind_of(func: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    # Importing inspect costs 11 ms, as much as all else; a program that decorates mostly has it.
    import inspect  # noqa: PLC0415

    called = func if hasattr(func, "__code__") or hasattr(func, "func") else func.__call__  # type: ignore[operator]
    if inspect.iscoroutinefunction(called):
        return _coroutine
    if inspect.isasyncgenfunction(called):
        return _async_generator
    if inspect.isgeneratorfunction(called):
        return _generator
    return _function


def _function(func: Callable[..., Any], scope: Callable[[], Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with scope():
            try:
                return func(*args, **kwargs)
            finally:
                del args, kwargs

    return wrapper


def _coroutine(func: Callable[..., Any], scope: Callable[[], Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with scope():
            try:
                return await func(*args, **kwargs)
            finally:
                del args, kwargs

    return wrapper


def _generator(func: Callable[..., Any], scope: Callable[[], Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with scope():
            try:
                return (yield from func(*args, **kwargs))
            finally:
                del args, kwargs

    return wrapper


def _async_generator(func: Callable[..., Any], scope: Callable[[], Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with scope():
            inner = func(*args, **kwargs)
            del args, kwargs
            step, passing = inner.__anext__(), []
            try:
                while True:
                    try:
                        passing.append(await step)
                    except StopAsyncIteration:
                        return
                    # Suspended, this frame must keep nothing alive that only passes through.
                    step = None
                    try:
                        passing.append((yield passing.pop()))
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001  # It belongs to the body.
                        step = inner.athrow(error)
                    else:
                        step = inner.asend(passing.pop())
            finally:
                del inner, step, passing

    return wrapper
