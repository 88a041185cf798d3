"""Forks, wherever threads are: what the child starts with, and what the parent keeps."""

import os

import pytest

from gcwise._collection import LONGEST, SHORTEST, SURE
from tests.faults import children

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")

FORK = """
import os, sys, threading, time, traceback, warnings

# It is what is tested here.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

def fork(child):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"

def free():
    return not collector._claims

def fresh():
    as_found()
    assert free(), "the claim is taken"
    assert collector._ledger.decided_at is None, "the parent's debts are the child's"
    # Automatic and explicit collection work.
    before = runs()
    cycles()
    assert runs()[0] > before[0], "automatic collection is off"
    with gcwise.paused("child") as scope:
        cycles()
    decision = scope.decision
    assert decision.collection is not None and decision.collection.collected > 10_000, decision
    as_found()

class Beside:
    # A thread that is in the middle of something until told to go on.

    def __init__(self, work):
        self.inside, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=work, args=(self,), daemon=True)
        self.thread.start()
        assert self.inside.wait(20)

    def stay(self):
        self.inside.set()
        assert self.go.wait(20)

    def end(self):
        self.go.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

class Slow(str):
    # The name of a site: looking it up takes its time.

    def __hash__(self):
        beside = self.beside
        if beside is not None:
            self.beside = None
            beside.stay()
        return super().__hash__()

def slow(beside):
    name = Slow("slow")
    name.beside = beside
    return name
"""

# What other threads are in the middle of when the process forks.
BESIDE = {
    "nothing": """
        def work(beside):
            beside.stay()
        """,
    "a batch": """
        def work(beside):
            with gcwise.batch():
                beside.stay()
        """,
    "a pause in a batch": """
        def work(beside):
            with gcwise.batch(), gcwise.paused():
                beside.stay()
        """,
    "a loop": """
        def work(beside):
            for _ in gcwise.each([1]):
                beside.stay()
        """,
    "a decision": """
        def work(beside):
            gcwise.maybe_collect(slow(beside), policy=gcwise.Policy(2.0))
        """,
    "a decision at the end of a pause": """
        def work(beside):
            with gcwise.paused(slow(beside), policy=gcwise.Policy(2.0)):
                pass
        """,
    "a scheduled decision": """
        def work(beside):
            gcwise.maybe_collect(slow(beside), policy=gcwise.Policy.every(2))
        """,
}


def script(*parts):
    """Put parts of a script that stand indented one after another."""
    return FORK + "\n".join(children.textwrap.dedent(part) for part in parts)


@pytest.mark.parametrize("work", BESIDE.values(), ids=BESIDE)
def test_another_thread_is_in_the_middle_of(work):
    """The child starts with free locks and no window; the parent's thread goes on."""
    children.run(
        script(
            work,
            """
            gcwise.maybe_collect()
            beside = Beside(work)
            held, busy, ledger = settings(), not free(), collector._ledger
            opened = [len(each) for each in collector.window._open]
            at = ledger.decided_at

            fork(fresh)

            assert settings() == held
            assert busy != free()
            assert [len(each) for each in collector.window._open] == opened
            assert collector._ledger is ledger and ledger.decided_at == at
            beside.end()
            """,
        )
    )


@pytest.mark.parametrize("enabled", [True, False])
def test_the_forking_thread_is_in_a_window(enabled):
    """The child's windows are closed, at whose ends nothing happens; the parent's hold on."""
    children.run(
        script(
            f"""
            enabled = {enabled}
            (gc.enable if enabled else gc.disable)()
            gc.set_threshold(701, 11, 13)
            before = settings()

            def child():
                assert settings() == before
                assert not any(collector.window._open)
                with gcwise.batch():
                    assert settings() != before
                assert settings() == before

            with gcwise.batch() as batch, gcwise.paused() as pause:
                held = settings()
                pid = os.fork()
                if pid == 0:
                    child()
                else:
                    assert settings() == held != before
            assert settings() == before
            if pid == 0:
                child()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            gc.enable()
            gc.set_threshold(*as_found.__defaults__[0][1])
            """,
        )
    )


