"""The demonstration: its job, its measuring, what it prints."""

import ast
import gc
import json
import os
import runpy
import subprocess
import sys
import time

import pytest

import gcwise
from gcwise import __main__ as command

# The whole job takes half a minute; this one has few files and hardly a live heap.
REDUCED = """
import sys, gcwise.__main__ as command
command.LIVE = 1_000
command.sources = lambda files=command.sources(): files[:24]
command.main(["demo", "--job", sys.argv[1]])
"""
RESULT = {
    "policy": "gcwise",
    "cpu_s": 1.234,
    "mean_mib": 56.7,
    "peak_mib": 89.0,
    "collections": 1_234,
    "longest_s": 0.0056,
    "sentences": ["no collection: for once"],
}

NESTED = """
def outer():
    def inner():
        def innermost(): pass
    class Other:
        def method(self): pass
"""


SHARED = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)


@pytest.fixture
def reduced(monkeypatch):
    """Let the demonstration's processes do a reduced job."""
    popen = subprocess.Popen

    def reduce(arguments, **options):
        assert arguments[:-1] == [sys.executable, "-m", "gcwise", "demo", "--job"]
        program = [sys.executable, "-W", "error", "-c", REDUCED, arguments[-1]]
        return popen(program, stderr=subprocess.DEVNULL, **options)

    monkeypatch.setattr(subprocess, "Popen", reduce)


@pytest.fixture
def in_process(monkeypatch, tmp_path):
    """Let a small job run in this very process, and return."""
    enabled, callbacks = gc.isenabled(), list(gc.callbacks)
    left = []
    monkeypatch.setattr(command, "LIVE", 100)
    monkeypatch.setattr(command, "BATCH", 2)
    path = tmp_path / "nested.py"
    path.write_text(NESTED * 20, encoding="utf-8")
    monkeypatch.setattr(command, "sources", lambda: [str(path)] * 40)
    monkeypatch.setattr(os, "_exit", left.append)
    yield left
    gc.callbacks[:] = callbacks
    (gc.enable if enabled else gc.disable)()


class TestCommandLine:
    """What can be asked for."""

    @pytest.mark.parametrize("arguments", [[], ["watch"], ["demo", "--job", "best"], ["--json"]])
    def test_misuse(self, arguments, capsys):
        """What is not understood is refused with the usage."""
        with pytest.raises(SystemExit) as info:
            command.main(arguments)

        assert info.value.code == 2
        assert "usage: python -m gcwise" in capsys.readouterr().err

    def test_help(self, capsys):
        """Help tells of the demonstration, and not of its inner works."""
        with pytest.raises(SystemExit):
            command.main(["demo", "--help"])

        said = capsys.readouterr().out
        assert "--json" in said
        assert "--job" not in said

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
    """The whole demonstration, on a reduced job."""

    def test_json(self, reduced, capsys):
        """Programs get one result for each policy, in order, with all the figures."""
        command.main(["demo", "--json"])

        said = capsys.readouterr()
        results = json.loads(said.out)["results"]
        assert [result["policy"] for result in results] == [
            "automatic",
            "collect_each",
            "off",
            "gcwise",
        ]
        for result in results:
            assert list(result) == [name for name in RESULT if name != "sentences"]
            assert result["cpu_s"] > 0
            assert 0 < result["mean_mib"] <= result["peak_mib"]
            assert 0 <= result["longest_s"] < result["cpu_s"]
        automatic, collect_each, off, wise = (result["collections"] for result in results)
        assert automatic > 0
        assert collect_each >= 24 // command.BATCH
        assert off == 0
        assert wise > 0
        assert [line.partition(":")[0] for line in said.err.splitlines()] == list(command.POLICIES)

    def test_switched_off_in_the_environment(self, reduced, monkeypatch):
        """The demonstration shows gcwise at work even where the environment switches it off."""
        monkeypatch.setenv("GCWISE_ACTIVE", "0")

        result = command.measure("gcwise")

        assert not any("switched off" in sentence for sentence in result["sentences"])

    def test_failing_job(self, monkeypatch):
        """A job that fails ends the demonstration with an error that names the policy."""
        popen = subprocess.Popen
        program = [sys.executable, "-c", "print('ready', flush=True); raise SystemExit(3)"]
        monkeypatch.setattr(subprocess, "Popen", lambda _, **options: popen(program, **options))

        with pytest.raises(SystemExit, match="the job failed under policy 'off'"):
            command.measure("off")

    def test_for_people(self, monkeypatch, capsys):
        """People get a table, and sentences of a few decisions."""
        monkeypatch.setattr(command, "measure", lambda policy: {**RESULT, "policy": policy})

        command.main(["demo"])

        said = capsys.readouterr()
        lines = said.out.splitlines()
        assert [line.split()[0] for line in lines[:5]] == ["policy", *command.POLICIES]
        assert lines[6] == "What gcwise said at some of its batches:"
        assert lines[7:] == ["  no collection: for once"] * 4
        assert "gcwise:  1.23 s" in said.err

    def test_table(self):
        """The table's columns stand below their heads, with units people read."""
        text = command.table([RESULT, {**RESULT, "policy": "collect_each", "cpu_s": 12}])
        head, *lines = text.splitlines()
        assert head.split("  ")[0] == "policy"
        assert lines[0].split() == ["gcwise", "1.23", "56.7", "89.0", "1,234", "5.6"]
        assert lines[1].split()[:2] == ["collect_each", "12.00"]
        assert {len(line) for line in lines} == {len(head)}


