"""Where the memory of a block went, what its cycles are, and how to cut them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._explain.block import Explanation

__all__ = ["explain"]


def explain() -> Explanation:
    """Tell where the memory of a block went: `with gcwise.explain() as e: del tree`; `print(e)`.

    For a look at a `del`, a `close()` or a batch during development; in a test `gcwise.testing`
    has `no_cycles`. Four answers are told, each in bytes and in words:

    - Freed at once by reference counting: by how much memory in use fell within the block. That is
      the net: what the block itself made and dropped again does not show.
    - Cyclic garbage, which only a collection frees. Each object has the size that `sys.getsizeof`
      tells, with those (arrays, strings) that nothing else referred to. For the largest groups of
      objects that refer to one another there is a path around, the place where its classes are
      defined, and advice how to cut it.
    - Kept by the allocator: what was freed and did not come back to the system.
    - Still live: by how much memory in use grew.

    Memory in use is what psutil tells of the C library's allocator (`psutil.heap_info`, exact) and
    64 bytes for each of CPython's own small blocks (their number is exact, their sizes are not
    told). Where psutil has no such function (before 7.2, or with another C library), resident
    memory stands for the first, which does not fall by what the allocator keeps: then that is not
    told, and what was freed at once is the least that it can have been. All of them are the
    process's own: what other threads do meanwhile is in them.

    Collects everything before the block, and again after it. Automatic collection is held back
    inside, as in `paused`; garbage that an explicit collection finds there is told as well, and
    kept until the end of the block. Debugging flags (`gc.DEBUG_SAVEALL` is what saves the garbage),
    `gc.garbage`, thresholds and callbacks are as found afterwards, whatever happens. An exception
    from the block passes through; it keeps its frames' objects alive. Nested in another one, both
    tell of what the inner one found, and it is freed at the end of the outer. (From CPython 3.14 on
    the outer one does not tell the sizes of what hangs from objects on the inner one's paths: to
    read the names of their attributes makes dicts, which hold that and are no garbage yet.)

    Returns:
        The block, which can be asked and printed after its end.

    Raises:
        RuntimeError: The interpreter cannot save garbage (PyPy), or the block is entered twice.

    Cost: two full collections, and 2 to 3 us for each object of cyclic garbage.
    """
    # As large as all else, and for the few moments in which somebody looks into a program.
    from gcwise._explain.block import Explanation  # noqa: PLC0415

    return Explanation()
