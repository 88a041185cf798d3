"""Decorated functions keep their exact types. Read by type checkers, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any

from typing_extensions import assert_type

import gcwise


@gcwise.batch()
def function(first: int, *, key: str = "") -> list[str]:
    """Return a list."""
    return [key] * first


@gcwise.collect_after("named")
async def coroutine(first: int) -> bytes:
    """Return bytes."""
    return bytes(first)


@gcwise.paused(policy=gcwise.Policy.never())
def generator(first: int) -> Generator[int, str, bool]:
    """Yield an integer, take a string, return a truth value."""
    return (yield first) == "yes"


@gcwise.batch("numbers")
def iterator(first: int) -> Iterator[int]:
    """Yield an integer."""
    yield first


@gcwise.batch()
async def async_generator(first: int) -> AsyncGenerator[int, str]:
    """Yield an integer, take a string."""
    yield first


@gcwise.batch()
async def async_iterator(first: int) -> AsyncIterator[int]:
    """Yield an integer."""
    yield first


@gcwise.teardown
def bare(first: int) -> str:
    """Return a string."""
    return str(first)


@gcwise.teardown
async def bare_coroutine(first: int) -> str:
    """Return a string."""
    return str(first)


@gcwise.teardown()
def called(first: int) -> str:
    """Return a string."""
    return str(first)


@gcwise.teardown("named", policy=None)
def called_with_name(first: int) -> str:
    """Return a string."""
    return str(first)


class Thing:
    """Methods of all kinds."""

    @gcwise.batch()
    def method(self, first: int) -> str:
        """Return a string."""
        return str(first)

    @classmethod
    @gcwise.batch()
    def inside_class(cls, first: int) -> str:
        """Return a string."""
        return str(first)

    @gcwise.batch()
    @classmethod
    def outside_class(cls, first: int) -> str:
        """Return a string."""
        return str(first)

    @staticmethod
    @gcwise.paused()
    def inside_static(first: int) -> str:
        """Return a string."""
        return str(first)

    @gcwise.paused()
    @staticmethod
    def outside_static(first: int) -> str:
        """Return a string."""
        return str(first)

    @gcwise.teardown
    def close(self) -> None:
        """Return nothing."""

    @gcwise.teardown
    @classmethod
    def close_all(cls, first: int) -> str:
        """Return a string."""
        return str(first)


def functions() -> None:
    """Check calls of functions."""
    assert_type(function(1, key="x"), list[str])
    assert_type(generator(1), Generator[int, str, bool])
    assert_type(iterator(1), Iterator[int])
    assert_type(async_generator(1), AsyncGenerator[int, str])
    assert_type(async_iterator(1), AsyncIterator[int])
    assert_type(bare(1), str)
    assert_type(called(1), str)
    assert_type(called_with_name(1), str)
    bare_again: Callable[[int], str] = bare
    assert_type(bare_again(1), str)


def methods(thing: Thing) -> None:
    """Check calls of methods."""
    assert_type(thing.method(1), str)
    assert_type(Thing.method(thing, 1), str)
    for owner in (thing, Thing):
        assert_type(owner.inside_class(1), str)
        assert_type(owner.outside_class(1), str)
        assert_type(owner.inside_static(1), str)
        assert_type(owner.outside_static(1), str)
        assert_type(owner.close_all(1), str)
    closing: Callable[[], None] = thing.close
    closing()


def refused(thing: Thing) -> None:
    """Check that wrong calls are still found: each comment here would be unused otherwise."""
    function("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    function(1, other=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    bare("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    called("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    thing.method("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Thing.outside_class("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    gcwise.batch(100)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    gcwise.batch(policy="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def awaited() -> None:
    """Check what is awaited."""
    assert_type(await coroutine(1), bytes)
    assert_type(await bare_coroutine(1), str)
    waiting: Coroutine[Any, Any, bytes] = coroutine(1)
    await waiting
    assert_type([item async for item in async_generator(1)], list[int])
    assert_type(await async_generator(1).asend("x"), int)
