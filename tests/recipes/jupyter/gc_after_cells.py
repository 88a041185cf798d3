"""An IPython extension, loaded by `%load_ext gc_after_cells`."""

import gcwise


def decide(_result):
    gcwise.maybe_collect("cell")


def load_ipython_extension(shell):
    shell.events.register("post_run_cell", decide)


def unload_ipython_extension(shell):
    shell.events.unregister("post_run_cell", decide)
