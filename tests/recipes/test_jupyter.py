"""Cells of an IPython shell, and of a notebook in a real kernel, are decided on one by one."""

import atexit
import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gcwise.testing import forced, recorded

RECIPE = Path(__file__).parent / "jupyter"

SETUP = """
%load_ext gc_after_cells
import gc, time, weakref
gc.disable()

class Tree:
    def __init__(self):
        self.parts = [[self] for _ in range(100_000)]

seen = []
"""
RERUN = """
tree = Tree()
seen.append(weakref.ref(tree))
time.sleep(0.1)
"""
LEFT = "left = sum(each() is not None for each in seen)"


@pytest.fixture
def shell(monkeypatch):
    """Return a shell of its own, which keeps nothing on disk."""
    pytest.importorskip("IPython", reason="this recipe is for IPython and Jupyter")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.syspath_prepend(RECIPE)
    # The shell puts a module of its own there, which processes that are spawned could not import.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    yield shell
    shell.run_line_magic("unload_ext", "gc_after_cells")
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)


@pytest.mark.filterwarnings("ignore")
def test_cells_of_a_shell_are_decided_on(shell):
    """What a cell drops is gone when the next one runs, with automatic collection off."""
    try:
        with forced(True), recorded() as decisions:
            for cell in (SETUP, RERUN, RERUN, RERUN, LEFT):
                shell.run_cell(cell).raise_error()
    finally:
        gc.enable()
    assert [each.site for each in decisions] == ["cell"] * 5
    assert shell.user_ns["left"] == 1  # The last one, which a variable names.


def test_a_notebook_is_decided_on(tmp_path):
    """In a real kernel, with nothing forced, few of ten cells' trees are left."""
    for package in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(package, reason="this runs a notebook in a kernel by nbclient")
    (tmp_path / "run.py").write_text(NOTEBOOK)
    path = os.pathsep.join([str(RECIPE), str(RECIPE.parents[2])])
    command = [sys.executable, "run.py", SETUP, *[RERUN] * 10, f"{LEFT}; print('left:', left)"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, "IPYTHONDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    found = re.search(r"left: (\d+)", done.stdout)
    assert 1 <= int(found[1]) <= 5


# In a process of its own, for the warnings of its event loop.
NOTEBOOK = """
import sys

import nbclient
import nbformat

cells = [nbformat.v4.new_code_cell(source) for source in sys.argv[1:]]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""
