"""What the source does not do: run what it reads, read what it need not, show what it saw."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gcwise

ROOT = Path(gcwise.__file__).parent
# The watch is a command: it runs the program and writes the files that its user names, and no other
# module imports it (see the table of imports).
MODULES = sorted(path for path in ROOT.rglob("*.py") if "_watch" not in path.parts)

# What would run text or bytes from elsewhere, or take objects from them.
RUNNING = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
LOADING = {
    *("pickle", "marshal", "shelve", "copyreg", "dill", "cloudpickle", "ctypes", "cffi", "code"),
    *("runpy", "importlib", "subprocess", "socket", "ssl", "urllib", "http", "tempfile"),
}
# The demonstration compiles the standard library's source, without running it.
ALLOWED = {
    ("_demo", "compile"),
    ("_demo", "tokenize.open"),
    ("_demo", "multiprocessing"),
    ("_limits", "open"),
    ("_trim", "ctypes"),  # The C library's malloc_trim, where psutil is too old to have it.
}
OPENING = {"open", "io.open", "os.open", "os.fdopen", "tokenize.open", "read_text", "read_bytes"}
WRITING = {
    *(
        "write_text",
        "write_bytes",
        "writelines",
        "unlink",
        "touch",
        "mkdir",
        "rmtree",
        "symlink_to",
    ),
    *("os.remove", "os.rename", "os.replace", "os.write", "os.system", "os.popen", "os.execv"),
}

modules = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def nodes(path, kind):
    """Return all nodes of a kind in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, kind)]


def called(path):
    """Return what a module calls, as it is written there."""
    return {ast.unparse(call.func) for call in nodes(path, ast.Call)}


def calls_of(path, names):
    """Return which of the names a module calls, those without a dot as methods, too."""
    return {
        call
        for call in called(path)
        if call in names or call.rpartition(".")[2] in names - {"open"}
    }


def imported(path):
    """Return the top names of what a module imports."""
    plain = [alias.name for node in nodes(path, ast.Import) for alias in node.names]
    others = [node.module for node in nodes(path, ast.ImportFrom)]
    return {name.partition(".")[0] for name in plain + others}


def not_allowed(path, names):
    """Return the names that are not allowed in a module."""
    return {name for name in names if (path.stem, name) not in ALLOWED}


@modules
def test_nothing_is_run(path):
    """No text becomes code, by whatever name the builtin is used."""
    names = {node.id for node in nodes(path, ast.Name)}
    assert not not_allowed(path, names & RUNNING)


@modules
def test_nothing_is_loaded(path):
    """No module is imported that takes objects or code from bytes, or talks to the network."""
    assert not not_allowed(path, imported(path) & (LOADING | {"multiprocessing"}))


@modules
def test_files(path):
    """Files are opened to read limits of control groups and, in the demonstration, sources."""
    assert not not_allowed(path, calls_of(path, OPENING))


def test_files_are_read_only():
    """The one file that is opened in deciding is opened for reading, at a path of the kernel's."""
    path = ROOT / "_limits.py"
    (opened,) = [call for call in nodes(path, ast.Call) if ast.unparse(call.func) == "open"]
    assert len(opened.args) == 1
    assert {keyword.arg for keyword in opened.keywords} == {"encoding", "errors"}
    literals = [node.value for node in nodes(path, ast.Constant) if isinstance(node.value, str)]
    paths = {text for text in literals if text.startswith("/")}
    assert paths == {"/proc/self/cgroup", "/sys/fs/cgroup", "/memory", "/"}


@modules
def test_nothing_is_written(path):
    """No file is written, moved or deleted, and no program is run."""
    assert not calls_of(path, WRITING)


@modules
def test_environment(path):
    """Of the environment only our own variable is read, and those that reloaders set."""
    environment = {"environ", "environb", "getenv", "getenvb", "putenv", "expandvars"}
    uses = [node for node in nodes(path, ast.Attribute) if node.attr in environment]
    uses += [node for node in nodes(path, ast.Name) if node.id in environment]
    uses += [node for node in nodes(path, ast.alias) if node.name in environment]
    reads = [ast.unparse(node) for node in nodes(path, ast.Compare) if "environ" in ast.dump(node)]
    if path.stem == "_collector":
        assert len(uses) == 1
        assert reads == ["os.environ.get('GCWISE_ACTIVE') != '0'"]
    elif path.stem == "_startup":
        assert len(uses) == 1
        assert reads == ["os.environ.get(variable) == 'true'"]
    else:
        assert not uses


class Secretive:
    """An object that must not be shown."""

    def __repr__(self):
        raise AssertionError("somebody looked")

    __str__ = __format__ = __reduce__ = __getstate__ = __repr__


def test_sentences_show_no_values():
    """Decisions name the place, and no argument, result, local or error of what ran there."""

    @gcwise.batch()
    def handle(secret):
        local = [Secretive() for _ in range(100)]
        local.append(local)
        return secret

    def fail(secret):
        raise ValueError(secret)

    handle(Secretive())
    scopes = [gcwise.batch("fails"), gcwise.teardown("fails"), gcwise.paused("fails")]
    for scope in scopes:
        try:
            with scope:
                fail(Secretive())
        except ValueError:
            pass
        assert scope.decision.site == "fails"
        assert "0x" not in str(scope.decision)
    decision = gcwise.maybe_collect("place")
    shown = [str(decision), repr(decision), repr(gcwise.get_policy()), repr(decision.collection)]
    assert not any("Secretive" in text for text in shown)


def test_importing_opens_no_file_but_modules():
    """Importing reads no configuration, and no variable but the switch."""
    script = (
        "import os, sys, psutil\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, told: event == 'open' and opened.append(str(told[0])))\n"
        "import gcwise\n"
        "print(*[each for each in opened if not each.endswith(('.py', '.pyc'))], sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT.parent)},
    )
    opened = [each for each in done.stdout.split() if not Path(each).is_dir()]
    assert all(each.startswith("/proc/") for each in opened), opened