@pytest.mark.parametrize("kind", ["batch", "paused"])
def test_at_every_line_of_opening_and_closing(kind):
    """Wherever another thread is on its way into a window or out of it, the child finds none."""
    said = children.run(
        script(
            f"""
            window = gcwise.{kind}
            policy = gcwise.Policy.never()

            def work(beside):
                left = line

                def every_line(frame, event, arg):
                    nonlocal left
                    if event == "line":
                        left -= 1
                        if left == 0:
                            beside.stay()
                    return every_line

                def windows(frame, event, arg):
                    return every_line if frame.f_globals["__name__"] == "gcwise._window" else None

                sys.settrace(windows)
                with window(policy=policy):
                    pass
                sys.settrace(None)
                if left > 0:
                    beside.reached = False
                    beside.stay()

            line = 0
            Beside.reached = True
            while Beside.reached:
                line += 1
                beside = Beside(work)
                if beside.reached is False:
                    beside.end()
                    break
                fork(as_found)
                beside.end()
                as_found()
            print(line - 1)
            """,
        )
    )

    assert int(said) >= 20


def test_memory_of_its_own():
    """Resident memory in the child is the child's, in the parent the parent's."""
    children.run(
        script(
            """
            MIB = 2**20

            def resident():
                time.sleep(0.01)
                return collector.runtime.resident(collector.runtime.clock())[0]

            def child():
                before = resident()
                kept = b"x" * (100 * MIB)
                assert 90 * MIB < resident() - before < 150 * MIB
                assert collector._ledger.resident < 2 * before

            kept = b"x" * (50 * MIB)
            parents = resident()
            fork(child)
            assert abs(resident() - parents) < 50 * MIB
            del kept
            assert resident() < parents - 40 * MIB
            """,
        )
    )


def test_a_fork_in_the_middle_of_a_decision_of_its_own():
    """A finalizer that forks leaves a child in the middle of a collection, which ends there too."""
    children.run(
        script(
            """
            pids = []

            class Final(Cycle):
                def __del__(self):
                    pids.append(os.fork())
                    assert not gcwise.maybe_collect(policy=gcwise.Policy.always())

            with gcwise.paused("here") as scope:
                Final()
                cycles()
            try:
                assert scope.decision.collection.collected > 10_000
                as_found()
                if pids == [0]:
                    # A collection has begun since the fork, so that the next try tells.
                    time.sleep(0.02)
                    fresh()
                    os._exit(0)
            finally:
                if pids == [0]:
                    os._exit(1)
            assert os.waitpid(pids[0], 0)[1] == 0
            """,
        )
    )


@pytest.mark.parametrize("generations", [1, 3])
def test_children_of_children(generations):
    """Each of them starts afresh."""
    children.run(
        script(
            f"""
            def child(left={generations}):
                fresh()
                if left:
                    with gcwise.paused():
                        fork(lambda: child(left - 1))
                    as_found()

            beside = Beside(lambda beside: gcwise.maybe_collect(slow(beside)))
            fork(child)
            beside.end()
            """,
        )
    )


DEAD = """
class Sleeper(Cycle):
    def __del__(self):
        beside.stay()

def collecting(this):
    global beside
    beside = this
    Sleeper()
    gc.collect()

def dead_child(child):
    # Fork while another thread is in the middle of a collection.
    with gcwise.paused():
        this = Beside(collecting)
        fork(child)
        this.end()
    before = runs()
    assert gcwise.maybe_collect(policy=gcwise.Policy.always()).collection is not None
    assert runs()[2] == before[2] + 1

tries = []
collect = collector.runtime.collect

def counted(generation):
    tries.append(generation)
    return collect(generation)

collector.runtime.collect = counted

def all_spellings():
    for policy in (None, gcwise.Policy.always(), gcwise.Policy(1e6)):
        for window in (gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown):
            with window("dead", policy=policy) as scope:
                cycles(300)
            yield scope.decision
        yield gcwise.maybe_collect("dead", policy=policy)
        for _ in gcwise.each([1], "dead", policy=policy):
            cycles(300)
        as_found()

def wait_for(caught):
    ends, decisions = time.monotonic() + 30, 0
    while not caught:
        assert time.monotonic() < ends, "no warning"
        for decision in all_spellings():
            assert not decision and decision.collection is None, decision
            decisions += 1
    return decisions
"""


