"""The recipe for Dask, on a real cluster of worker processes."""

import gc

import pytest

pytest.importorskip("distributed", reason="Dask is not installed")

from distributed import Client, LocalCluster

import gcwise
from tests.recipes.engines import job
from tests.recipes.on_dask.plugin import DecideAfterTasks

TASKS = 20
PAGES = [job.page(1_000)] * TASKS


@pytest.fixture(scope="module")
def cluster():
    """Return a cluster of two worker processes."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """Return a client of workers that are as new, and where only gcwise frees cycles."""
    with Client(cluster) as client:
        client.run(job.only_gcwise)
        client.run(gcwise.set_policy, gcwise.Policy())
        client.run(gcwise.reset)
        yield client
        client.run(gc.enable)


@pytest.fixture
def plugin(client):
    """Have the recipe's plugin on all workers."""
    client.register_plugin(DecideAfterTasks())
    yield
    client.unregister_worker_plugin("gcwise")


def left(client):
    """Return how many documents the workers have parsed, and how many are not yet freed."""
    parsed, alive = zip(*client.run(job.alive).values(), strict=True)
    return sum(parsed), sum(alive)


def test_without_it_cycles_stay(client):
    """Reference counting alone frees none of the documents."""
    client.gather(client.map(job.total_of, PAGES, pure=False))

    assert left(client) == (TASKS, TASKS)


@pytest.mark.usefixtures("plugin")
def test_cycles_of_tasks_are_freed(client):
    """With the plugin most documents are gone when the tasks are, on each worker by itself."""
    client.gather(client.map(job.total_of, PAGES, pure=False))

    parsed, alive = left(client)
    assert parsed == TASKS
    assert alive <= TASKS / 4
    assert all(n >= TASKS / 4 for n in client.run(job.decisions, "task total_of").values())


@pytest.mark.usefixtures("plugin")
def test_cycles_of_dropped_results_are_freed(client):
    """A collection after a result was dropped finds it, as old as it may be."""
    client.run(gcwise.set_policy, gcwise.Policy.always(2))

    for page in PAGES:
        document = client.submit(job.document_of, page, pure=False)
        assert client.submit(job.prices_in, document).result() == sum(range(1_000))
        del document

    parsed, alive = left(client)
    assert parsed == TASKS
    assert alive <= TASKS / 4


@pytest.mark.usefixtures("plugin")
def test_limit_of_memory(client):
    """Each worker decides by the limit that Dask has given it."""
    limits = client.run(lambda dask_worker: dask_worker.memory_manager.memory_limit)

    assert client.run(job.memory_limit) == limits
    assert all(limits.values())


def test_decorated_function(client):
    """A decorated function, pickled by its value, does without the plugin."""

    @gcwise.batch("decorated")
    def total_of(text):
        return job.total_of(text)

    client.gather(client.map(total_of, PAGES, pure=False))

    assert left(client)[1] <= TASKS / 4
    assert sum(client.run(job.decisions, "decorated").values()) == TASKS


def test_taking_the_plugin_away(client):
    """Automatic collection is as it was when the plugin has gone."""
    before = client.run(gc.get_threshold)

    client.register_plugin(DecideAfterTasks())
    during = client.run(gc.get_threshold)
    client.unregister_worker_plugin("gcwise")

    assert all(during[worker] != before[worker] for worker in before)
    assert client.run(gc.get_threshold) == before
