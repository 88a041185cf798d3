"""One explicit collection: what it reports, and several of them summed up."""

from gcwise import Collection
from gcwise._collection import collect, total_of


def test_what_it_did(runtime):
    """It tells what was freed, and how long it took by the runtime's clock."""
    runtime.make(1_000, alive=False)
    runtime.make(500)
    before = runtime.now

    done = collect(runtime, 0, 1_500)

    assert runtime.collections == [0]
    assert done == Collection(0, 1_500, 1_000, 0, runtime.now - before, None)
    assert done.duration > 0


def test_no_fewer_were_examined_than_freed(runtime):
    """Counts are hints: what was freed was examined."""
    runtime.make(1_000, alive=False)

    assert collect(runtime, 1, 10).candidates == 1_000


def test_another_under_way(runtime):
    """While another collection runs nothing is done, and nothing reported."""
    runtime.make(1_000, alive=False)
    runtime.under_way = True

    assert collect(runtime, 0, 1_000) is None


def test_total():
    """Freed objects and seconds add up; the oldest generation and the most candidates stay."""
    first = Collection(0, 900, 800, 1, 0.25, None)
    second = Collection(1, 400, 30, 2, 0.5, 4096)

    assert total_of([first, second]) == Collection(1, 900, 830, 3, 0.75, 4096)
    assert total_of([second, second._replace(memory_freed=1)]).memory_freed == 4097
    assert total_of([first]).memory_freed is None
