"""A program does under the watch what it does without: output, errors, status, surroundings."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile

import pytest

from tests.interpreters import needs_settings
from tests.watch.programs import ROOT, WATCH, parted, run, watched

pytestmark = needs_settings

# All that a program can easily see of how it was started.
SURROUNDINGS = """
import inspect, json, os, signal, sys, warnings
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": str(sys.flags),
    "warnoptions": sys.warnoptions, "xoptions": str(sys._xoptions),
    "filters": str(warnings.filters),
    "environment": dict(os.environ), "cwd": os.getcwd(), "name": __name__, "file": __file__,
    "package": __package__, "spec": getattr(__spec__, "name", None), "debug": __debug__,
    "main": sorted(vars(main)), "depth": len(inspect.stack()),
    "hook": sys.excepthook is sys.__excepthook__,
    "trace": str(sys.gettrace()), "profile": str(sys.getprofile()),
    "int": str(signal.getsignal(signal.SIGINT)), "term": str(signal.getsignal(signal.SIGTERM)),
    "parent": os.getppid(), "customize": "sitecustomize" in sys.modules,
    "next_file": os.open(os.devnull, os.O_RDONLY), "cache": sorted(sys.path_importer_cache),
    "encoding": sys.stdout.encoding, "buffering": sys.stdout.line_buffering,
}, indent=1, sort_keys=True))
"""

PROGRAMS = {
    "surroundings": SURROUNDINGS,
    "exit_status": "import sys; sys.exit(3)",
    "exit_text": "import sys; sys.exit('a last word')",
    "exit_nothing": "import sys; print('x'); sys.exit()",
    "error": """
        def inner(n): return 1 / n
        def outer(): return [inner(n) for n in (1, 0)]
        try:
            outer()
        except ZeroDivisionError as error:
            raise KeyError("chained") from error
    """,
    "syntax_error": "def f(:",
    "import_error": "import no_such_module_anywhere",
    "interrupt": "raise KeyboardInterrupt",
    "own_hook": """
        import sys
        def hook(kind, error, trace): print("hook", kind, trace.tb_next, file=sys.stderr)
        sys.excepthook = hook
        raise ValueError
    """,
    "atexit": """
        import atexit, sys, threading, time
        atexit.register(print, "last")
        atexit.register(print, "last but one", file=sys.stderr)
        def work():
            time.sleep(0.05)
            print("thread")
        threading.Thread(target=work).start()
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        raise SystemExit(4)
    """,
    "failing_atexit": """
        import atexit
        @atexit.register
        def fail(): raise RuntimeError("at the end")
        import sys
        sys.unraisablehook = lambda error: print("ignored", error.exc_value, file=sys.stderr)
    """,
    "thread_error": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()
    """,
    "stdin": "import sys; print(sys.stdin.read().upper(), input.__name__)",
    "pickling": """
        import pickle
        class Thing:
            def __eq__(self, other): return type(self) is type(other)
        def function(): pass
        assert pickle.loads(pickle.dumps(Thing())) == Thing()
        assert pickle.loads(pickle.dumps(function)) is function
        print(pickle.dumps(function))
    """,
    "processes": """
        import multiprocessing, sys
        def double(number): return 2 * number
        if __name__ == "__main__":
            for method in multiprocessing.get_all_start_methods():
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(method, pool.map(double, [1, 2]))
    """,
    "warnings": """
        import warnings
        warnings.warn("from the top", stacklevel=2)
        def old(): warnings.warn("old", DeprecationWarning, stacklevel=2)
        old()
    """,
    "gc_settings": """
        import gc
        gc.disable(); gc.set_threshold(5, 6, 7); gc.collect(); gc.freeze()
        print(gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.garbage)
        gc.unfreeze(); gc.enable()
    """,
    # A collection at the very limit would be told of, see the documentation.
    "deep": """
        import gc, sys
        gc.disable()
        def depth(n):
            try:
                return depth(n + 1)
            except RecursionError:
                return n
        print(depth(0))
    """,
    "gcwise": """
        import gcwise
        with gcwise.batch("x") as batch:
            cycles = [[] for _ in range(5000)]
            for each in cycles: each.append(each)
        print(type(batch.decision).__name__, gcwise.is_active())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_script(name, tmp_path):
    """A script prints and ends as without the watch; the report comes after all that it prints."""
    script = tmp_path / f"{name}.py"
    script.write_text(textwrap.dedent(PROGRAMS[name]), encoding="utf-8")
    command = [script, "--json", "-m", "--", "-x"]

    plain = run(*command, stdin="some input")
    done, report = parted(watched(*command, stdin="some input"))

    assert done == (plain.returncode, plain.stdout, plain.stderr)
    assert report


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_output(tmp_path, monkeypatch, unbuffered):
    """What Python says at its very end, of output that cannot be written, is said all the same."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    script = tmp_path / "closed.py"
    script.write_text("import os; print('buffered'); os.close(1)", encoding="utf-8")

    plain, done = run(script), watched(script)

    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout)
    assert done.stderr.endswith(plain.stderr)
    assert "gcwise watched" in done.stderr


@pytest.mark.parametrize("kind", ["module", "package", "inner", "folder", "archive", "relative"])
def test_kinds_of_programs(kind, tmp_path):
    """Modules, packages, folders, archives and relative paths run as they do without the watch."""
    package = tmp_path / "place" / "inner"
    package.mkdir(parents=True)
    for path in (package.parent / "__main__.py", package / "__main__.py", package / "single.py"):
        path.write_text(SURROUNDINGS, encoding="utf-8")
    for path in (package.parent, package):
        (path / "__init__.py").write_text("print('imported')", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "archive.pyz", "w") as archive:
        archive.writestr("__main__.py", SURROUNDINGS)
    program = {
        "module": ("-m", "place.inner.single"),
        "package": ("-m", "place"),
        "inner": ("-m", "place.inner"),
        "folder": (package.parent,),
        "archive": ("archive.pyz",),
        "relative": ("place/inner/single.py",),
    }[kind]
    command = [*program, "--plot", "3"]
    run(*command, cwd=tmp_path)  # What is compiled for the first time is not for the second.

    plain = run(*command, cwd=tmp_path)
    done, report = parted(watched(*command, cwd=tmp_path))

    assert done == (plain.returncode, plain.stdout, plain.stderr)
    assert report


