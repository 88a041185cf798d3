"""Records are what typing.NamedTuple would have made of the same class."""

# As every module of gcwise does: from 3.14 on a class has no annotations while it is made, else.
from __future__ import annotations

import pickle
import typing

import pytest

from gcwise import Collection, Decision
from gcwise._decision import Reason
from gcwise._record import NamedTuple


class Ours(NamedTuple):
    """Made here."""

    first: int
    second: str = "b"

    @property
    def both(self):
        """Both."""
        return f"{self.first}{self.second}"


class Theirs(typing.NamedTuple):
    """Made there."""

    first: int
    second: str = "b"

    @property
    def both(self):
        """Both."""
        return f"{self.first}{self.second}"


@pytest.mark.parametrize("kind", [Ours, Theirs])
class TestRecord:
    """Both kinds."""

    def test_fields_and_defaults(self, kind):
        """Fields come in their order, those with a default may be left out."""
        assert kind._fields == ("first", "second")
        assert kind(1) == kind(first=1, second="b") == (1, "b")
        assert kind(1)._replace(second="c").second == "c"
        with pytest.raises(TypeError, match="first"):
            kind()

    def test_methods(self, kind):
        """Methods and properties of the class are there."""
        assert kind(1).both == "1b"
        assert repr(kind(1)) == f"{kind.__name__}(first=1, second='b')"

    def test_frozen(self, kind):
        """Nothing can be set, and there is no room for more."""
        with pytest.raises(AttributeError):
            kind(1).first = 2
        with pytest.raises(AttributeError):
            kind(1).third = 3

    def test_where_it_is_from(self, kind):
        """Module, documentation and pickles are those of the class."""
        assert kind.__module__ == __name__
        assert kind.__doc__.startswith("Made")
        assert pickle.loads(pickle.dumps(kind(1))) == kind(1)


def test_public_records_say_their_types():
    """The annotations stay where tools look for them."""
    assert Decision.__annotations__["generation"] == "int | None"
    assert Collection.__annotations__["duration"] == "float"
    assert pickle.loads(pickle.dumps(Decision(None, Reason.BUSY, "s", 0, 0, 0.0, 0.0)))._fields
