"""Measure 200 tasks in a process pool: `python -m tests.recipes.pools.measure`."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import gcwise
from tests.recipes.engines import job
from tests.recipes.engines.measuring import TASKS, compare


@gcwise.batch()
def measured(number):
    """Do the task as a batch."""
    return job.measured(number)


def tasks(task):
    """Return what runs the tasks in a fresh pool of one process."""

    def run():
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            return list(executor.map(task, range(TASKS)))

    return run


if __name__ == "__main__":
    runs = {
        "automatic gc": tasks(job.measured),
        "gc.collect() after each task": tasks(job.measured_and_collected),
        "gcwise": tasks(measured),
    }
    compare(runs, "psutil")
