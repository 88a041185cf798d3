"""gcwise in Ray's tasks and actors."""

import ray

import gcwise
from tests.recipes.engines.job import total_of


@ray.remote
@gcwise.batch()
def total(page):
    """Return a page's total, as a task."""
    return total_of(page)


@ray.remote
class Reader:
    """An actor that adds up pages."""

    def __init__(self):
        self.sum = 0

    @gcwise.batch()
    def read(self, page):
        """Add a page's total, and return the sum so far."""
        self.sum += total_of(page)
        return self.sum