def test_a_dead_collector():
    """A child forked in the middle of a collection says so once, and rests ever longer."""
    said = children.run(
        script(
            DEAD,
            """
            def child():
                assert gc.collect() == 0
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    decisions = wait_for(caught)
                    tried = len(tries)
                    for _ in range(1_000):
                        for decision in all_spellings():
                            assert not decision, decision
                            decisions += 1
                assert len(caught) == 1
                assert caught[0].category is RuntimeWarning
                assert "start workers by spawn or forkserver" in str(caught[0].message)
                assert gcwise.maybe_collect("dead").reason is gcwise.Reason.BUSY
                assert not gcwise.should_collect("dead")
                as_found()
                print(tried, len(tries), decisions, flush=True)

            dead_child(child)
            """,
        )
    )

    tried, later, decisions = map(int, said.split())
    at_least = next(n for n in range(99) if SHORTEST * 2**n >= SURE) + 1
    assert tried == at_least
    # Half a minute more of decisions would be five tries more.
    assert later <= tried + 6
    assert SHORTEST * 2 ** (tried + 6) > LONGEST
    assert decisions > 10_000


def test_a_dead_collector_where_warnings_are_errors():
    """There the warning is one, once; the windows are closed all the same."""
    children.run(
        script(
            DEAD,
            """
            def child():
                raised = []
                while not raised:
                    try:
                        wait_for(raised)
                    except RuntimeWarning as error:
                        raised.append(error)
                as_found()
                for _ in range(10):
                    for decision in all_spellings():
                        assert not decision
                assert free()

            dead_child(child)
            """,
        )
    )


def test_a_live_child_does_not_warn():
    """A child whose first collection has slow finalizers, which ask, is not taken for dead."""
    children.run(
        script(
            """
            asked = []

            class Asking(Cycle):
                def __del__(self):
                    for _ in range(20):
                        asked.append(gcwise.maybe_collect(policy=gcwise.Policy.always()))
                        time.sleep(0.01)

            def child():
                Asking()
                gc.collect()
                assert len(asked) == 20 and not any(asked)
                time.sleep(0.5)
                fresh()

            fork(child)
            """,
        )
    )


WORKERS = {
    "process": """
        import concurrent.futures, multiprocessing
        def work(context):
            with context.Pool(1) as pool:
                states = pool.apply(state), pool.apply(state)
                pool.close()
                pool.join()
                return states
        """,
    "executor": """
        import concurrent.futures, multiprocessing
        def work(context):
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                return [future.result() for future in [pool.submit(state) for _ in range(4)]]
        """,
}


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers(method, workers):
    """Workers find automatic collection as it is outside all windows, whatever holds the parent."""
    children.run(
        script(
            workers,
            f"""
            from tests.faults.targets import state

            default = gc.get_threshold()
            gc.set_threshold(2_003, 11, 13)
            before = settings()

            def other_thread(beside):
                with gcwise.batch():
                    gcwise.maybe_collect(slow(beside))

            beside = Beside(other_thread)
            with gcwise.paused():
                held = settings()
                states = work(multiprocessing.get_context({method!r}))
                assert settings() == held
            beside.end()
            assert settings() == before
            expected = (2_003, 11, 13) if {method!r} == "fork" else default
            assert list(states) == [((True, expected, (set(), set())), True)] * len(states), states
            gc.set_threshold(*default)
            """,
        )
    )


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run(command, check=True)",
        "subprocess.run(command, check=True, preexec_fn=in_the_child)",
        "os.waitpid(os.posix_spawn(sys.executable, command, os.environ), 0)",
    ],
    ids=["subprocess", "preexec_fn", "posix_spawn"],
)
def test_other_programs(start):
    """Starting another program changes nothing here, nor there."""
    children.run(
        script(
            f"""
            import subprocess

            def in_the_child():
                # subprocess itself has disabled gc for the while.
                assert not gc.isenabled() and gc.get_threshold() == default
                assert free()

            default = gc.get_threshold()
            code = f"import gc; assert gc.isenabled() and gc.get_threshold() == {{default}}"
            command = [sys.executable, "-c", code]
            beside = Beside(lambda beside: gcwise.maybe_collect(slow(beside)))
            with gcwise.paused():
                held, ledger = settings(), collector._ledger
                {start}
                assert settings() == held and collector._ledger is ledger
                assert not free()
            beside.end()
            """,
        )
    )
