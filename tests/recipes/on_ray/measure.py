"""Measure 200 tasks on a Ray worker: `python -m tests.recipes.on_ray.measure`."""

import ray

import gcwise
from tests.recipes.engines import job
from tests.recipes.engines.measuring import TASKS, compare
from tests.recipes.on_ray.cluster import cluster


def tasks(function):
    """Return what runs the tasks in a fresh Ray with one worker."""

    def run():
        with cluster(workers=1):
            task = ray.remote(function)
            return ray.get([task.remote(number) for number in range(TASKS)])

    return run


if __name__ == "__main__":
    runs = {
        "automatic gc": tasks(job.measured),
        "gc.collect() after each task": tasks(job.measured_and_collected),
        "gcwise": tasks(gcwise.batch()(job.measured)),
    }
    compare(runs, "ray")
