"""The recipe for Celery, with real workers: one in this process, and one that forks."""

import gc

import pytest

pytest.importorskip("celery", reason="Celery is not installed")
pytest.importorskip("sqlalchemy", reason="the broker of the worker that forks needs SQLAlchemy")

from celery.contrib.testing.worker import start_worker

from tests.recipes.engines import job
from tests.recipes.on_celery import gc_signals, prefork
from tests.recipes.on_celery.app import app, app_of

TASKS = 20

pytestmark = pytest.mark.filterwarnings("ignore:The ..noload.. loader strategy is deprecated")


def run(app, name, *args, times=1):
    """Have a worker run a task so many times, and return its results."""
    results = [app.send_task(name, args) for _ in range(times)]
    return [result.get(timeout=30) for result in results]


def left(app):
    """Run the tasks; return how many documents were parsed, are left, and were decided on."""
    run(app, "only_gcwise")
    [before] = run(app, "decisions", "task total_of")
    totals = run(app, "total_of", job.page(1_000), times=TASKS)
    assert totals == [sum(range(1_000))] * TASKS
    [after] = run(app, "decisions", "task total_of")
    return *run(app, "alive")[0], after - before


class TestInThisProcess:
    """A worker in a thread, with its broker in memory."""

    @pytest.fixture(autouse=True)
    def _worker(self):
        """Run a worker, and close its window, for this process does not end with it."""
        try:
            with start_worker(app, perform_ping_check=False):
                yield
        finally:
            gc_signals.window.__exit__(None, None, None)
            gc.enable()

    def test_cycles_of_tasks_are_freed(self):
        """Most documents are gone when the tasks are, and each task's end was a decision."""
        parsed, alive, decided = left(app)

        assert parsed == decided == TASKS
        assert alive <= TASKS / 4


class TestPrefork:
    """A worker that forks, with a database in a folder as its broker."""

    def test_cycles_of_tasks_are_freed(self, tmp_path):
        """Most documents are gone when the tasks are, and each task's end was a decision."""
        with prefork.worker(tmp_path):
            parsed, alive, decided = left(app_of(tmp_path))
            [thresholds] = run(app_of(tmp_path), "thresholds")

        assert parsed == decided == TASKS
        assert alive <= TASKS / 4
        assert thresholds != job.thresholds()

    def test_without_it_cycles_stay(self, tmp_path):
        """Reference counting alone frees none of the documents."""
        with prefork.worker(tmp_path, RECIPE_WITHOUT_GCWISE="1"):
            assert left(app_of(tmp_path)) == (TASKS, TASKS, 0)
