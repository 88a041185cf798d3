"""How to cut a cycle: words that fit its kind, tried by following them."""

import sys
import types
import weakref

import pytest

from gcwise._explain import explain
from gcwise._explain.advice import advise, holders
from gcwise._explain.names import Step
from tests.interpreters import needs_settings

pytestmark = needs_settings


class Node:
    """Has whatever it is given."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def method(self):
        """Do nothing."""


def advice(function, *args):
    """Return the kind of cycle that a function leaves behind, the path and the words."""
    with explain() as e:
        function(*args)
    (group,) = [group for group in e.cyclic.groups if "Local" not in str(group.circle)]
    kind, words = group.circle.advice
    return kind, str(group.circle), words


def leaves_cycles(function, *args):
    """Tell whether a function leaves cycles behind."""
    with explain() as e:
        function(*args)
    return e.cyclic.objects > 0


def family(link=lambda parent: parent):
    """Make a parent with a child that knows it."""
    parent = Node()
    parent.child = Node(parent=link(parent))


def test_parent():
    """The link upwards is the one to make weak, wherever on the path it is."""
    kind, path, words = advice(family)

    assert kind == "attribute"
    assert path == "Node.child -> Node.parent -> Node"
    assert words.startswith("hold Node.parent as a weakref.ref")
    assert not leaves_cycles(family, weakref.ref)


def test_attributes():
    """Without a link upwards it is the last one."""

    def pair():
        one = Node()
        one.other = Node(partner=one)

    assert advice(pair)[2].startswith("hold Node.partner as a weakref.ref")


def test_container():
    """A list in itself has no attribute to be weak."""

    def nested():
        items = []
        items.append(items)

    def cleared():
        items = []
        items.append(items)
        items.clear()

    assert advice(nested) == (
        "container",
        "list[0] -> list",
        "clear() the list, or do not put it into itself",
    )
    assert not leaves_cycles(cleared)


def test_exception_in_its_own_frame():
    """A local variable that holds an exception is to be deleted."""

    def load(*, delete=False):
        try:
            raise ValueError  # noqa: TRY301
        except ValueError as caught:
            error = caught
        if delete:
            del error

    kind, path, words = advice(load)

    assert kind == "exception"
    assert path == (
        "ValueError.__traceback__ -> traceback.tb_frame -> load() local 'error' -> ValueError"
    )
    assert words.startswith("`del error` at the end of load()")
    assert not leaves_cycles(lambda: load(delete=True))


def test_exception_that_an_object_keeps():
    """An object that keeps an exception in whose frames it was is to keep less of it."""

    class Job:
        error = None

        def run(self):
            try:
                raise ValueError  # noqa: TRY301
            except ValueError as caught:
                self.error = caught

        def run_without(self):
            self.run()
            self.error.__traceback__ = None

    kind, path, words = advice(lambda: Job().run())

    assert kind == "exception"
    assert path.endswith(" -> run() local 'self' -> Job.error -> ValueError")
    assert words.startswith("let Job.error hold str(error)")
    assert "run() with its local 'self'" in words
    assert not leaves_cycles(lambda: Job().run_without())


def test_exception_in_a_namespace():
    """Where no local variable is on the path, the traceback is what to let go of."""
    try:
        raise ValueError  # noqa: TRY301
    except ValueError as caught:
        traceback = caught.__traceback__
    error, namespace = ValueError().with_traceback(traceback), {}
    namespace["error"] = error

    kind, words = advise(
        [
            (error, Step("ValueError", ".__traceback__")),
            (traceback, Step("traceback", ".tb_frame")),
            (traceback.tb_frame, Step("load()", ".f_globals")),
            (namespace, Step("dict", "['error']")),
        ]
    )

    assert kind == "exception"
    assert words == "error.__traceback__ = None, as soon as the error has been dealt with"


def test_exception_at_the_level_of_a_module():
    """A module's own code has its variables in a dict."""

    def namespace():
        source = "try: 1 / 0\nexcept ZeroDivisionError as caught: error = caught\n"
        exec(source, {"__builtins__": __builtins__})

    kind, path, words = advice(namespace)

    assert kind == "exception"
    assert path.endswith(" -> traceback.tb_frame -> <module>() local 'error' -> ZeroDivisionError")
    assert words.startswith("`del error` at the end of <module>()")


def test_class():
    """A class that is made again and again refers to itself each time."""

    def make():
        type("Made", (), {})

    kind, path, words = advice(make)

    assert kind == "class"
    assert path.startswith("class Made.")
    assert path.endswith(" -> class Made")
    assert "make it once" in words


def test_bound_method():
    """A bound method as a callback is to be weak."""

    def callback(weak):
        node = Node()
        node.callback = weak(node.method)

    kind, path, words = advice(callback, lambda method: method)

    assert kind == "method"
    assert path == "Node.callback -> bound method Node.method -> Node"
    assert "keep a weakref.WeakMethod in its place" in words
    assert not leaves_cycles(callback, weakref.WeakMethod)


def test_function_that_calls_itself():
    """A nested function that calls itself is a cycle of its own."""

    def outer(*, delete):
        def inner(number):
            return inner(number - 1) if number else 0

        inner(2)
        if delete:
            del inner

    kind, path, words = advice(lambda: outer(delete=False))

    assert kind == "closure"
    assert path == "inner() closure 'inner' -> inner()"
    assert "`del inner` where it is defined" in words
    assert not leaves_cycles(lambda: outer(delete=True))


def test_closure_over_an_object():
    """A function that an object holds and that refers to it by a closure is told to let go."""

    def outer(link):
        node = Node()
        known = link(node)
        node.callback = lambda: known

    kind, path, words = advice(outer, lambda node: node)

    assert kind == "closure"
    assert path == "Node.callback -> <lambda>() closure 'known' -> Node"
    assert words.startswith("<lambda>() keeps 'known' alive: give it a weakref.ref of that")
    assert not leaves_cycles(outer, weakref.ref)


def test_nobody_is_known_to_hold_anything(monkeypatch):
    """Without pyplot there are no figures to tell of."""
    monkeypatch.delitem(sys.modules, "matplotlib._pylab_helpers", raising=False)

    assert holders() == ()


@pytest.mark.parametrize(("figures", "words"), [(1, "1 figure:"), (2, "2 figures:")])
def test_figures_that_pyplot_holds(monkeypatch, figures, words):
    """Open figures are counted."""
    helpers = types.SimpleNamespace(Gcf=types.SimpleNamespace(figs=dict.fromkeys(range(figures))))
    monkeypatch.setitem(sys.modules, "matplotlib._pylab_helpers", helpers)

    assert words in holders()[0]
