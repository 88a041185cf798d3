"""Scopes and their spellings: the blocks, calls and loops at whose ends gcwise decides."""

from __future__ import annotations

import functools
import sys

from gcwise._checks import given
from gcwise._collector import collector
from gcwise._decision import Decision, Reason, refused
from gcwise._decorate import decorate, qualified_name
from gcwise._naming import caller, check
from gcwise._window import BATCH, PAUSE
from gcwise.instrumentation._hooks import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any, TypeVar, overload

    from typing_extensions import Self

    from gcwise._policy import Policy

    F = TypeVar("F")
    T = TypeVar("T")

__all__ = [
    "Scope",
    "batch",
    "collect_after",
    "each",
    "paused",
    "teardown",
]

# Looked up once: a scope with nothing to do is little more than these.
skipped = collector.quiet.skipped
open_window, close_window = collector.window.open, collector.window.close
# A member of an enumeration takes its time to be found.
INACTIVE = Reason.INACTIVE
# A scope's states, in their order.
NEW, OPEN, ENDED = range(3)


class Scope:
    """Decide at the end of a block, or of each call of a decorated function.

    Not made directly: `batch`, `collect_after`, `teardown` and `paused` make scopes, and differ in
    what they do to automatic collection. A scope serves for one block; as a decorator it makes a
    fresh one for each call, and adopts what Python 3.15 gives `contextlib.ContextDecorator`: as if
    `with` were the first line of the body, of coroutines and generators as well.

    An exception that passes through is left alone: no collection delays it, and the scope keeps no
    reference to it. Leaving a scope never raises.
    """

    __slots__ = ("_opened", "_outcome", "_policy", "_site", "_state", "_unnamed")
    # Not set before there is one; of a decision that was not taken, its reason or what was counted.
    _outcome: Decision | Reason | int | None

    def __init__(self, name: str | None = None, *, policy: Policy | None = None) -> None:
        if type(name) is not str or not name or policy is not None:
            check(name, policy, type(self).__name__)
            self._unnamed = name is None
            name = caller(1) if name is None else name
        self._site = name
        self._policy = policy
        self._state = NEW

    @property
    def decision(self) -> Decision | None:
        """Return the decision at the scope's end or last checkpoint; None before."""
        outcome = getattr(self, "_outcome", None)
        # Made only when asked for: making it costs a fourth of a scope with nothing to do.
        if isinstance(outcome, int):
            return refused(Reason.NOTHING_NEW, self._site, outcome)
        if isinstance(outcome, Reason):
            return refused(outcome, self._site)
        return outcome

    def checkpoint(self) -> Decision:
        """Decide in the middle of an open block, as at its end, and return the decision.

        Automatic collection stays held back, if it was. What the block's variables still name is
        alive, and no collection frees it.

        Raises:
            RuntimeError: The block is not open.

        Cost with nothing to do: that of `should_collect`.
        """
        if self._state != OPEN:
            raise RuntimeError(
                "checkpoint() decides inside an open block, as in "
                f"with gcwise.{type(self).__name__.lower()}() as scope: ... scope.checkpoint()"
            )
        decision = self._outcome = self._decide(None)
        tell(decision)
        return decision

    def __enter__(self) -> Self:
        self._begin()
        self._opened = None
        return self

    def _begin(self) -> None:
        if self._state:
            raise RuntimeError(
                "this scope has already been entered; make a new one for each block, as in "
                f"with gcwise.{type(self).__name__.lower()}(): ..."
            )
        self._state = OPEN

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            window = self._opened
        except AttributeError:
            raise RuntimeError(
                "this scope has not been entered; open a block, as in "
                f"with gcwise.{type(self).__name__.lower()}(): ..."
            ) from None
        self._state = ENDED
        try:
            try:
                if not collector.active:
                    self._outcome = INACTIVE
                    return
                if kind is not None and kind is not GeneratorExit:
                    decision = collector.passing(self._site)
                else:
                    young = self._outcome = skipped(self._policy, self._site, window)
                    if young is not None:
                        return
                    decision = self._decide(window)
                self._outcome = decision
            finally:
                if window is not None:
                    close_window(window, self)
            tell(decision)
        except Exception:
            # As the interpreter ends it takes away what modules name, this one's `sys` included.
            if sys is not None and not sys.is_finalizing():
                raise

    def _decide(self, window: int | None) -> Decision:
        return collector.end(self._site, self._policy, window)

    def __call__(self, func: F) -> F:
        """Decorate a function, coroutine function, generator function or method.

        Each call is a block of its own, and decided after the function's frame is gone. Returns a
        function of the same kind, name and signature.

        Raises:
            TypeError: `func` is none of these.
        """
        # Not set where a name was all that was given, which is the most common.
        site = qualified_name(func) if getattr(self, "_unnamed", False) else self._site
        scope = functools.partial(type(self), site, policy=self._policy)
        return decorate(func, scope, f"gcwise.{type(self).__name__.lower()}()")


def _holding(window: int) -> Callable[[Any], Any]:
    # A closure: CPython 3.11 is slow to find a class's attribute through an instance.
    def __enter__(self: Any) -> Any:  # noqa: N807
        if self._state:
            self._begin()
        self._state = OPEN
        if collector.active:
            self._opened = window
            open_window(window, self)
        else:
            self._opened = None
        return self

    return __enter__


