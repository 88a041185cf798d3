"""How to cut a cycle: in words that fit its kind."""

from __future__ import annotations

import sys
from types import (
    FrameType,
    FunctionType,
    MethodType,
    TracebackType,
)

from gcwise._explain.names import METHODS, ancestry, name_of
from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gcwise._explain.names import Step

__all__ = ["Advice", "advise", "rank_of"]

ARGPARSE = "a parser always refers to itself: make it once, at the level of the module, and keep it"
# What libraries offer themselves; the tests try each.
LIBRARIES = {
    "matplotlib.figure.Figure": (
        "a figure always refers to itself: plt.close(fig) makes pyplot let go of it, and then a "
        "collection frees it; close many and collect once (@gcwise.teardown does), or draw into "
        "the same figure again after fig.clear()"
    ),
    "bs4.element.PageElement": (
        "soup.clear(decompose=True) when done with the tree, which calls decompose() on all in it; "
        "keep str(text) of a text that is still needed, for a NavigableString keeps all the tree"
    ),
    "argparse._ActionsContainer": ARGPARSE,
    "argparse.HelpFormatter": ARGPARSE,
    "xml.dom.minidom.Node": "document.unlink() when done with it",
}
# An attribute of such a name leads upwards, and can be weak: whoever is above lives longer anyway.
UPWARDS = ("parent", "owner", "container", "root", "master", "manager", "prev", "back", "outer")
# Flags of types: made by a class statement, or by C code that lets nobody change it.
HEAP, IMMUTABLE = 1 << 9, 1 << 8


class Advice(NamedTuple):
    """Tell what kind of cycle it is, and how to cut it.

    Attributes:
        kind: "library", "exception", "class", "method", "closure", "attribute" or
            "container".
        words: What to do.
    """

    kind: str
    words: str


def rank_of(kind: type) -> int:
    """Return how well a path begins at an object of this type: the lower the better."""
    if _library(kind):
        return 0
    if issubclass(kind, BaseException):
        return 1
    if issubclass(kind, type):
        return 4
    if kind.__flags__ & HEAP and not kind.__flags__ & IMMUTABLE:
        return 3
    return 5 if kind in (FunctionType, MethodType, FrameType) else 6


def _library(kind: type) -> str | None:
    for base in ancestry(kind):
        words = LIBRARIES.get(name_of(base))
        if words is not None:
            return words
    return None


def advise(ways: list[tuple[Any, Step]]) -> Advice:
    """Return what to do about a cycle, of whose steps each comes with the object that holds it."""
    kinds = {type(holder) for holder, _ in ways}
    library = next(filter(None, map(_library, kinds)), None)
    if library is not None:
        return Advice("library", library)
    for name, types, words in KINDS:
        if any(issubclass(kind, types) for kind in kinds):
            step = next(step for holder, step in ways if issubclass(type(holder), types))
            return Advice(name, words(step, [step for _, step in ways]))
    return _attribute([step for _, step in ways])


def _exception(_: Step, steps: list[Step]) -> str:
    at = next((at for at, step in enumerate(steps) if step.via.startswith(LOCAL)), None)
    if at is None:
        return "error.__traceback__ = None, as soon as the error has been dealt with"
    function, name = steps[at].holder, steps[at].via.removeprefix(LOCAL)
    if at == len(steps) - 1:
        return (
            f"`del {name[1:-1]}` at the end of {function} (in a `finally:`), or keep str(error) or "
            "traceback.format_exc() in place of the exception, which holds the frames it passed"
        )
    return (
        f"let {steps[-1]} hold str(error) or traceback.format_exc() in place of the error, or set "
        f"error.__traceback__ = None: its traceback holds {function} with its local {name}"
    )


def _class(_: Step, __: list[Step]) -> str:
    return (
        "a class always refers to itself: make it once, at the level of the module, and not in a "
        "function that is called again and again"
    )


def _method(step: Step, _: list[Step]) -> str:
    return (
        f"a {step.holder} holds its object: keep a weakref.WeakMethod in its place, or take the "
        "callback out again in a close()"
    )


def _closure(step: Step, steps: list[Step]) -> str:
    name = step.via.removeprefix(" closure ")
    if len(steps) == 1:
        return (
            f"{step.holder} calls itself by its own closure: define it at the level of the module "
            f"or as a method, or `del {name[1:-1]}` where it is defined when done with it"
        )
    return (
        f"{step.holder} keeps {name} alive: give it a weakref.ref of that, or a value in place of "
        "the object, or let go of the function in a close()"
    )


def _attribute(steps: list[Step]) -> Advice:
    named = [step for step in steps if step.via.startswith(".")]
    if not named:
        return Advice("container", f"clear() the {steps[0].holder}, or do not put it into itself")
    upwards = [step for step in named if any(each in step.via.lower() for each in UPWARDS)]
    link = (upwards or named[-1:])[0]
    words = f"hold {link} as a weakref.ref, or set it to None in a close() when done"
    return Advice("attribute", words)


LOCAL = " local "
# By what there is on the way, the most telling first.
KINDS: tuple[tuple[str, tuple[type, ...], Callable[[Step, list[Step]], str]], ...] = (
    ("exception", (TracebackType,), _exception),
    ("class", (type,), _class),
    ("method", METHODS, _method),
    ("closure", (FunctionType,), _closure),
)


def holders() -> tuple[str, ...]:
    """Tell who is known to keep things alive on purpose."""
    pyplot = sys.modules.get("matplotlib._pylab_helpers")
    figures = len(pyplot.Gcf.figs) if pyplot is not None else 0
    if not figures:
        return ()
    return (f"pyplot still holds {figures} figure{'s'[: figures > 1]}: plt.close(fig) lets go.",)
