"""Several gcwise in one process: sub-interpreters, reloads, vendored copies."""

import os
import shutil
from pathlib import Path

import pytest

import gcwise
from tests.faults import children

INTERPRETER = """
import sys

class Interpreter:
    # A sub-interpreter that shares little (isolated) or more (legacy) with this one.

    def __init__(self, config):
        if sys.version_info >= (3, 13):
            import _interpreters
            self.module, self.id = _interpreters, _interpreters.create(config)
        else:
            import _xxsubinterpreters
            self.module = _xxsubinterpreters
            self.id = _xxsubinterpreters.create(isolated=config == "isolated")

    def run(self, code):
        # Return the error's message, if any.
        code = f"import sys; sys.path[:] = {sys.path}\\n{code}"
        if sys.version_info >= (3, 13):
            failed = self.module.exec(self.id, code)
            return failed and failed.formatted
        try:
            self.module.run_string(self.id, code)
        except self.module.RunFailedError as error:
            return str(error)

    def close(self):
        self.module.destroy(self.id)
"""


def need(config):
    """Skip where psutil, which gcwise needs, cannot be imported in such an interpreter."""
    script = f"""
    interpreter = Interpreter({config!r})
    print(interpreter.run("import psutil") or "")
    interpreter.close()
    """
    refused = children.run(script, begin=INTERPRETER, end="").strip()
    if refused:
        assert "does not support loading in subinterpreters" in refused
        pytest.skip(refused)


@pytest.mark.parametrize("config", ["legacy", "isolated"])
@pytest.mark.parametrize("window", ["batch", "paused"])
def test_sub_interpreters(config, window):
    """Each has a state of its own: windows, settings and sites in one leave the other alone."""
    need(config)
    said = children.run(
        f"""
        first, second = Interpreter({config!r}), Interpreter({config!r})
        own = (2_003, 11, 13)

        def run(interpreter, code):
            error = interpreter.run(code)
            assert not error, error

        for interpreter in first, second:
            run(interpreter, BEGIN)
        default = gc.get_threshold()
        with gcwise.{window}("main"):
            held = settings()
            gcwise.set_active(False)
            gcwise.set_active(True)
            for interpreter in first, second:
                # It finds its own, opens a window and leaves it open.
                run(interpreter, f'''if True:
                    as_found()
                    assert gc.get_threshold() == {{default}}
                    gc.set_threshold(*{{own}})
                    scope = gcwise.{window}("sub").__enter__()
                    assert gc.get_threshold() != {{own}}
                    gcwise.set_policy(gcwise.Policy(2.0))
                    ''')
                assert settings() == held
        as_found()
        assert gcwise.get_policy() == gcwise.Policy()
        for interpreter in first, second:
            run(interpreter, f'''if True:
                cycles()
                scope.__exit__(None, None, None)
                assert scope.decision.reason is not gcwise.Reason.BUSY
                assert gc.get_threshold() == {{own}}
                assert list(collector.sites) == ["sub"]
                print("sub-interpreter ends well", flush=True)
                ''')
            interpreter.close()
        as_found()
        assert list(collector.sites) == ["main"]
        """,
        begin=INTERPRETER + children.BEGIN + f"BEGIN = {children.BEGIN!r}\n",
    )

    assert said.count("ends well") == 2


RELOAD = """
import importlib, os, pkgutil, sys

names = ["gcwise", *(f"gcwise.{each.name}" for each in pkgutil.iter_modules(gcwise.__path__))]
names.remove("gcwise.__main__")
for name in names:
    importlib.import_module(name)
# As they were imported: what others need comes first.
names = [name for name in sys.modules if name in names]
names.append(names.pop(names.index("gcwise")))

def reload(*names):
    for name in names:
        importlib.reload(sys.modules[name])

def goes_on():
    for window in gcwise.batch, gcwise.paused, gcwise.collect_after, gcwise.teardown:
        with window("after") as scope:
            cycles()
        assert scope.decision is not None
    assert gcwise.maybe_collect("after") is not None
    as_found()
    if hasattr(os, "fork"):
        pid = os.fork()
        if pid == 0:
            try:
                as_found()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0

def collectors():
    return [each for each in gc.get_objects() if type(each).__qualname__ == "Collector"]
"""
WINDOWS = {
    "none": "contextlib.nullcontext()",
    "batch": "gcwise.batch()",
    "paused": "gcwise.paused()",
    "teardown": "gcwise.teardown()",
}
windows = pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)


@pytest.mark.parametrize("window", [WINDOWS["none"], WINDOWS["paused"]], ids=["none", "paused"])
def test_each_module_is_reloaded(window):
    """Whichever module is reloaded, an open window closes and gcwise goes on."""
    children.run(
        f"""
        import contextlib

        for name in names:
            with {window}:
                reload(name)
                cycles()
            as_found()
            goes_on()
            reload(*names)
        assert len(collectors()) == 1
        """,
        begin=children.BEGIN + RELOAD,
    )


@windows
def test_all_modules_are_reloaded(window):
    """All together, again and again, in the middle of windows that overlap the reloads."""
    children.run(
        f"""
        import contextlib

        scopes = []
        for _ in range(5):
            scopes.append({window})
            scopes[-1].__enter__()
            reload(*names)
            if len(scopes) > 2:
                scopes.pop(0).__exit__(None, None, None)
        for scope in scopes:
            scope.__exit__(None, None, None)
        as_found()
        goes_on()
        assert len(collectors()) == 1
        """,
        begin=children.BEGIN + RELOAD,
    )


