"""Scopes, loops, questions and data have exact types. Read by type checkers, never run."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from typing_extensions import assert_type

import gcwise
from gcwise import Collection, Decision, Policy, Reason, Scope


def scopes() -> None:
    """Check what blocks give."""
    with gcwise.batch() as batch:
        assert_type(batch, gcwise.batch)
        assert_type(batch.checkpoint(), Decision)
    assert_type(batch.decision, Decision | None)
    with gcwise.collect_after("name") as collect_after:
        assert_type(collect_after, gcwise.collect_after)
    with gcwise.paused(policy=Policy()) as paused:
        assert_type(paused, gcwise.paused)
    with gcwise.teardown("name") as teardown:
        scope: Scope = teardown
    assert_type(scope.decision, Decision | None)


def after_a_block() -> int:
    """Check that no block is taken to swallow exceptions: what follows it always runs."""
    with gcwise.batch():
        return 1


def loops(texts: list[str], pairs: dict[str, int]) -> None:
    """Check that a loop yields its items' type."""
    for text in gcwise.each(texts):
        assert_type(text, str)
    for number, (name, value) in gcwise.each(enumerate(pairs.items()), "pairs", policy=Policy()):
        assert_type(number, int)
        assert_type(name, str)
        assert_type(value, int)
    assert_type(gcwise.each(texts), Iterator[str])
    gcwise.each(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def questions() -> None:
    """Check what questions answer."""
    assert_type(gcwise.should_collect(), Decision)
    assert_type(gcwise.maybe_collect("name", policy=Policy.never()), Decision)
    if (decision := gcwise.should_collect()) and decision.generation is not None:
        gc.collect(decision.generation)


def data(decision: Decision, collection: Collection) -> None:
    """Check the fields of what was decided and done."""
    assert_type(decision.generation, int | None)
    assert_type(decision.reason, Reason)
    assert_type(decision.site, str)
    assert_type(decision.candidates, int)
    assert_type(decision.expected, int)
    assert_type(decision.cost, float)
    assert_type(decision.debt, float)
    assert_type(decision.collection, Collection | None)
    assert_type(bool(decision), bool)
    assert_type(str(decision), str)
    assert_type(collection.generation, int)
    assert_type(collection.candidates, int)
    assert_type(collection.collected, int)
    assert_type(collection.uncollectable, int)
    assert_type(collection.duration, float)
    assert_type(collection.memory_freed, int | None)


def settings() -> None:
    """Check the process-wide settings."""
    assert_type(gcwise.get_policy(), Policy)
    assert_type(gcwise.is_active(), bool)
    assert_type(Policy.every(3), Policy)
    assert_type(Policy.always(generation=0), Policy)
    gcwise.set_policy(Policy(memory_weight=2, max_overhead=0.1, memory_limit=2**30))
    gcwise.set_policy("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    gcwise.set_active(False)
