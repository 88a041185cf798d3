"""Measure 200 tasks on a Dask worker: `python -m tests.recipes.on_dask.measure`."""

from distributed import Client, LocalCluster

from tests.recipes.engines import job
from tests.recipes.engines.measuring import TASKS, compare
from tests.recipes.on_dask.plugin import DecideAfterTasks


def tasks(task, *plugins):
    """Return what runs the tasks on a fresh cluster of one worker with these plugins."""

    def run():
        cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0")
        with cluster, Client(cluster) as client:
            for plugin in plugins:
                client.register_plugin(plugin())
            return client.gather(client.map(task, range(TASKS), pure=False))

    return run


if __name__ == "__main__":
    runs = {
        "automatic gc": tasks(job.measured),
        "gc.collect() after each task": tasks(job.measured_and_collected),
        "gcwise": tasks(job.measured, DecideAfterTasks),
    }
    compare(runs, "distributed")
