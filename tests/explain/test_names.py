"""The names of references: which attribute, item or variable leads from one object to another."""

import collections
import functools
import gc
import sys
import weakref

import pytest

from gcwise._explain.names import name_of, steps_around
from tests.interpreters import needs_settings

pytestmark = needs_settings


class Plain:
    """Has attributes."""

    def method(self, *_):
        """Do nothing."""


class Slotted:
    """Has slots."""

    __slots__ = ("_private", "first", "second")


class Hostile:
    """Fails whatever it is asked."""

    def __getattribute__(self, name):
        raise ZeroDivisionError(name)

    def __eq__(self, other):
        raise ZeroDivisionError

    __hash__ = None

    def __repr__(self):
        raise ZeroDivisionError

    @property
    def __class__(self):
        raise ZeroDivisionError


def told(*circle):
    """Return the steps around these objects as one string."""
    return " -> ".join(str(step) for _, step in steps_around(list(circle)))


def test_attribute():
    """An attribute is named, whether or not its instance's dict is a step of its own."""
    a, b = Plain(), Plain()
    a.other, b.parent = b, a

    assert told(a, b) == "Plain.other -> Plain.parent"
    assert told(a, a.__dict__, b, b.__dict__) == "Plain.other -> Plain.parent"
    assert told(a.__dict__, b, b.__dict__, a) == "dict['other'] -> Plain.parent -> Plain.__dict__"


def test_slot():
    """A slot is named; those that are empty are no matter."""
    a = Slotted()
    a.second = a

    assert told(a) == "Slotted.second"


def test_code_of_classes_does_not_run():
    """Classes whose attributes, comparisons and representations fail are told of like others."""
    hostile = Hostile()
    object.__setattr__(hostile, "me", hostile)
    key = {(1,): [hostile]}
    object.__setattr__(hostile, "key", key)

    assert told(hostile) == "Hostile.me"
    assert told(hostile, key, key[1,]) == "Hostile.key -> dict[tuple] -> list[0]"


@pytest.mark.parametrize("kind", [list, tuple, collections.deque])
def test_sequence(kind):
    """An item of a sequence has its number."""
    a = Plain()
    a.items = kind([None, a])

    assert told(a, a.items) == f"Plain.items -> {kind.__name__}[1]"


def test_subclass_of_list():
    """A list with attributes has both."""

    class Nodes(list):
        pass

    nodes = Nodes()
    nodes.append(nodes)
    assert told(nodes) == "Nodes[0]"
    nodes[0] = None
    nodes.me = nodes
    assert told(nodes) == "Nodes.me"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *[("a", "'a'"), (1, "1"), (b"b", "b'b'"), ((1, 2), "tuple")],
        ("x" * 99, "'" + "x" * 36 + "..."),
    ],
)
def test_dict(key, text):
    """An item of a dict has its key, in short."""
    a = {}
    a[key] = a

    assert told(a) == f"dict[{text}]"


def test_key_that_cannot_be_printed():
    """A number of more digits than Python prints is no reason to tell nothing."""
    a = {}
    a[10**5000] = a

    assert told(a) == "dict[<repr() failed>]"


def test_keys_and_elements():
    """Keys of dicts and elements of sets are named as such."""
    a = Plain()
    a.keys, a.elements, a.frozen = {a: 1}, {a}, frozenset([a])

    assert told(a, a.keys) == "Plain.keys -> dict key"
    assert told(a, a.elements) == "Plain.elements -> set element"
    assert told(a, a.frozen) == "Plain.frozen -> frozenset element"


def test_bound_methods():
    """A bound method leads to its object, written in Python or in C."""
    a = Plain()
    a.callback, a.items = a.method, []
    a.items.append(a)
    a.append = a.items.append

    assert told(a, a.callback) == "Plain.callback -> bound method Plain.method"
    assert told(a, a.append, a.items) == "Plain.append -> bound method list.append -> list[0]"


def test_method_of_another_callable():
    """A method made of something else than a function has a name all the same."""
    a = Plain()
    a.callback = type(a.method)(functools.partial(print), a)

    assert told(a, a.callback) == "Plain.callback -> bound method Plain.?"


def test_closure():
    """A closure's variable is named; tuple and cell are no steps of their own."""
    a = Plain()
    b = Plain()

    def callback():
        return a, b

    b.callback = callback
    cell = callback.__closure__[1]

    assert told(b, callback, callback.__closure__, cell) == (
        "Plain.callback -> callback() closure 'b'"
    )
    assert told(cell, b, callback, callback.__closure__) == (
        "cell.cell_contents -> Plain.callback -> callback().__closure__ -> tuple[1]"
    )


def test_empty_cell():
    """A variable that has been deleted leads nowhere."""

    def callback():
        return absent, callback  # noqa: F821

    absent = None
    del absent

    closure = callback.__closure__
    assert told(callback, closure, closure[1]) == "callback() closure 'callback'"


def test_function():
    """A function's attributes and defaults are named."""

    def function(_default=[]):  # noqa: B006
        pass

    function.me = function
    function.__defaults__[0].append(function)

    assert told(function) == "function().me"
    assert told(function, function.__defaults__, function.__defaults__[0]) == (
        "function().__defaults__ -> tuple[0] -> list[0]"
    )


