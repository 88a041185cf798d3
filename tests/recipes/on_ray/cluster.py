"""Ray on this machine, and nothing of it left behind."""

import contextlib
import os
import sys
from unittest import mock

import ray

ENVIRONMENT = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextlib.contextmanager
def cluster(workers, hook=None):
    """Run Ray with so many workers, each of which calls the hook when it starts."""
    path = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    with mock.patch.dict(os.environ, ENVIRONMENT | {"PYTHONPATH": path}):
        ray.init(
            _node_ip_address="127.0.0.1",
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            num_cpus=workers,
            object_store_memory=100 * 2**20,
            runtime_env={"worker_process_setup_hook": hook} if hook else None,
        )
        try:
            yield
        finally:
            ray.shutdown()
