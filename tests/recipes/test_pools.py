"""The recipe for process and thread pools: multiprocessing, concurrent.futures and joblib."""

import contextlib
import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import gcwise
from gcwise.testing import forced
from tests.interpreters import needs_generations
from tests.recipes.engines import job
from tests.recipes.pools import pages

pytestmark = needs_generations

TASKS = 20
PAGES = [job.page(1_000)] * TASKS
TOTAL = sum(range(1_000))
LIMIT = 2**30


@contextlib.contextmanager
def pool():
    """Run a `multiprocessing.Pool` of one fresh interpreter."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, initializer=pages.prepare, initargs=(LIMIT,)) as pool:
        yield pool.map


@contextlib.contextmanager
def executor():
    """Run a `ProcessPoolExecutor` of one process, forked off a server."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=pages.prepare, initargs=(LIMIT,)
    ) as executor:
        yield executor.map


@contextlib.contextmanager
def loky():
    """Run `joblib.Parallel` on two of loky's processes."""
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    from joblib.externals.loky import get_reusable_executor

    settings = {"initializer": pages.prepare, "initargs": (LIMIT,)}
    try:
        with joblib.parallel_config(backend="loky", n_jobs=2, **settings):
            yield lambda task, items: joblib.Parallel()(map(joblib.delayed(task), items))
    finally:
        get_reusable_executor().shutdown(wait=True)


@pytest.fixture(params=[pool, executor, loky], ids=lambda each: each.__name__)
def run(request):
    """Return what maps a function over items in workers where only gcwise frees cycles."""
    with request.param() as run:
        run(job.only_gcwise, range(TASKS))
        yield lambda task, items: list(run(task, items))


@pytest.fixture
def _alone():
    """Let only gcwise free cycles in this process."""
    job.only_gcwise()
    yield
    gc.enable()
    gc.collect()


class TestProcesses:
    """Pools of processes."""

    def test_without_it_cycles_stay(self, run, request):
        """Reference counting alone frees none of the documents."""
        assert run(job.total_of, PAGES) == [TOTAL] * TASKS

        workers = set(run(job.worker, range(TASKS)))
        assert sum(parsed for _, parsed, _ in workers) == TASKS
        alive = sum(alive for *_, alive in workers)
        # After a worker's first call, which may be one of these, loky itself collects.
        assert alive == TASKS or ("loky" in request.node.name and TASKS / 2 < alive < TASKS)

    def test_cycles_of_tasks_are_freed(self, run):
        """Most documents are gone when the tasks are."""
        assert run(pages.total, PAGES) == [TOTAL] * TASKS

        workers = set(run(job.worker, range(TASKS)))
        assert sum(parsed for _, parsed, _ in workers) == TASKS
        assert sum(alive for *_, alive in workers) <= TASKS / 4

    def test_policy(self, run):
        """The initializer's policy holds in the workers, and only there."""
        assert set(run(job.memory_limit, range(TASKS))) == {LIMIT}
        assert job.memory_limit() is None


def test_settings_do_not_travel():
    """A fresh interpreter has none of the policy that was set in the one that began it."""
    gcwise.set_policy(gcwise.Policy(memory_limit=LIMIT))

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(job.memory_limit, [None]) == [None]


@pytest.mark.usefixtures("_alone")
class TestThreads:
    """Pools of threads."""

    def test_cycles_of_tasks_are_freed(self):
        """Tasks of two threads overlap; the end of each frees what both have dropped."""
        before, tasks = gc.get_threshold(), 5 * TASKS

        # Left to itself it may be in the middle of a decision whenever the other task ends.
        with forced(True), ThreadPoolExecutor(2) as executor:
            assert list(executor.map(pages.total, 5 * PAGES)) == [TOTAL] * tasks

        parsed, alive = job.alive()
        assert parsed == tasks
        assert alive <= tasks / 10
        assert gc.get_threshold() == before

    def test_some_are_freed_at_least_by_its_own_decisions(self):
        """How many wait depends on how the threads take turns; without gcwise all would."""
        with ThreadPoolExecutor(2) as executor:
            list(executor.map(pages.total, 5 * PAGES))

        parsed, alive = job.alive()
        assert alive < parsed == 5 * TASKS

    def test_a_pause_in_an_initializer_ends_at_once(self):
        """A window of which nobody keeps the scope is closed with the next one."""
        before = gc.get_threshold()

        with ThreadPoolExecutor(1, initializer=lambda: gcwise.paused().__enter__()) as executor:
            executor.submit(pages.total, PAGES[0]).result()
            assert executor.submit(gc.get_threshold).result() == before

    def test_a_pause_that_is_kept_goes_on(self):
        """A window of which somebody keeps the scope stays open after all tasks."""
        before, kept = gc.get_threshold(), gcwise.paused()

        with ThreadPoolExecutor(1, initializer=kept.__enter__) as executor:
            executor.submit(pages.total, PAGES[0]).result()
            assert executor.submit(gc.get_threshold).result() != before

        kept.__exit__(None, None, None)
        assert gc.get_threshold() == before