def test_exception_in_its_own_frame():
    """Traceback, frame and local variable are named."""

    def load():
        try:
            raise ValueError  # noqa: TRY301
        except ValueError as caught:
            error = caught
        return error

    error = load()
    traceback = error.__traceback__

    assert told(error, traceback, traceback.tb_frame) == (
        "ValueError.__traceback__ -> traceback.tb_frame -> load() local 'error'"
    )


def test_chained_exceptions():
    """Cause, context, arguments and the next traceback are named."""
    first, second = ValueError(), TypeError()
    first.__cause__, second.__context__ = second, first

    assert told(first, second) == "ValueError.__cause__ -> TypeError.__context__"

    third = ValueError([])
    third.args[0].append(third)
    assert told(third, third.args, third.args[0]) == "ValueError.args -> tuple[0] -> list[0]"


def test_frame_with_a_dict_of_its_variables():
    """A dict of variables, which a frame had before CPython 3.13, is no step of its own."""

    def outer():
        local = Plain()
        local.frame = sys._getframe()
        return local

    local = outer()
    variables = local.frame.f_locals

    expected = "outer() local 'local' -> Plain.frame"
    if type(variables) is dict:
        assert told(local.frame, variables, local) == expected
    assert told(local.frame, local) == expected


def test_frame_behind_a_frame():
    """A frame leads to the one that it was called from."""

    def inner():
        return sys._getframe()

    def outer():
        local = Plain()
        local.frame = inner()
        return local

    local = outer()
    behind = local.frame.f_back

    assert told(local, local.frame, behind) == (
        "Plain.frame -> inner().f_back -> outer() local 'local'"
    )


def test_frame_with_cell():
    """A frame's variable that a nested function shares is named without its cell."""

    def outer():
        shared = Plain()

        def inner():
            return shared

        shared.frame, shared.inner = sys._getframe(), inner
        return shared

    shared = outer()
    cell = shared.inner.__closure__[0]

    assert told(shared, shared.frame, cell) == "Plain.frame -> outer() local 'shared'"
    assert told(shared.frame, cell, shared) == "outer() local 'shared' -> Plain.frame"


def test_generators():
    """A suspended generator, coroutine or async generator leads to its local variables."""

    def generator(local):
        yield local

    async def coroutine(local):
        await Awaitable()
        return local

    async def asynchronous(local):
        yield local

    class Awaitable:
        def __await__(self):
            yield

    a = Plain()
    a.generator = generator(a)
    next(a.generator)
    a.coroutine = coroutine(a)
    a.coroutine.send(None)
    a.asynchronous = asynchronous(a)

    assert told(a, a.generator) == "Plain.generator -> generator() local 'local'"
    assert told(a, a.coroutine) == "Plain.coroutine -> coroutine() local 'local'"
    assert told(a, a.asynchronous) == "Plain.asynchronous -> asynchronous() local 'local'"
    a.coroutine.close()


def test_generator_with_a_frame_of_its_own():
    """A frame between a generator and its variables, as CPython 3.10 has, is no step."""

    def generator(local):
        shared, local = local, None
        yield lambda: shared

    a = Plain()
    a.generator = generator(a)
    cell = next(a.generator).__closure__[0]
    frame = a.generator.gi_frame

    assert told(None, a.generator, frame).endswith("generator() local 'local'")
    assert told(a, a.generator, frame, cell) == "Plain.generator -> generator() local 'shared'"


def test_class():
    """A class is told of by name, with what is in its namespace."""

    class Local:
        def method(self):
            pass

    Local.me = Local
    namespace = next(each for each in gc.get_referents(Local) if type(each) is dict)

    assert told(Local, Local.__mro__) == "class Local.__mro__ -> tuple[0]"
    assert told(Local, namespace) == "class Local.me"


def test_weak_reference_with_a_callback():
    """A weak reference leads to its callback."""
    a, target = Plain(), Plain()
    a.ref = weakref.ref(target, a.method)

    assert told(a, a.ref, a.ref.__callback__) == (
        "Plain.ref -> ReferenceType.__callback__ -> bound method Plain.method"
    )


def test_partial():
    """What the interpreter's own types hold is named, too."""
    a = Plain()
    a.partial = functools.partial(print, a)

    assert told(a, a.partial, a.partial.args) == "Plain.partial -> partial.args -> tuple[0]"


def test_reference_without_a_name():
    """Where a reference has no name only its holder is told."""
    a = Plain()
    a.iterator = iter([a])
    a.elements, a.keys = {1}, {1: 2}

    assert told(a, a.iterator) == "Plain.iterator -> list_iterator"
    assert told(a, a.elements) == "Plain.elements -> set"
    assert told(a, a.keys) == "Plain.keys -> dict"
    assert told(Plain, a) == "class Plain -> Plain.__class__"


def test_modules_are_left_out_of_names_that_all_know():
    """Types of the program itself and of the interpreter go by their names alone."""
    assert name_of(list) == "list"
    assert name_of(collections.OrderedDict) == "collections.OrderedDict"
    assert name_of(type("Mine", (), {"__module__": "__main__"})) == "Mine"
    assert name_of(type("Odd", (), {"__module__": 7})) == "Odd"
