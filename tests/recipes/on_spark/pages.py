"""gcwise in the Python workers of Spark."""

import gcwise
from tests.recipes.engines.job import total_of


def totals(pages):
    """Yield the total of each page of a partition, for `RDD.mapPartitions`."""
    for page in gcwise.each(pages, "page"):
        yield total_of(page)


def totals_of_frames(frames):
    """Yield a frame of totals for each frame of pages, for `DataFrame.mapInPandas`."""
    for frame in gcwise.each(frames, "frame"):
        yield frame.assign(total=frame.page.map(total_of))[["total"]]
