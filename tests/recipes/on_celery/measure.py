"""Measure 200 tasks on a Celery worker: `python -m tests.recipes.on_celery.measure`."""

import tempfile

from tests.recipes.engines.job import Sample
from tests.recipes.engines.measuring import TASKS, compare
from tests.recipes.on_celery import prefork
from tests.recipes.on_celery.app import app_of


def tasks(task, **environment):
    """Return what runs the tasks on a fresh worker with one process."""

    def run():
        with tempfile.TemporaryDirectory() as folder, prefork.worker(folder, **environment):
            app = app_of(folder)
            results = [app.send_task(task, [number]) for number in range(TASKS)]
            return [Sample(*result.get(timeout=120)) for result in results]

    return run


if __name__ == "__main__":
    runs = {
        "automatic gc": tasks("measured", RECIPE_WITHOUT_GCWISE="1"),
        "gc.collect() after each task": tasks("measured_and_collected", RECIPE_WITHOUT_GCWISE="1"),
        "gcwise": tasks("measured"),
    }
    compare(runs, "celery")
