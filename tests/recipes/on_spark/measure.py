"""Measure 200 records in one Spark partition: `python -m tests.recipes.on_spark.measure`."""

import gcwise
from tests.recipes.engines import job
from tests.recipes.engines.measuring import TASKS, compare
from tests.recipes.on_spark.session import spark


def with_gcwise(numbers):
    """Do the tasks of a partition, and decide after each."""
    for number in gcwise.each(numbers, "record"):
        yield job.measured(number)


def tasks(partition):
    """Return what runs the tasks in a fresh Spark with one worker."""

    def run():
        with spark(workers=1) as session:
            numbers = session.sparkContext.parallelize(range(TASKS), 1)
            return [job.Sample(*each) for each in numbers.mapPartitions(partition).collect()]

    return run


if __name__ == "__main__":
    runs = {
        "automatic gc": tasks(lambda numbers: map(job.measured, numbers)),
        "gc.collect() after each record": tasks(
            lambda numbers: map(job.measured_and_collected, numbers)
        ),
        "gcwise": tasks(with_gcwise),
    }
    compare(runs, "pyspark")
