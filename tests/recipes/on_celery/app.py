"""Tasks, and a broker in memory or in a folder: `celery --app tests.recipes.on_celery.app worker`.

The environment names the folder (`RECIPE_FOLDER`), and may say to do without gcwise
(`RECIPE_WITHOUT_GCWISE`).
"""

import os

from celery import Celery
from kombu.transport.sqlalchemy import Transport

from tests.recipes.engines import job


def app_of(folder):
    """Return an app whose broker is a database in this folder, or the memory of this process."""
    if folder is not None:
        # An option for it would be handed on to the database.
        Transport.polling_interval = 0.05
        return Celery(
            "pages",
            broker=f"sqla+sqlite:///{folder}/broker.db",
            backend=f"db+sqlite:///{folder}/results.db",
        )
    made = Celery("pages", broker="memory://", backend="cache+memory://")
    made.conf.broker_transport_options = {"polling_interval": 0.01}
    return made


app = app_of(os.environ.get("RECIPE_FOLDER"))
TASKS = (
    job.total_of,
    job.only_gcwise,
    job.alive,
    job.decisions,
    job.report,
    job.thresholds,
    job.measured,
    job.measured_and_collected,
)
for task in TASKS:
    app.task(task, name=task.__name__)
if "RECIPE_WITHOUT_GCWISE" not in os.environ:
    from tests.recipes.on_celery import gc_signals  # noqa: F401