@pytest.mark.parametrize(
    "flags",
    [
        ["-O", "-W", "error::UserWarning", "-X", "dev"],
        ["-B", "-Wignore", "-X", "faulthandler", "-u"],
        ["-OO", "-b", "-q", "-s"],
    ],
    ids=lambda flags: flags[0],
)
@pytest.mark.parametrize("spelling", [("-m", "gcwise"), ("-mgcwise",), ("-vm", "gcwise")])
def test_flags(flags, spelling, tmp_path):
    """The flags given to Python are the program's, however the command is spelled."""
    script = tmp_path / "script.py"
    script.write_text(SURROUNDINGS, encoding="utf-8")
    verbose = ["-v"] if "v" in spelling[0] else []

    plain = run(script, flags=[*flags, *verbose])
    done = run(*flags, *spelling, "watch", script)

    assert done.stdout == plain.stdout
    assert done.returncode == plain.returncode == 0


# The command itself is a Python program, too.
OWN_CUSTOMIZE = "import sys\nif 'gcwise' not in sys.orig_argv: print('own'); 1 / 0"


def test_own_sitecustomize(tmp_path):
    """A `sitecustomize` of the program's own runs as ever, and its failing is told as ever."""
    (tmp_path / "sitecustomize.py").write_text(OWN_CUSTOMIZE, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text("import sys; print(sys.modules.get('sitecustomize'))", encoding="utf-8")
    env = {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}

    plain = run(script, env=env)
    done, report = parted(watched(script, env=env))

    assert "own" in plain.stdout
    assert "ZeroDivisionError" in plain.stderr
    assert done == (plain.returncode, plain.stdout, plain.stderr)
    assert report


SIGNALS = """
import gc, signal, sys
class Late(Exception): pass
def handler(signum, frame): raise Late
if "handler" in sys.argv:
    signal.signal(signal.SIGTERM, handler)
live = [[] for _ in range(100_000)]
print("ready", flush=True)
while True: gc.collect()
"""


@pytest.mark.parametrize(
    ("number", "arguments"),
    [(signal.SIGINT, []), (signal.SIGTERM, []), (signal.SIGTERM, ["handler"])],
    ids=["interrupt", "terminate", "handler"],
)
def test_signals(number, arguments, tmp_path):
    """A signal in the middle of a collection ends the program as ever."""
    script = tmp_path / "script.py"
    script.write_text(SIGNALS, encoding="utf-8")

    plain, under_watch = (
        ended_by(number, [*command, str(script), *arguments]) for command in ((), WATCH)
    )

    done, report = parted(under_watch)
    assert done == (plain.returncode, "", plain.stderr)
    # Where nothing runs at the end there can be no report.
    assert bool(report) == (plain.returncode != -signal.SIGTERM)


def ended_by(number, arguments):
    """Start Python, send it a signal when it is ready, and return how it ended."""
    # Where the tests run in the background of a shell, interrupts are ignored, by children too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    process.stdout.readline()
    time.sleep(0.3)  # It is in its loop by then, and nearly always in a collection.
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def test_leaving_at_once(tmp_path):
    """A program that leaves by `os._exit` leaves at once, without a report."""
    script = tmp_path / "script.py"
    script.write_text("import os; print('x', flush=True); os._exit(5)", encoding="utf-8")

    done = watched(script)

    assert (done.returncode, done.stdout, done.stderr) == (5, "x\n", "")


def test_forked_children(tmp_path):
    """A forked child that ends in the usual way prints no report, and the report tells of it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import gc, os, sys\n"
        "if not os.fork(): print('child', len(gc.callbacks)); sys.exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]), len(gc.callbacks))\n",
        encoding="utf-8",
    )

    done, report = parted(watched(script))

    assert done == (0, "child 0\n7 1\n", "")
    assert report.count("gcwise watched") == 1
    assert "Not watched: the 1 process that it forked." in report


def test_at_the_limit_of_recursion(tmp_path):
    """After collections that there was no room to note, all others are noted, without a word."""
    script = tmp_path / "script.py"
    script.write_text(
        "import gc, sys\n"
        "gc.disable()\n"
        "def deeper():\n"
        "    gc.collect()\n"
        "    deeper()\n"
        "sys.setrecursionlimit(100)\n"
        "try: deeper()\n"
        "except RecursionError: pass\n"
        "print('here', file=sys.stderr)\n"
        "for _ in range(7): gc.collect()\n",
        encoding="utf-8",
    )

    (status, output, error), report = parted(watched(script))

    assert (status, output) == (0, "")
    at_the_limit, _, after = error.partition("here\n")
    assert "RecursionError" in at_the_limit
    assert not after
    assert re.search(r"^ +7 .*script\.py:10", report, re.MULTILINE)


def test_replaced_callbacks(tmp_path):
    """A program may take the observer away; the report says what it has not seen."""
    script = tmp_path / "script.py"
    script.write_text(
        "import gc\ngc.collect()\ngc.callbacks[:] = []\nfor _ in range(7): gc.collect()\n",
        encoding="utf-8",
    )

    done, report = parted(watched(script))

    assert done == (0, "", "")
    assert "took the observer out of gc.callbacks: 7 collections after that" in report
