"""The recipe for Ray, on real worker processes."""

import os

import pytest

pytest.importorskip("ray", reason="Ray is not installed")

import ray

import gcwise
from tests.recipes.engines import job
from tests.recipes.on_ray import pages
from tests.recipes.on_ray.cluster import cluster

TASKS = 20
TOTAL = sum(range(1_000))


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    """Run Ray with one worker for tasks, where only gcwise frees cycles."""
    with cluster(workers=1, hook=job.only_gcwise):
        yield


@ray.remote
def alive():
    """Return a worker's process, and how many documents it has parsed and not yet freed."""
    return os.getpid(), *job.alive()


@ray.remote
def forget():
    """Have a worker free and forget what tests before have parsed."""
    job.only_gcwise()


@pytest.fixture
def page():
    """Return a page that lies in Ray's store, for workers that have parsed none."""
    ray.get(forget.remote())
    return ray.put(job.page(1_000))


def left():
    """Return how many documents the workers have parsed, and how many are not yet freed."""
    workers = set(ray.get([alive.remote() for _ in range(4)]))
    return sum(parsed for _, parsed, _ in workers), sum(number for *_, number in workers)


class TestTasks:
    """Functions that run in any worker."""

    def test_without_it_cycles_stay(self, page):
        """Reference counting alone frees none of the documents."""
        total = ray.remote(job.total_of)
        ray.get([total.remote(page) for _ in range(TASKS)])

        assert left() == (TASKS, TASKS)

    def test_cycles_are_freed(self, page):
        """Most documents are gone when the tasks are."""
        totals = ray.get([pages.total.remote(page) for _ in range(TASKS)])

        parsed, number = left()
        assert totals == [TOTAL] * TASKS
        assert parsed == TASKS
        assert number <= TASKS / 4

    def test_pickled_by_value(self, page):
        """A decorated function that no module has decides in the workers, and only there."""

        @ray.remote
        @gcwise.batch("by value")
        def total(page):
            return job.total_of(page)

        ray.get([total.remote(page) for _ in range(TASKS)])

        assert left()[1] <= TASKS / 4
        assert ray.get(ray.remote(job.decisions).remote("by value")) == TASKS
        assert job.decisions("by value") == 0


class TestActors:
    """Objects that have a worker of their own."""

    def test_cycles_are_freed(self, page):
        """Most documents are gone when the calls are."""
        actor = pages.Reader.remote()

        sums = ray.get([actor.read.remote(page) for _ in range(TASKS)])
        parsed, number = ray.get(actor.__ray_call__.remote(job.alive))

        assert sums == [TOTAL * (number + 1) for number in range(TASKS)]
        assert parsed == TASKS
        assert number <= TASKS / 4
