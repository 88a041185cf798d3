"""What interpreters differ in, for tests that are about one kind of them."""

import gc
import sys

import pytest

from gcwise._collector import collector

# The interpreter's own collector, or what stands for the parts of it that are lacking.
real = collector.runtime
# Whether objects are freed as soon as nothing refers to them.
COUNTED = hasattr(sys, "getrefcount")

needs_settings = pytest.mark.skipif(
    not hasattr(gc, "set_threshold"),
    reason="this gc has no thresholds, counts, callbacks or freeze(): nothing can be held back",
)
needs_generations = pytest.mark.skipif(
    real.choices != (0, 1, 2),
    reason="this gc has no generations to choose from, and does not tell what it freed",
)
needs_counting = pytest.mark.skipif(
    not COUNTED,
    reason="no references are counted here: what is dropped goes at a collection, by and by",
)
