"""gcwise in the workers of a Dask cluster."""

from dask.utils import key_split
from distributed import WorkerPlugin

import gcwise

RUNNING = ("executing", "long-running")


class DecideAfterTasks(WorkerPlugin):
    """Hold automatic collection back in each worker, and decide after each of its tasks."""

    name = "gcwise"

    def setup(self, worker):
        """Let the worker's limit of memory count, and open its window."""
        limit = worker.memory_manager.memory_limit
        gcwise.set_policy(gcwise.Policy(memory_limit=limit))
        self.window = gcwise.batch("dask task")
        self.window.__enter__()

    def transition(self, key, start, finish, **kwargs):
        """Decide when a task has come to its end, and when its result was dropped."""
        if start in RUNNING:
            gcwise.maybe_collect(f"task {key_split(key)}")
        elif start == "memory":
            with gcwise.teardown(f"result of {key_split(key)}"):
                pass

    def teardown(self, worker):
        """Close the window."""
        self.window.__exit__(None, None, None)
