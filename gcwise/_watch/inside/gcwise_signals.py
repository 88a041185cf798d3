"""Raise in the program what a signal's handler has raised in a callback of the collector.

A signal that comes during a collection is handled at the first chance, which is in the callback
that watches it. What the handler raises there would be lost: a Ctrl-C would end nothing.

So it is raised again by a handler of ours, after the callback. What happens there has to happen
without Python code of ours, in whose frame the signal would be handled otherwise, and which the
traceback would show: hence iterators, whose steps are taken by `max`, which calls a key twice.
"""

from __future__ import annotations

import _thread
import gc
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Generator, Iterator
    from functools import partial
    from typing import Any
else:
    # The modules around these import what the program may not.
    import _signal
    from _functools import partial

__all__ = ["deliver_later"]

MAIN = _thread.get_ident()
FOLDER = __file__.removesuffix("gcwise_signals.py")


def deliver_later(error: BaseException) -> None:
    """Raise the error in the main thread, as soon as the collector's callbacks are over.

    What is no handler's is dropped: a stack that was too deep, for instance, is so for us only.
    """
    before = _signal.getsignal(_signal.SIGINT)
    if _thread.get_ident() != MAIN or before is None or not by_handler(error):
        return
    restore = map(_signal.signal, (_signal.SIGINT,), (before,))
    fail = map(spent().throw, (error,))
    _signal.signal(_signal.SIGINT, two_steps(chain(restore, fail)))
    # Called after all other callbacks, its first step is to go.
    last: list[Callable[..., object]] = []
    go = map(gc.callbacks.remove, last)
    trip = map(_thread.interrupt_main, (_signal.SIGINT,))
    last.append(two_steps(map(bool, chain(go, trip))))
    gc.callbacks += last


def two_steps(steps: Iterator[Any]) -> Callable[..., object]:
    """Return a function of two arguments, without a frame, that takes two steps of an iterator."""
    step: Callable[[object], Any] = partial(next, steps)
    function: Callable[..., object] = partial(max, key=step)  # pyright: ignore[reportCallIssue]
    return function


def by_handler(error: BaseException) -> bool:
    """Tell whether a handler has raised this, and leave the handler's part of the traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(FOLDER):
        trace = trace.tb_next
    error.__traceback__ = trace
    return trace is not None or isinstance(error, KeyboardInterrupt)


def spent() -> Generator[Any, Any, None]:
    """Return a generator that is over: what is thrown into it comes back without a frame."""
    nothing: tuple[Any, ...] = ()
    generator = (each for each in nothing)
    list(generator)
    return generator
