"""A cell run again and again in an IPython shell, under three policies.

`python -m tests.recipes.jupyter.measure`
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import gcwise
from tests.recipes.beside import compare, run

POLICIES = ("automatic gc", "collect each", "gcwise")
ROUNDS, CELLS = 1, 6
COLUMNS = ("CPU s", "mean MiB", "peak MiB", "collections", "longest ms")
CELL = """
soups = [BeautifulSoup(page, "html.parser") for page in pages]
titles = [soup.find("a")["href"] for soup in soups]
"""
SETUP = """
import gc
from bs4 import BeautifulSoup
from tests.recipes.data.pages import pages as made
pages = list(made(3).values())
"""


def cells(policy):
    """Return the job: a cell that is run again by a user who takes half a second to read."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_cell(SETUP).raise_error()
    if policy == "gcwise":
        sys.path.insert(0, str(Path(__file__).parent))
        shell.run_cell("%load_ext gc_after_cells").raise_error()
    if policy == "collect each":
        shell.events.register("post_run_cell", lambda _result: gc.collect())

    def work():
        for _ in range(CELLS):
            shell.run_cell(CELL).raise_error()
            time.sleep(0.5)

    return work


if __name__ == "__main__":
    if len(sys.argv) == 3:
        gcwise.set_active(sys.argv[2] == "gcwise")
        run(cells(sys.argv[2]))
    compare("tests.recipes.jupyter.measure", "cells", POLICIES, rounds=ROUNDS, columns=COLUMNS)
