"""The conftest.py of the recipe, under a real library's own tests and under a few of ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import needs_settings

RECIPE = Path(__file__).parent / "pytest_suite" / "hold_gc.py"

WATCH = """
import gc
import gcwise

BEFORE = gc.get_threshold()

def pytest_collectstart():
    assert gc.get_threshold()[0] > 10**9

def pytest_terminal_summary(terminalreporter):
    assert gc.get_threshold() == BEFORE
    for place in gcwise.report().places:
        terminalreporter.write_line(f"{place.site}: {place.decisions}, freed {place.collected}")
"""


def suite(folder, *arguments):
    """Run tests with the recipe as conftest.py; return what they printed."""
    (folder / "conftest.py").write_text(RECIPE.read_text(encoding="utf-8"))
    (folder / "watch.py").write_text(WATCH)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "watch"]
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", folder, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@needs_settings
def test_a_library_passes_its_own_tests(tmp_path):
    """The tests that networkx has for reading and writing pass, with a decision after each."""
    pytest.importorskip("networkx", reason="this runs networkx's own tests")
    (tmp_path / "hold_gc.py").write_text(RECIPE.read_text(encoding="utf-8"))
    tests = "networkx.readwrite.tests.test_gml", "networkx.readwrite.tests.test_graphml"
    status, printed = suite(tmp_path, "-p", "hold_gc", "--pyargs", *tests)
    assert status == 0, printed
    passed, skipped = (int((re.findall(rf"(\d+) {how}", printed) or [0])[-1]) for how in HOW)
    decisions, freed = map(int, re.findall(r"between tests: (\d+), freed (\d+)", printed)[0])
    assert decisions == passed + skipped > 60
    assert freed > 1_000


HOW = "passed", "skipped"

TESTS = """
import pytest

class Node:
    def __init__(self, parent):
        self.parent, self.children = parent, []
        if parent:
            parent.children.append(self)

@pytest.mark.usefixtures("no_cycles")
@pytest.mark.parametrize("number", range(3))
def test_clean(number, tmp_path, capsys):
    print(number)
    (tmp_path / "file").write_text(capsys.readouterr().out)
    Node(None)

def test_raising(no_cycles):
    with pytest.raises(ZeroDivisionError):
        1 / 0

def test_dirty(no_cycles):
    Node(Node(None))

def test_not_asked():
    Node(Node(None))
"""


@needs_settings
def test_the_fixture_fails_the_test_that_leaves_cycles(tmp_path):
    """`no_cycles` names what was left, and lets clean tests and others alone."""
    (tmp_path / "test_nodes.py").write_text(TESTS)
    status, printed = suite(tmp_path, "test_nodes.py")
    assert status == 1, printed
    assert "6 passed, 1 error" in printed
    assert "ERROR at teardown of test_dirty" in printed
    assert "Node.children -> list[0] -> Node.parent -> Node" in printed
