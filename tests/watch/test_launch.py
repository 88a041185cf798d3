"""What is refused before anything runs, and how the program is started."""

import gc
import json
import os
import sys
import zipfile
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from gcwise import __main__ as command
from gcwise._watch import launch
from tests.interpreters import needs_settings
from tests.watch.programs import parted, run, watched

needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="no matplotlib here")


def plotting(*values):
    """Return a case that wants matplotlib."""
    return pytest.param(*values, marks=needs_matplotlib)


@pytest.fixture
def script(tmp_path):
    """Return a script that tells that it has run."""
    path = tmp_path / "script.py"
    path.write_text("print('ran')", encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """Note what would be started in place of this process."""
    found = []
    monkeypatch.setattr(sys, "orig_argv", ["python", "-B", "-m", "gcwise", "watch"])
    monkeypatch.setattr(sys, "argv", ["gcwise", "watch"])
    monkeypatch.setattr(os, "execve", lambda *arguments: found.append(arguments))
    return found


class TestSplit:
    """Where our options end and the program begins."""

    @pytest.mark.parametrize(
        ("arguments", "own"),
        [
            (["a.py", "--json", "x"], []),
            (["--json", "-", "a.py"], ["--json", "-"]),
            (
                ["--json=x", "--plot", "p.svg", "-m", "m", "--", "-h"],
                ["--json=x", "--plot", "p.svg"],
            ),
            (["-h", "a.py"], ["-h"]),
            (["--plot"], ["--plot"]),
            ([], []),
        ],
    )
    def test_split(self, arguments, own):
        """What comes from the script or -m on is the program's, as it stands."""
        mine, program = launch.split(arguments)

        assert mine == own
        assert mine + program == arguments


@needs_settings
class TestRefused:
    """One line on standard error, exit status 2, and nothing has run."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "which program? watch takes a script, or -m and a module"),
            (["-m"], "which program?"),
            (["missing.py"], "cannot read the script missing.py: No such file or directory"),
            (["empty"], "no __main__.py in the folder empty"),
            (["empty.zip"], "no __main__.py in the archive empty.zip"),
            (["-m", "no_such_module_anywhere"], "no module named no_such_module_anywhere"),
            (["-m", "json.missing"], "no module named json.missing"),
            (["-m", "this.missing"], "no module named this.missing"),
            (["-m", "xml"], "no module named xml.__main__"),
            (["-m", ".json"], "no module named "),
            plotting(
                ["--plot", "p.xyz", "script.py"],
                "--plot p.xyz: the name must end in .svg, .png, .pdf",
            ),
            plotting(
                ["--plot", "gone/p.svg", "script.py"],
                "--plot: cannot write gone/p.svg: No such file",
            ),
            (["--json", "empty", "script.py"], "--json: cannot write empty: Is a directory"),
            (["--json", "", "script.py"], "--json: a file's name is missing"),
            (["--plot=", "script.py"], "--plot: a file's name is missing"),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    @pytest.mark.usefixtures("script")
    def test_line(self, arguments, message, here, capsys, started):
        """The line says what is wrong."""
        (here / "empty").mkdir()
        zipfile.ZipFile(here / "empty.zip", "w").close()

        with pytest.raises(SystemExit) as info:
            command.main(["watch", *arguments])

        assert info.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"python -m gcwise watch: {message}")
        assert not started

    def test_without_matplotlib(self, script, monkeypatch, capsys, started):
        """Without matplotlib a plot is refused, with what to install."""
        monkeypatch.setattr(launch, "find_spec", lambda name: None)

        with pytest.raises(SystemExit):
            command.main(["watch", "--plot", "p.svg", str(script)])

        assert "pip install 'gcwise[plot]'" in capsys.readouterr().err
        assert not started

    @pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
    def test_flags(self, flag, monkeypatch):
        """Under flags with which nothing of ours could run first, nothing is run."""
        names = {"-I": "isolated", "-E": "ignore_environment", "-S": "no_site"}
        flags = dict.fromkeys(names.values(), 0) | {names[flag]: 1}
        monkeypatch.setattr(sys, "flags", SimpleNamespace(**flags))

        with pytest.raises(launch.Refused, match=f"under python {flag}"):
            launch.check_interpreter()

    def test_without_callbacks(self, monkeypatch):
        """Where the collector has no callbacks there is nothing to see."""
        monkeypatch.delattr(gc, "callbacks")

        with pytest.raises(launch.Refused, match=r"cpython has no gc\.callbacks"):
            launch.check_interpreter()

    def test_from_outside(self, tmp_path):
        """The command prints that one line, and its exit status is 2."""
        done = watched("missing.py", cwd=tmp_path)

        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(hasattr(gc, "callbacks"), reason="this collector can be watched")
def test_nothing_to_watch(script):
    """An interpreter without callbacks is refused in one line."""
    done = watched(script)

    assert done.returncode == 2
    assert "has no gc.callbacks" in done.stderr
    assert done.stderr.count("\n") == 1


class TestProgram:
    """What is found of a program without running it."""

    def test_module_is_not_imported(self, tmp_path, monkeypatch):
        """Nothing is imported to find a module in a package."""
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "unwatched").mkdir()
        (tmp_path / "unwatched" / "__init__.py").write_text("1 / 0", encoding="utf-8")
        (tmp_path / "unwatched" / "part.py").touch()

        assert launch.check_module("unwatched.part") == str(tmp_path / "unwatched")

    def test_single_module(self):
        """A module by itself is its file."""
        assert launch.check_module("this").endswith("this.py")

    def test_compiled_folder(self, tmp_path):
        """A folder may have a compiled __main__ only."""
        (tmp_path / "__main__.pyc").touch()

        launch.check_script(tmp_path)

    def test_archive(self, tmp_path):
        """An archive with a __main__ is a program."""
        with zipfile.ZipFile(tmp_path / "x.pyz", "w") as archive:
            archive.writestr("__main__.py", "")

        launch.check_script(tmp_path / "x.pyz")


@needs_settings
class TestStart:
    """How this process becomes the program."""

    def test_command(self, script, started, monkeypatch, tmp_path):
        """Python gets its flags, the program its arguments, and the recorder its paths."""
        monkeypatch.setenv("PYTHONPATH", "somewhere")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gcwise", *["watch", "--json", "f", "script.py", "-x"]])
        monkeypatch.setattr(
            sys,
            "orig_argv",
            ["python", "-B", "-m", "gcwise", "watch", "--json", "f", "script.py", "-x"],
        )

        command.main()

        ((executable, arguments, environment),) = started
        assert executable == sys.executable
        assert arguments == ["python", "-B", "script.py", "-x"]
        assert environment["PYTHONPATH"] == f"{launch.INSIDE}{os.pathsep}somewhere"
        assert environment["GCWISE_WATCH_PYTHONPATH"] == "somewhere"
        assert f'"json": "{tmp_path / "f"}"' in environment["GCWISE_WATCH"]
        assert not (tmp_path / "f").exists()

    def test_nothing_to_write(self, script, started):
        """Without files, the recorder is told so."""
        command.main(["watch", str(script)])

        config = json.loads(started[0][2]["GCWISE_WATCH"])
        assert config["json"] is config["plot"] is None
        assert config["own"] == str(script)
        assert "" not in config["path"]

    def test_without_a_path(self, monkeypatch):
        """Where PYTHONPATH was not set, that is remembered."""
        monkeypatch.delenv("PYTHONPATH", raising=False)

        environment = launch.environment("{}")

        assert environment["PYTHONPATH"] == str(launch.INSIDE)
        assert "GCWISE_WATCH_PYTHONPATH" not in environment

    @needs_matplotlib
    def test_existing_files_are_kept(self, script, started, tmp_path):
        """Seeing whether files can be written changes nothing in them."""
        for name in ("f.json", "p.svg"):
            (tmp_path / name).write_text("before", encoding="utf-8")

        options = ["--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "p.svg")]
        command.main(["watch", *options, str(script)])

        assert started
        assert (tmp_path / "f.json").read_text(encoding="utf-8") == "before"
        assert (tmp_path / "p.svg").read_text(encoding="utf-8") == "before"

    @pytest.mark.parametrize(
        ("given", "flags"),
        [
            (["-m", "gcwise"], []),
            (["-mgcwise"], []),
            (["-Bm", "gcwise"], ["-B"]),
            (["-W", "error", "-Xdev", "-OBmgcwise"], ["-W", "error", "-Xdev", "-OB"]),
        ],
    )
    def test_interpreter_flags(self, given, flags, monkeypatch):
        """Only what chooses the module is taken off."""
        monkeypatch.setattr(sys, "orig_argv", ["python", *given, "watch", "a.py"])
        monkeypatch.setattr(sys, "argv", ["gcwise", "watch", "a.py"])

        assert launch.interpreter_flags() == flags


@needs_settings
class TestEndToEnd:
    """The whole way, from the command to the files."""

    @needs_matplotlib
    def test_files(self, script, tmp_path):
        """Both files are written where the command was typed, wherever the program goes."""
        script.write_text("import os; os.chdir('/')", encoding="utf-8")
        options = ["--json", "f.json", "--plot", "p.svg"]

        done, report = parted(watched("script.py", options=options, cwd=tmp_path))

        assert done == (0, "", "")
        assert (tmp_path / "f.json").stat().st_size
        assert (tmp_path / "p.svg").stat().st_size
        assert report.splitlines()[-1] == f"plot: {tmp_path / 'p.svg'}"

    def test_useless_calls(self, script):
        """The place of a useless gc.collect(), and the function to wrap, come out of a real run."""
        script.write_text(
            "import gc\n"
            "gc.set_threshold(200, 10, 10)\n"
            "def parse(): return [[n] for n in range(60)]\n"
            "def load_pages(): return [parse() for _ in range(4000)]\n"
            "def main():\n"
            "    kept = [load_pages() for _ in range(3)]\n"
            "    for _ in range(8): gc.collect()\n"
            "main()\n",
            encoding="utf-8",
        )

        _, report = parted(watched(script))

        assert f"the gc.collect() at {script}:7 was called 8 times" in report
        assert "freed 0 objects: delete it or write gcwise.maybe_collect()" in report
        assert "wrap `load_pages`" in report

    def test_where_nothing_can_be_spawned(self, script):
        """If the reporter cannot be started, one line says so, and the program ends as ever."""
        script.write_text(
            "import os, sys\n"
            "def fail(*args, **more): raise OSError('no more processes')\n"
            "os.posix_spawn = fail\n"
            "sys.exit(3)\n",
            encoding="utf-8",
        )

        done = run("-m", "gcwise", "watch", script)

        assert done.returncode == 3
        assert done.stderr == "gcwise watch: no report: OSError: no more processes\n"
