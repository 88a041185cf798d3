"""Groups of objects that refer to one another, against a plain definition of them."""

from hypothesis import given
from hypothesis import strategies as st

from gcwise._explain.components import components
from tests.interpreters import needs_settings

pytestmark = needs_settings

graphs = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size
    )
)


def found_in(edges):
    """Make lists that refer to one another along the edges; return the groups found among them."""
    lists = [[] for _ in edges]
    for each, ahead in zip(lists, edges, strict=True):
        each.extend(lists[to] for to in ahead)
    index = {id(each): number for number, each in enumerate(lists, 1)}
    found = components([None, *lists], index)
    for each in lists:
        each.clear()
    return sorted(sorted(number - 1 for number in group) for group in found)


def expected(edges):
    """Return the groups by their definition: each member can be reached from each other."""
    reach = [set(ahead) for ahead in edges]
    for _ in edges:
        for each in reach:
            each.update(*(reach[to] for to in list(each)))
    members = [
        frozenset(b for b in range(len(edges)) if b in reach[a] and a in reach[b])
        for a in range(len(edges))
    ]
    return sorted(sorted(group) for group in set(members) if group)


@given(graphs)
def test_definition(edges):
    """Groups are those whose members can all be reached from one another."""
    assert found_in(edges) == expected(edges)


def test_shapes():
    """A ring, a list in itself, one twice in itself beside a ring, and a tree."""
    assert found_in([[1], [2], [0]]) == [[0, 1, 2]]
    assert found_in([[0, 0]]) == [[0]]
    assert found_in([[0, 1], [0, 0], [2]]) == [[0, 1], [2]]
    assert found_in([[1, 2], [], []]) == []


def test_deep():
    """A hundred thousand references one after the other are no matter."""
    size = 100_000

    assert found_in([[number + 1] for number in range(size - 1)] + [[0]]) == [list(range(size))]


def test_limited():
    """Objects that the index does not know are left out."""
    first, second, third = [], [], []
    first.append(second)
    second += [first, third]
    third.append(second)

    found = components([None, first, second, third], {id(first): 1, id(second): 2})

    assert sorted(map(sorted, found)) == [[1, 2]]
    second.clear()
