"""The examples in the README and the documentation run as they stand."""

from __future__ import annotations

import doctest
import gc
import re
from pathlib import Path

import pytest

import gcwise.instrumentation

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Examples that are shown only, and the line before, which is a comment in the page's source.
SHOWN = re.compile(r"^(.*)\n```py$", re.MULTILINE)
# What these need is not there in every interpreter.
SAVING = re.compile(r"gcwise\.explain\(|no_cycles\(")
WITH_EXAMPLES = [page for page in PAGES if EXAMPLE.search(page.read_text(encoding="utf-8"))]


def test_there_are_examples():
    """The pages that teach something have examples."""
    assert len(WITH_EXAMPLES) >= 6


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_examples_run(page):
    """All examples of a page run, one after the other, in one namespace."""
    if SAVING.search(page.read_text(encoding="utf-8")) and not hasattr(gc, "DEBUG_SAVEALL"):
        pytest.skip("this gc cannot save the garbage that these examples look at")
    namespace = {"__name__": "example"}
    for example in EXAMPLE.findall(page.read_text(encoding="utf-8")):
        exec(compile(example, str(page), "exec"), namespace)


def test_tour_of_the_hooks():
    """The example in the docstring of the hooks' package runs as it stands."""
    results = doctest.testmod(gcwise.instrumentation)

    assert results.attempted > 3
    assert results.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_that_do_not_run_have_a_reason(page):
    """No example is left out without a word why."""
    for before in SHOWN.findall(page.read_text(encoding="utf-8")):
        assert before.startswith("% Not run: ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    """A relative link names a file that exists."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_is_short():
    """The README stays within 120 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