class TestJob:
    """The job that is measured."""

    @pytest.mark.parametrize("policy", command.POLICIES)
    def test_report(self, policy, in_process, capsys):
        """The job says when it begins and reports when it has ended, and leaves by `os._exit`."""
        command.main(["demo", "--job", policy])

        said = capsys.readouterr()
        ready, report = said.out.splitlines()
        assert ready == "ready"
        assert list(json.loads(report)) == ["cpu_s", "collections", "longest_s", "sentences"]
        assert len(json.loads(report)["sentences"]) == (4 if policy == "gcwise" else 0)
        assert said.err.strip(".") == ""
        assert 1 <= len(said.err) <= 10
        assert in_process == [0]

    def test_off(self, in_process):
        """Under the policy `off` gc is disabled, and nothing is put around a batch."""
        around, decisions = command.surroundings("off")

        with around():
            assert not gc.isenabled()
        assert decisions == []

    def test_collect_each(self):
        """Under `collect_each` a full collection follows each batch."""
        around, decisions = command.surroundings("collect_each")
        before = gc.get_stats()[2]["collections"]

        with around():
            assert gc.get_stats()[2]["collections"] == before

        assert gc.get_stats()[2]["collections"] == before + 1
        assert decisions == []

    def test_gcwise(self):
        """Under `gcwise` each batch's decision is kept, and only what it says is done."""
        gcwise.set_policy(gcwise.Policy.every(2, 0))
        around, decisions = command.surroundings("gcwise")

        for _ in range(2):
            with around():
                pass

        assert [decision.generation for decision in decisions] == [None, 0]
        assert {decision.site for decision in decisions} == {"parse"}

    def test_automatic(self):
        """Under `automatic` nothing is done at all."""
        around, decisions = command.surroundings("automatic")
        before = gc.get_threshold(), gc.isenabled()

        with around():
            assert (gc.get_threshold(), gc.isenabled()) == before
        assert decisions == []

    def test_sources(self):
        """The standard library's modules are found, without tests and packages beside it."""
        paths = command.sources()

        assert ast.__file__ in paths
        assert len(paths) > 400
        assert paths == sorted(set(paths))
        assert not [path for path in paths if "site-packages" in path or f"{os.sep}test" in path]

    def test_sentences(self):
        """The first two, the middle one and the last are told."""
        assert command.telling([]) == []
        assert command.telling(list(range(10))) == ["0", "1", "5", "9"]


