"""A Celery worker of this machine's own: a process that forks those that do the tasks."""

import contextlib
import os
import signal
import subprocess
import sys
from unittest import mock

CELERY = [sys.executable, "-m", "celery", "--quiet", "--app", "tests.recipes.on_celery.app"]
WORKER = ["worker", "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
POOL = ["--pool", "prefork", "--concurrency", "1"]


@contextlib.contextmanager
def worker(folder, **environment):
    """Run a worker whose broker is in a folder, while this block lasts."""
    path = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    environment |= {"RECIPE_FOLDER": str(folder), "PYTHONPATH": path}
    with mock.patch.dict(os.environ, environment):
        process = subprocess.Popen([*CELERY, *WORKER, *POOL], start_new_session=True)
    try:
        yield
    finally:
        # With the processes it has forked, and at once: a polite end takes five seconds.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
