"""The recipe for Spark, in local mode: a Java process with Python workers."""

import gc
import shutil

import pytest

pytest.importorskip("pyspark", reason="PySpark is not installed")
pytest.importorskip("pandas", reason="mapInPandas needs pandas")
pytest.importorskip("pyarrow", reason="mapInPandas needs pyarrow")
if not shutil.which("java"):
    pytest.skip("Spark needs Java", allow_module_level=True)

import pandas as pd

import gcwise
from tests.recipes.engines import job
from tests.recipes.on_spark import pages
from tests.recipes.on_spark.session import spark

TASKS = 20
TOTAL = sum(range(1_000))

pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)


@pytest.fixture(scope="module")
def session():
    """Return a session with one worker at a time."""
    with spark(workers=1) as session:
        yield session


@pytest.fixture
def records(session):
    """Return a partition of pages."""
    return session.sparkContext.parallelize([job.page(1_000)] * TASKS, 1)


def plainly(items):
    """Yield totals without gcwise."""
    for page in items:
        yield job.total_of(page)


def plainly_of_frames(frames):
    """Yield frames of totals without gcwise."""
    for frame in frames:
        yield frame.assign(total=frame.page.map(job.total_of))[["total"]]


def telling(generator):
    """Have a worker tell at the end of a partition how many documents are not yet freed."""

    def totals(items):
        job.only_gcwise()
        yield from generator(items)
        yield job.alive()

    return totals


def telling_frames(generator):
    """Have a worker tell the same as a last frame."""

    def totals(frames):
        job.only_gcwise()
        yield from generator(frames)
        yield pd.DataFrame({"total": job.alive()})

    return totals


class TestMapPartitions:
    """`RDD.mapPartitions`."""

    def test_without_it_cycles_stay(self, records):
        """Reference counting alone frees none of the documents."""
        *_, alive = records.mapPartitions(telling(plainly)).collect()

        assert alive == (TASKS, TASKS)

    def test_cycles_of_records_are_freed(self, records):
        """Most documents are gone before the partition is."""
        *totals, (parsed, alive) = records.mapPartitions(telling(pages.totals)).collect()

        assert totals == [TOTAL] * TASKS
        assert parsed == TASKS
        assert alive <= TASKS / 4

    def test_decorated_function(self, records):
        """A decorated function, pickled by its value, decides after each record."""

        @gcwise.batch("decorated")
        def total_of(page):
            return job.total_of(page)

        *totals, (_, alive) = records.mapPartitions(
            telling(lambda items: map(total_of, items))
        ).collect()

        assert totals == [TOTAL] * TASKS
        assert alive <= TASKS / 4

    def test_decorated_generator(self, records):
        """A decorated generator, pickled by its value, holds automatic gc back in its body."""

        @gcwise.batch("partition")
        def thresholds(items):
            for _ in items:
                yield gc.get_threshold()

        def around(items):
            yield gc.get_threshold()
            yield from thresholds(items)
            yield gc.get_threshold()

        before, *inside, after = records.mapPartitions(around).collect()

        assert len(inside) == TASKS
        assert before == after
        assert before not in inside


class TestMapInPandas:
    """`DataFrame.mapInPandas`."""

    @pytest.fixture
    def frame(self, session, records):
        """Return pages as a frame, of which a worker gets one row at a time."""
        return session.createDataFrame(records.map(lambda page: (page,)), "page string")

    def test_without_it_cycles_stay(self, frame):
        """Reference counting alone frees none of the documents."""
        rows = frame.mapInPandas(telling_frames(plainly_of_frames), "total long").collect()

        assert [row.total for row in rows][TASKS:] == [TASKS, TASKS]

    def test_cycles_of_frames_are_freed(self, frame):
        """Most documents are gone before the partition is."""
        rows = frame.mapInPandas(telling_frames(pages.totals_of_frames), "total long").collect()

        *totals, parsed, alive = [row.total for row in rows]
        assert totals == [TOTAL] * TASKS
        assert parsed == TASKS
        assert alive <= TASKS / 4
