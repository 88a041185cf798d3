"""The end of the interpreter: scopes that close in its course, or never."""

import os
import signal

import pytest

from tests.faults import children

KINDS = ["batch", "paused", "teardown", "collect_after"]
kinds = pytest.mark.parametrize("kind", KINDS)
two_kinds = pytest.mark.parametrize("kind", ["batch", "teardown"])
# With all checks of the developer mode, and without.
options = pytest.mark.parametrize("option", [["-X", "dev"], []], ids=["dev", "plain"])

GENERATOR = """
def opens(kind, name="generator"):
    with kind(name):
        cycles(100)
        yield
        cycles(100)
"""
# Something outlives the modules: it tells how automatic collection was left.
LAST = """
import os, sys

class Last:
    def __init__(self):
        self.before, self.get, self.write = gc.get_threshold(), gc.get_threshold, os.write

    def __del__(self):
        self.write(1, b"as found" if self.get() == self.before else b"LEFT BEHIND")
"""


def ends(script, *options, code=0, end=""):
    """Run a script to its end; return what it said."""
    begin = children.BEGIN + GENERATOR + LAST
    return children.run(script, *options, code=code, begin=begin, end=end)


@kinds
@options
def test_a_generator_at_exit(kind, option):
    """A generator that is finalised with the module's globals closes its window."""
    ends(
        f"""
        left = opens(gcwise.{kind})
        next(left)
        cycles()
        """,
        *option,
    )


@kinds
def test_a_generator_in_a_cycle_at_exit(kind):
    """One that only the last collection of all finds does so, too, modules gone or not."""
    said = ends(
        f"""
        last = Last()
        # What is set to None last of all keeps it beyond most modules.
        sys.last = last

        class Holder:
            pass

        holder = Holder()
        holder.me, holder.left = holder, opens(gcwise.{kind})
        next(holder.left)
        del holder
        """,
    )

    assert said == "as found"


@two_kinds
@options
def test_an_open_scope_at_exit(kind, option):
    """A window that nobody closes ends with the process."""
    ends(
        f"""
        scope = gcwise.{kind}("never closed").__enter__()
        cycles()
        """,
        *option,
    )


@kinds
@options
def test_a_scope_that_closes_when_modules_are_gone(kind, option):
    """One that closes after gcwise's globals were cleared raises nothing."""
    said = ends(
        f"""
        def late(write=os.write):
            try:
                yield from opens(gcwise.{kind})
            finally:
                write(1, b"closed")

        left = late()
        next(left)
        # What refers to a module keeps it, and all that it imports, until names are cleared.
        sys.kept = sys.modules["__main__"]
        """,
        *option,
    )

    assert said == "closed"


@two_kinds
def test_a_first_decision_at_the_very_end(kind):
    """A finalizer that decides first of all, while the last collection runs, raises nothing."""
    said = ends(
        f"""
        class Final(Cycle):
            def __del__(self, gcwise=gcwise, write=os.write):
                gcwise.maybe_collect("end", policy=gcwise.Policy(2.0))
                gcwise.should_collect("end", policy=gcwise.Policy(2.0))
                with gcwise.{kind}("end", policy=gcwise.Policy(2.0)):
                    pass
                write(1, b"decided")

        final = Final()
        """,
    )

    assert said == "decided"


@two_kinds
@pytest.mark.parametrize("exits", ["SystemExit(3)", "ValueError('boom')", "KeyboardInterrupt"])
def test_an_exception_that_ends_the_program(kind, exits):
    """It passes through open scopes, and decides how the program ends."""
    said = ends(
        f"""
        import atexit, signal

        sys.excepthook = lambda kind, error, traceback: print(kind.__name__)
        atexit.register(as_found)
        with gcwise.{kind}("outer"), gcwise.batch("inner"):
            for _ in gcwise.each([1]):
                cycles()
                raise {exits}
        """,
        code={"S": 3, "V": 1, "K": -signal.SIGINT}[exits[0]],
    )

    assert said.strip() == {"S": "", "V": "ValueError", "K": "KeyboardInterrupt"}[exits[0]]


@two_kinds
def test_an_exception_at_exit(kind):
    """A function run at exit that raises inside a scope leaves nothing for the next one to find."""
    said = ends(
        f"""
        import atexit

        sys.unraisablehook = lambda each: print(each.exc_type.__name__)
        sys.excepthook = lambda kind, error, traceback: print(kind.__name__)
        atexit.register(as_found)

        @atexit.register
        def raises():
            sys.stderr = open(os.devnull, "w")
            with gcwise.{kind}("at exit"):
                cycles()
                raise LookupError

        @atexit.register
        def decides():
            with gcwise.{kind}("at exit") as scope:
                cycles()
            print(scope.decision is not None)
        """,
    )

    assert said.split()[0] == "True"


@two_kinds
@pytest.mark.parametrize("at", ["inside", "at exit"])
def test_ending_at_once(kind, at):
    """`os._exit` inside a scope ends the process there and then."""
    ends(
        f"""
        import atexit

        def leave():
            with gcwise.{kind}("gone"):
                cycles()
                os._exit(7)

        leave() if {at!r} == "inside" else atexit.register(leave)
        """,
        code=7,
    )


@two_kinds
@pytest.mark.skipif(os.name == "nt", reason="signals do not end processes there")
def test_killed(kind):
    """A signal that ends the process ends it inside a scope, too."""
    ends(
        f"""
        import signal

        with gcwise.{kind}("killed"):
            cycles()
            os.kill(os.getpid(), signal.SIGTERM)
        """,
        code=-signal.SIGTERM,
    )


@pytest.mark.parametrize("kind", ["batch", "paused"])
@options
def test_daemon_threads_inside_windows(kind, option):
    """Threads that are frozen in the middle of a window, or of a decision, are no obstacle."""
    ends(
        f"""
        import threading, time

        inside = threading.Barrier(5)

        def waits():
            with gcwise.{kind}("waits"):
                inside.wait(20)
                time.sleep(1_000)

        class Slow(str):
            def __hash__(self):
                inside.wait(20)
                time.sleep(1_000)

        def decides():
            with gcwise.{kind}(Slow("decides"), policy=gcwise.Policy(2.0)):
                cycles(100)

        def works():
            inside.wait(20)
            while True:
                with gcwise.{kind}("works"):
                    cycles(100)

        for target in waits, decides, works, works:
            threading.Thread(target=target, daemon=True).start()
        inside.wait(20)
        # It is busy, not blocked.
        assert not gcwise.maybe_collect(policy=gcwise.Policy(1e6))
        with gcwise.{kind}("main"):
            cycles()
        """,
        *option,
    )


@pytest.mark.parametrize("exits", ["normally", "by an exception"])
def test_asyncio_is_cut_short(exits):
    """Tasks and asynchronous generators with open windows are cancelled by the loop's end."""
    ends(
        f"""
        import asyncio

        async def generator():
            with gcwise.batch("generator"):
                yield 1
                yield 2

        @gcwise.paused("task")
        async def task():
            async for _ in generator():
                await asyncio.sleep(1_000)

        async def main():
            tasks = [asyncio.create_task(task()) for _ in range(5)]
            await asyncio.sleep(0.01)
            assert len(collector.window._open[1]) == 5
            if {exits!r} != "normally":
                raise SystemExit(0)

        try:
            asyncio.run(main())
        finally:
            gc.collect()
            as_found()
        """,
        "-X",
        "dev",
    )
