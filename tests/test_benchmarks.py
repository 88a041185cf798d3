"""The benchmark's own parts that can go wrong unseen."""

import sys

import pytest

from gcwise._collector import collector
from tests.benchmarks import child, table
from tests.benchmarks.child import change
from tests.benchmarks.measure import Run, mean_and_peak
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


def run(policy, round_number, cpu, job_cpu=1.0, *, finished=True, workload="any"):
    """Make a run whose space-time is its CPU seconds."""
    return Run(workload, policy, round_number, finished, cpu, 1.0, job_cpu, 1.0, 1.0, 1.0)


def test_a_run_that_was_stopped_is_not_the_best():
    """What it had cost by then is a lower bound."""
    policies = {"off": [run("off", 0, 1.0, finished=False)], "dask": [run("dask", 0, 2.0)]}

    assert table.best_other(policies) == ("dask", 2.0)


def test_a_run_that_was_stopped_may_be_the_dearest_of_three():
    """The median is known all the same, and wins."""
    off = [run("off", 0, 1.0), run("off", 1, 1.5), run("off", 2, 9.0, finished=False)]

    assert table.best_other({"off": off, "dask": [run("dask", 0, 2.0)]}) == ("off", 1.5)


def test_what_is_left_to_the_end_of_the_process_costs():
    """The job alone may be cheaper with gc off, the process is not."""
    cells = table.by_workload([run("gcwise", 0, 2.0, 2.0), run("off", 0, 4.0, 1.0)])

    figures = table.summary(cells)

    assert figures["geometric_mean"] == 0.5
    assert figures["job"]["geometric_mean"] == 2.0


def test_a_policy_is_judged_by_rounds_that_did_not_choose_it():
    """Each of two is lucky once, and takes three times as much in the other round."""
    lucky = [run("off", 0, 1.0), run("off", 1, 3.0), run("dask", 0, 3.0), run("dask", 1, 1.0)]
    cells = table.by_workload([run("gcwise", 0, 1.0), run("gcwise", 1, 1.0), *lucky])

    assert table.held_out(cells) == {"any": pytest.approx(1 / 3)}


def test_nothing_is_held_out_of_a_single_round():
    """There is no other to choose by."""
    cells = table.by_workload([run("gcwise", 0, 1.0), run("off", 0, 1.0)])

    assert table.held_out(cells) == {}


def test_memory_counts_for_as_long_as_it_is_held():
    """A sample counts from the last one on, the first from the begin."""
    mib = 2**20
    assert mean_and_peak([(1.0, 2 * mib), (2.0, 6 * mib)], 0.0, 4.0) == (4.0, 6.0)


def test_the_tables_of_the_docs_are_printed_from_the_runs():
    """Lower bounds are marked, and workloads written after the rule have means of their own."""
    pages = pytest.importorskip("tests.benchmarks.pages", reason="the optimum needs numpy")
    cells = table.by_workload(
        [
            run("gcwise", 0, 1.0, workload="records"),
            run("off", 0, 2.0, workload="records"),
            run("collect_each", 0, 30.0, workload="records", finished=False),
            run("gcwise", 0, 4.0, workload="mocks"),
            run("off", 0, 2.0, workload="mocks"),
        ]
    )

    lines = pages.text(cells).splitlines()

    assert "| records | 0.50 | 1.00 | >15 |" in lines
    assert any(line.startswith("| all | 1.00 (2.00) |") for line in lines)
    assert any(line.startswith("| known to the rule | 0.50 (0.50) |") for line in lines)
    assert any(line.startswith("| written after it | 2.00 (2.00) |") for line in lines)


def test_a_ratio_to_an_optimum_of_nothing_is_not_told():
    """It would be any number, however little both cost."""
    pages = pytest.importorskip("tests.benchmarks.pages", reason="the optimum needs numpy")
    costs = {"gcwise": {"holding": 0.25, "wasted": 0.25}}
    found = {
        "records": {"seconds": 10.0, "ends": 9, "optimum": 0.001, **costs},
        "mocks": {"seconds": 10.0, "ends": 9, "optimum": 0.1, **costs},
    }

    lines = pages.optimum_table(found).splitlines()

    assert "| records | 0.01% | 5.00% |" in lines
    assert "| mocks | 1.00% | 5.00%: 5.00 |" in lines
