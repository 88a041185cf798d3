"""Where the memory of a block went, what its cycles are, and how to cut them."""