class batch(Scope):  # noqa: N801  # Read as a verb: with gcwise.batch(): ...
    """Hold automatic collection back during a batch, and decide at its end.

    Inside, automatic collection admits as many young objects as is worth it, learned as it goes,
    and leaves the oldest generation alone. That is done by `gc.set_threshold`, and never by
    `gc.disable`. It comes back exactly as it was found when the last window of the process closes;
    what other code sets meanwhile stays as that code set it.

    Works as a block, around one batch or (with `checkpoint`) around a whole loop, and as a
    decorator; nested, in overlapping threads, and in asyncio tasks across `await`.

    Args:
        name: What to call this place, for what is learned there; by default the decorated
            function's qualified name, else file and line of the caller.
        policy: The price of memory here; by default that of `set_policy`.

    Raises:
        TypeError: `name` is no string, or `policy` no policy.
        ValueError: `name` is empty.
        RuntimeError: The block is entered a second time, or left before it was entered.

    Cost with nothing to do: 1.3 us, about that of a `@contextmanager` that disables and enables
    gc. The rule that decides is `decide` in `gcwise/_policy.py`.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # pragma: no branch
        __enter__ = _holding(BATCH)


class collect_after(Scope):  # noqa: N801
    """Leave automatic collection alone, and decide at the end of a block or call.

    For work that leaves garbage behind where holding automatic collection back is not wanted.
    Arguments, errors, cost and rule are those of `batch`.
    """

    __slots__ = ()


class paused(Scope):  # noqa: N801
    """Keep automatic collection off during a block or call, and decide before it comes back.

    Unlike in `batch`, garbage grows without bound inside. It is kept off by a first threshold that
    no count reaches and not by `gc.disable()`: `gc.isenabled()` goes on telling what the program
    chose, and a `gc.enable()` by other code inside does not end the pause. Arguments, errors, cost
    and rule are those of `batch`.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # pragma: no branch
        __enter__ = _holding(PAUSE)


class Teardown(Scope):
    """What `teardown` makes."""

    __slots__ = ()

    def __enter__(self) -> Self:
        # What a teardown leaves does not show in the counts that `skipped` goes by; a place with a
        # policy of its own is never skipped.
        self._policy = self._policy or collector.policy
        return super().__enter__()

    def _decide(self, window: int | None) -> Decision:
        return collector.decide(self._site, self._policy, window=window, teardown=True)


if TYPE_CHECKING:

    @overload
    def teardown(name: str | None = None, *, policy: Policy | None = None) -> Teardown: ...
    @overload
    def teardown(name: F) -> F: ...


def teardown(name: Any = None, *, policy: Policy | None = None) -> Any:
    """Say that a block or function takes an object graph apart, and decide at its end.

    Counts of young objects do not show the garbage that this leaves, so the first times every
    generation is tried, youngest first. What each freed is learned, and from then on the
    generation that is worth it is collected, or none where nothing is ever freed.

    Works as a decorator, `@gcwise.teardown` or `@gcwise.teardown("close")`, and as a block. Around
    a block inside a function it cannot free what the function's own variables still name.
    Leaves automatic collection alone.

    Args:
        name: As for `batch`; or the function, where it decorates without parentheses.
        policy: As for `batch`.

    Returns:
        The scope; or the decorated function.

    Raises:
        TypeError: `name` is neither string nor function, or `policy` no policy.
        ValueError: `name` is empty.
        RuntimeError: The block is entered a second time, or left before it was entered.

    Cost: a full collection the first two times, then 20 us or more where nothing is worth it.
    """
    if callable(name) or isinstance(name, classmethod):
        return Teardown(policy=policy)(name)
    check(name, policy, "teardown")
    scope = Teardown(name, policy=policy)
    if name is None:
        scope._site = caller(1)  # noqa: SLF001  # Not this line.
    return scope


class _Loop(batch):
    """A window around a loop whose bodies' ends are decided one by one."""

    __slots__ = ()

    def bodies(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items, and decide whenever the loop comes back for another."""
        with self:
            for item in items:
                yield item
                # What only this variable keeps alive is garbage by now.
                del item
                young = self._outcome = skipped(self._policy, self._site)
                if young is None:
                    decision = self._outcome = self._decide(None)
                    tell(decision)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The end of the loop is that of its last body, which was decided already.
        window = self._opened
        try:
            if window is not None:
                close_window(window, self)
        except Exception:
            if sys is not None and not sys.is_finalizing():
                raise


def each(
    iterable: Iterable[T], name: str | None = None, *, policy: Policy | None = None
) -> Iterator[T]:
    """Iterate, treating the loop's body as a batch: `for item in gcwise.each(items): ...`.

    One window, as of `batch`, stays open from the first item to the end of the loop, and every
    body's end is a decision. Where the loop is left early (`break`, an exception), nothing is
    decided for its last body.

    Args:
        iterable: What to loop over.
        name: As for `batch`.
        policy: As for `batch`.

    Returns:
        An iterator over the same items.

    Raises:
        TypeError: `iterable` is none, `name` is no string, or `policy` no policy.
        ValueError: `name` is empty.

    Cost for each body with nothing to do: less than that of `batch`.
    """
    # Of the type: a class like `list` has both without being iterable.
    if not hasattr(type(iterable), "__iter__") and not hasattr(type(iterable), "__getitem__"):
        raise TypeError(
            f"each() loops over an iterable, got {given(iterable)}; "
            "as in: for item in gcwise.each(items): ..."
        )
    check(name, policy, "each")
    loop = _Loop(caller(1) if name is None else name, policy=policy)
    return loop.bodies(iter(iterable))
