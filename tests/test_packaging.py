"""What the package tells of itself, in pyproject.toml."""

import re
from pathlib import Path

import pytest

import gcwise

tomllib = pytest.importorskip("tomllib", reason="came with Python 3.11")

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_version_stands_in_one_place():
    """No module repeats the version: `importlib.metadata` tells it."""
    modules = Path(gcwise.__file__).parent.rglob("*.py")

    assert not [path for path in modules if PROJECT["version"] in path.read_text(encoding="utf-8")]


def test_few_dependencies():
    """Two packages are all that gcwise needs."""
    names = [re.match(r"[\w-]+", each).group() for each in PROJECT["dependencies"]]

    assert names == ["psutil", "typing-extensions"]


def test_extras():
    """There is an extra for each thing that one may want to do, and no other."""
    runtime = {"opentelemetry", "plot", "prometheus"}

    assert EXTRAS.keys() == runtime | {"bench", "docs", "lint", "recipes", "test"}


@pytest.mark.parametrize("extra", ["opentelemetry", "prometheus"])
def test_what_users_install_is_tested(extra):
    """The test-suite has the packages that the extra brings, from the same release on."""
    assert set(EXTRAS[extra]) <= set(EXTRAS["test"])
