"""gcwise in the workers of process and thread pools."""

import gcwise
from tests.recipes.engines.job import total_of


@gcwise.batch()
def total(page):
    """Return a page's total: the function that a pool is given."""
    return total_of(page)


def prepare(memory_limit):
    """Set what holds for all of a worker's life: a pool's initializer."""
    gcwise.set_policy(gcwise.Policy(memory_limit=memory_limit))
