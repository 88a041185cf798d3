"""The command line, and what it prints of the demonstration's figures."""

import json
import runpy
import subprocess
import sys

import pytest

from gcwise import __main__ as command
from gcwise import _demo

RESULT = {
    "policy": "gcwise",
    "cpu_s": 1.234,
    "mean_mib": 56.7,
    "peak_mib": 89.0,
    "collections": 1_234,
    "longest_s": 0.0056,
    "sentences": ["no collection: for once"],
}


@pytest.fixture
def measured(monkeypatch):
    """Let the demonstration have been measured already."""
    policies = ["automatic", "collect_each", "off", "gcwise"]
    monkeypatch.setattr(
        _demo, "measure", lambda: [{**RESULT, "policy": policy} for policy in policies]
    )
    return policies


class TestCommandLine:
    """What can be asked for."""

    @pytest.mark.parametrize(
        "arguments", [[], ["demo", "--files"], ["--json"], ["watch", "--file", "x.py"]]
    )
    def test_misuse(self, arguments, capsys):
        """What is not understood is refused in one line, which says where to read more."""
        with pytest.raises(SystemExit) as info:
            command.main(arguments)

        assert info.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = said.err.splitlines()
        assert line.startswith("python -m gcwise")
        assert line.endswith(" --help")

    def test_misuse_names_what_it_is(self, capsys):
        """The line says what was not understood, and by which command."""
        with pytest.raises(SystemExit):
            command.main(["watch", "--bogus"])

        said = capsys.readouterr().err
        assert said.startswith("python -m gcwise")
        assert ": unrecognized arguments: --bogus; see python -m gcwise" in said

    def test_help(self, capsys):
        """Help tells of the demonstration and of what it prints."""
        with pytest.raises(SystemExit):
            command.main(["demo", "--help"])

        assert "--json" in capsys.readouterr().out

    def test_run_as_a_module(self, monkeypatch, capsys):
        """Run as a module, it reads the command line."""
        monkeypatch.delitem(sys.modules, "gcwise.__main__")
        monkeypatch.setattr(sys, "argv", ["gcwise", "--help"])

        with pytest.raises(SystemExit):
            runpy.run_module("gcwise", run_name="__main__")

        assert "demo" in capsys.readouterr().out

    def test_as_a_module(self):
        """`python -m gcwise` is the same command."""
        said = subprocess.run(
            [sys.executable, "-W", "error", "-m", "gcwise", "--help"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

        assert "demo" in said


class TestDemo:
    """What is printed of the figures."""

    def test_json(self, measured, capsys):
        """Programs get one result for each policy, in order, without the sentences."""
        command.main(["demo", "--json"])

        results = json.loads(capsys.readouterr().out)["results"]
        assert [result["policy"] for result in results] == measured
        for result in results:
            assert list(result) == [name for name in RESULT if name != "sentences"]

    def test_for_people(self, measured, capsys):
        """People get a table, and sentences of a few decisions."""
        command.main(["demo"])

        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[:5]] == ["policy", *measured]
        assert lines[6] == "What gcwise said at its first batches and at the last:"
        assert lines[7:] == ["  no collection: for once"] * 4

    def test_table(self):
        """The table's columns stand below their heads, with units people read."""
        text = command.table([RESULT, {**RESULT, "policy": "collect_each", "cpu_s": 12}])
        head, *lines = text.splitlines()
        assert head.split("  ")[0] == "policy"
        assert lines[0].split() == ["gcwise", "1.23", "56.7", "89.0", "1,234", "5.6"]
        assert lines[1].split()[:2] == ["collect_each", "12.00"]
        assert {len(line) for line in lines} == {len(head)}