COPIES = """
import os, random, sys

def purge():
    return {name: sys.modules.pop(name) for name in list(sys.modules)
            if name.partition(".")[0] == "gcwise"}

def copy():
    # Import the vendored copy beside this one.
    ours = purge()
    sys.path.insert(0, path)
    try:
        import gcwise
        from gcwise import _collector
    finally:
        sys.path.remove(path)
    purge()
    sys.modules.update(ours)
    assert gcwise.__file__.startswith(path)
    assert _collector.collector is not collector
    return gcwise, _collector.collector

def in_a_child(check):
    if hasattr(os, "fork"):
        pid = os.fork()
        if pid == 0:
            try:
                check()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0, "the child failed"

default = gc.get_threshold()
"""
# Thresholds that a program may have; 2**31 - 1 is the largest that can be set.
OWN = "[(700, 10, 10), (2_000, 10, 0), (0, 10, 10), (5_000, 5, 5), (2**31 - 1, 10, 10)]"


@pytest.fixture
def copies(tmp_path):
    """Return the beginning of a script that can import another copy of gcwise."""
    vendored = tmp_path / "vendored" / "gcwise"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(gcwise.__file__).parent, vendored, ignore=ignored)
    return children.BEGIN + f"path = {str(vendored.parent)!r}\n" + COPIES


def test_two_copies_side_by_side(copies):
    """Their windows nest and overlap in any order, and the thresholds come back as found."""
    children.run(
        f"""
        import itertools

        other, others = copy()
        first = [gcwise.batch, gcwise.paused, gcwise.teardown, gcwise.collect_after]
        second = [other.batch, other.paused, other.teardown, other.collect_after]
        tested = 0
        for own, one, two in itertools.product({OWN}, first, second):
            for scopes in (one, two), (two, one):
                for nested in True, False:
                    gc.set_threshold(*own)
                    before = settings()
                    scopes_open = [scope("copies") for scope in scopes]
                    for scope in scopes_open:
                        scope.__enter__()
                    # Automatic collections come where they may, and both learn from them.
                    cycles(1_000)
                    for scope in reversed(scopes_open) if nested else scopes_open:
                        scope.__exit__(None, None, None)
                    assert settings() == before, (own, scopes, nested, gc.get_threshold())
                    tested += 1
        assert tested == 320
        assert not any(others.window._open)
        gc.set_threshold(*default)
        """,
        begin=copies,
    )


def test_a_window_of_one_copy_holds_inside_one_of_another(copies):
    """Nested, each holds until its own end."""
    children.run(
        """
        other, others = copy()
        for outer, inner in (gcwise, other), (other, gcwise):
            with outer.paused():
                held = gc.get_threshold()
                for window in inner.batch, inner.paused:
                    with window():
                        before = runs()
                        cycles(1_000)
                        assert runs() == before
                    assert gc.get_threshold() == held
            as_found()
        """,
        begin=copies,
    )


def test_a_copy_that_knows_other_thresholds(copies):
    """What a program has set since a copy was last used is not mistaken for what it knew."""
    children.run(
        """
        other, others = copy()
        for one, two in (gcwise, other), (other, gcwise):
            gc.set_threshold(701, 11, 13)
            with one.batch():
                pass
            gc.set_threshold(5_003, 7, 9)
            with two.batch(), one.batch():
                pass
            assert gc.get_threshold() == (5_003, 7, 9)
        gc.set_threshold(*default)
        """,
        begin=copies,
    )


def test_three_copies_in_any_order(copies):
    """Any interleaving of three copies' windows, collections and decisions leaves no trace."""
    children.run(
        f"""
        copies = [(gcwise, collector), copy(), copy()]

        def check():
            assert settings() == before, (seed, before, gc.get_threshold())

        for seed in range(300):
            chance = random.Random(seed)
            gc.set_threshold(*chance.choice({OWN}))
            before, opened = settings(), []
            for _ in range(chance.randint(1, 12)):
                if not opened or chance.random() < 0.5:
                    module, _ = chance.choice(copies)
                    window = chance.choice([module.batch, module.paused])
                    policy = module.Policy(chance.choice([1e-6, 1.0, 1e3]))
                    opened.append(window("any", policy=policy).__enter__())
                else:
                    opened.pop(chance.randrange(len(opened))).__exit__(None, None, None)
                chance.choice([cycles, gc.collect])(chance.choice([0, 1]))
                if chance.random() < 0.02:
                    in_a_child(check)
            for scope in opened:
                scope.__exit__(None, None, None)
            check()
        gc.set_threshold(*default)
        """,
        begin=copies,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_many_copies_and_a_fork(copies):
    """The hooks of all copies that were ever imported run in a child, and do no harm."""
    children.run(
        """
        copies = [(gcwise, collector), *(copy() for _ in range(3))]
        gc.set_threshold(701, 11, 13)
        before = settings()

        def found():
            assert settings() == before

        def child():
            found()
            for module, its in copies:
                assert not any(its.window._open)
                with module.paused("child") as scope:
                    cycles()
                assert scope.decision.collection.collected > 10_000
                assert settings() == before

        in_a_child(child)
        for number in range(len(copies)):
            scopes = [module.batch() for module, _ in copies]
            scopes = scopes[number:] + scopes[:number]
            for scope in scopes:
                scope.__enter__()
            in_a_child(child)
            for scope in scopes:
                in_a_child(found)
                scope.__exit__(None, None, None)
            assert settings() == before
        gc.set_threshold(*default)
        """,
        begin=copies,
    )
