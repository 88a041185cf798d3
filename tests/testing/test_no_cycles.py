"""The block for users' tests that fails when it leaves cyclic garbage behind."""

import asyncio
import gc

import pytest

from gcwise._explain import block
from gcwise.testing import no_cycles
from tests.interpreters import needs_settings

pytestmark = needs_settings


class Node:
    """Refers to itself."""

    def __init__(self):
        self.items = [self]


class Leaf(Node):
    """A kind of node."""


def test_nothing_left_behind():
    """Without cyclic garbage the block is as if it were not there."""
    with no_cycles():
        items = [[] for _ in range(10)]

    assert len(items) == 10


def test_failure():
    """A cycle fails, and the message explains it."""
    with pytest.raises(AssertionError) as caught, no_cycles():
        Node()

    message = str(caught.value)
    assert message.startswith("cyclic garbage was left behind")
    assert "Node.items -> list[0] -> Node" in message
    assert "To cut it: hold Node.items as a weakref.ref" in message


def test_garbage_from_before():
    """What was garbage before does not count."""
    gc.disable()
    try:
        Node()
        with no_cycles():
            pass
    finally:
        gc.enable()


@pytest.mark.parametrize("allow", [[Node], {f"{__name__}.Node"}, (object,)])
def test_allowed(allow):
    """Cycles of allowed types, by class or name, and of their subclasses, are left alone."""
    with no_cycles(allow=allow):
        Node()
        Leaf()


def test_others_than_those_allowed():
    """Cycles of other types fail, and only these are explained."""

    def leave():
        Leaf()
        Node()

    with pytest.raises(AssertionError) as caught, no_cycles(allow=[Leaf]):
        leave()

    assert "Node.items -> list[0] -> Node" in str(caught.value)
    assert "Leaf.items" not in str(caught.value)


def test_exception_passes_through():
    """An exception from the block is not hidden by what it left behind."""
    error = LookupError()

    def leave():
        Node()
        raise error

    with pytest.raises(LookupError) as caught, no_cycles():
        leave()

    assert caught.value is error


def test_no_answer_is_no_success(monkeypatch):
    """Where nothing could be looked for, the block does not pass."""
    monkeypatch.setattr(block.saved, "collect", lambda **_: False)

    with pytest.raises(AssertionError, match="Another collection was under way"), no_cycles():
        pass


def test_decorated_function():
    """Each call of a decorated function is a block."""

    @no_cycles(allow=[Leaf])
    def build(kind):
        kind()
        return kind.__name__

    for _ in range(2):
        assert build(Leaf) == "Leaf"
        with pytest.raises(AssertionError, match=r"Node\.items"):
            build(Node)


def test_decorated_coroutine_function():
    """So is each call of a coroutine function, to its end."""

    @no_cycles()
    async def build():
        await asyncio.sleep(0)
        Node()

    with pytest.raises(AssertionError, match=r"Node\.items"):
        asyncio.run(build())


@pytest.mark.parametrize("allow", ["json.Decoder", Node, [1], None])
def test_bad_allow(allow):
    """What is no collection of types and names is refused, and what is allowed is said."""
    with pytest.raises(TypeError, match=r"allow must hold types and dotted names of types, got "):
        no_cycles(allow=allow)


def test_forgotten_parentheses():
    """A decorator without its parentheses is told about them."""
    with pytest.raises(TypeError, match=r"got function: .*the parentheses, as in @no_cycles\(\)\?"):

        @no_cycles
        def function():
            """Never decorated."""


def test_what_cannot_be_decorated():
    """The hint is of this block and no other."""
    with pytest.raises(TypeError, match=r"got int: 1; .* open a block: with no_cycles\(\): "):
        no_cycles()(1)


def test_interpreter_that_cannot_save_garbage(monkeypatch):
    """Where garbage cannot be saved, a clear error says so."""
    monkeypatch.delattr(gc, "DEBUG_SAVEALL")

    with pytest.raises(RuntimeError, match="DEBUG_SAVEALL"):
        no_cycles()
