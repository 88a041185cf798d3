"""gcwise in the processes of a Celery worker."""

from celery.signals import task_postrun, worker_process_init

import gcwise

window = gcwise.batch("celery worker")


@worker_process_init.connect
def hold_back(**_):
    """Hold automatic collection back in this process from now on."""
    window.__enter__()


@task_postrun.connect
def decide(sender, **_):
    """Decide after each task, whether it came to a good end or not."""
    gcwise.maybe_collect(f"task {sender.name}")