class TestParsing:
    """What the job does with one file."""

    def test_count(self, tmp_path):
        """Functions right inside functions are counted."""
        path = tmp_path / "nested.py"
        path.write_text(NESTED, encoding="utf-8")

        assert command.count_functions(str(path)) == 2

    def test_encoding(self, tmp_path):
        """A file is read in the encoding that it declares."""
        path = tmp_path / "latin.py"
        path.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe9'\n" + NESTED.encode())

        assert command.count_functions(str(path)) == 2

    @pytest.mark.parametrize("content", [b"def (:", b"'\xe9'", b"# coding: nonsense\n"])
    def test_broken(self, tmp_path, content):
        """Files that are no Python, as the library ships some, count for nothing."""
        path = tmp_path / "broken.py"
        path.write_bytes(content)

        assert command.count_functions(str(path)) == 0

    def test_tree_is_a_cycle(self):
        """Each node but the shared ones knows its parent, whichever way it came to be there."""
        tree = ast.parse("x = -y + 1 if a and not b < c else f(d)\n" + NESTED)

        command.link_parents(tree)

        for parent in ast.walk(tree):
            for child in ast.iter_child_nodes(parent):
                if not isinstance(child, SHARED):
                    assert child.parent is parent

    def test_shared_nodes_are_left_alone(self):
        """Nodes that trees share, contexts and operators, get no parent."""
        tree = ast.parse("x = -y + 1 if a and not b < c else f(d)")

        command.link_parents(tree)

        shared = [node for node in ast.walk(tree) if isinstance(node, SHARED)]
        assert {type(node).__name__ for node in shared} >= {"Load", "Store", "Add", "And", "Not"}
        assert not any(hasattr(node, "parent") for node in shared)

    def test_trees_are_garbage(self):
        """A linked tree is freed by a collection only, and all of it: the job is what it says."""
        gc.disable()
        try:
            tree = ast.parse(NESTED * 10)
            nodes = sum(not isinstance(node, SHARED) for node in ast.walk(tree))
            command.link_parents(tree)
            gc.collect()
            del tree
            assert gc.collect() >= nodes
        finally:
            gc.enable()


class TestMeasuring:
    """How the job is measured."""

    def test_collections_are_counted_and_timed(self):
        """Collections are counted, and the longest one's duration is kept."""
        timer = command.CollectionTimer()
        try:
            assert gc.callbacks[-1] is timer
            gc.disable()
            gc.collect()
            longest = timer.longest
            gc.collect(0)
        finally:
            gc.enable()
            gc.callbacks.remove(timer)

        assert timer.collections == 2
        assert timer.longest >= longest > 0

    def test_shorter_collection_is_not_the_longest(self, monkeypatch):
        """The longest stays the longest."""
        times = iter([0.0, 5.0, 6.0, 7.0])
        timer = command.CollectionTimer()
        gc.callbacks.remove(timer)
        monkeypatch.setattr(time, "perf_counter", lambda: next(times))

        for phase in ("start", "stop") * 2:
            timer(phase, {})

        assert timer.longest == 5.0
        assert timer.collections == 2

    def test_memory_is_sampled(self):
        """A process's memory is read again and again while the block is open, and not after."""
        with command.sampled(os.getpid()) as sizes:
            while len(sizes) < 3:
                time.sleep(0.001)
        number = len(sizes)
        time.sleep(3 * command.SAMPLE)

        assert len(sizes) == number
        assert all(size > 2**20 for size in sizes)

    def test_sampling_ends_with_an_exception(self):
        """The sampling thread ends whatever happens in the block."""
        with pytest.raises(ValueError, match="inside"), command.sampled(os.getpid()) as sizes:
            raise ValueError("inside")
        number = len(sizes)
        time.sleep(3 * command.SAMPLE)

        assert len(sizes) == number
