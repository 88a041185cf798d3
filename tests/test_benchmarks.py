"""The benchmark's own parts that can go wrong unseen."""

import sys

import pytest

from gcwise._collector import collector
from tests.benchmarks import child
from tests.benchmarks.child import change
from tests.benchmarks.policies import by_name
from tests.interpreters import needs_settings


@pytest.fixture
def _constants():
    """Give all constants back."""
    modules = [module for name, module in sys.modules.items() if name.startswith("gcwise.")]
    before = [dict(vars(module)) for module in modules]
    yield
    for module, names in zip(modules, before, strict=True):
        vars(module).update(names)
    collector.after_fork()


@pytest.mark.usefixtures("_constants")
def test_a_constant_is_changed_wherever_it_was_imported():
    """`--set NAME=VALUE` reaches the module that defines it, and those that took it over."""
    change(["LEARNING=0.25", "OVERHEAD=1e-3"])

    named = [
        module
        for name, module in sys.modules.items()
        if name.startswith("gcwise.") and hasattr(module, "LEARNING")
    ]
    assert len(named) > 1
    assert {module.LEARNING for module in named} == {0.25}
    assert collector._ledger.outlooks()[collector.runtime.choices[0]].cost >= 1e-3


@pytest.mark.usefixtures("_constants")
def test_an_unknown_constant_is_refused():
    """A slip of the pen does not measure the same twice."""
    with pytest.raises(ValueError, match="gcwise has no constant of the name 'LERNING'"):
        change(["LERNING=0.25"])


@needs_settings
def test_a_job_is_done_so_many_times(monkeypatch):
    """`--times N`, all within one measurement."""
    done, said = [], []
    monkeypatch.setattr(child, "prepare", lambda _workload, _scale: done.append)
    monkeypatch.setattr(child, "say", lambda **line: said.append((len(done), set(line))))

    child.run("any", by_name("gcwise"), 1.0, 3, events=False)

    assert len(done) == 3
    (before, first), (after, last) = said
    assert (before, after) == (0, 3)
    assert "begin" in first
    assert "end" in last
