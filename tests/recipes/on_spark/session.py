"""Spark on this machine, and nothing of it left behind."""

import contextlib
import os
import sys
from unittest import mock

from pyspark import SparkContext
from pyspark.sql import SparkSession

ENVIRONMENT = {
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
    "SPARK_LOCAL_IP": "127.0.0.1",
}
SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
    "spark.ui.enabled": "false",
}


@contextlib.contextmanager
def spark(workers):
    """Run Spark with so many Python workers at most, and frames of one row each."""
    with mock.patch.dict(os.environ, ENVIRONMENT):
        builder = SparkSession.builder.master(f"local[{workers}]")
        session = builder.config(map=SETTINGS).getOrCreate()
        gateway = SparkContext._gateway
        try:
            session.sparkContext.setLogLevel("ERROR")
            yield session
        finally:
            session.stop()
            # Java would go on until this process ends.
            gateway.shutdown()
            SparkContext._gateway = SparkContext._jvm = None
            gateway.proc.stdin.close()
            gateway.proc.wait(timeout=30)
