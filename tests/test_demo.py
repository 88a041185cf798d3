"""The demonstration's job, and how it is measured under several policies side by side."""

import ast
import gc
import os
import time

import pytest

import gcwise
from gcwise import _demo as demo
from tests.interpreters import needs_generations, needs_settings, real

POLICIES = ["automatic", "collect_each", "off", "gcwise"]
FIGURES = ["cpu_s", "mean_mib", "peak_mib", "collections", "longest_s", "sentences"]

NESTED = """
module = 1
def outer(read, unread):
    here = there = nowhere = read
    def inner():
        unused = there
        return lambda: here
    class Other:
        def method(self): return inner
    return Other
"""


SHARED = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)


class Pipe:
    """One end of a pipe, at whose other end somebody always says to go on."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        """Note what is said."""
        self.sent.append(message)

    def recv(self):
        """Go on."""


@pytest.fixture
def in_process(monkeypatch):
    """Let a small job run in this very process, and return."""
    enabled, callbacks = gc.isenabled(), list(real.callbacks)
    left = []
    monkeypatch.setattr(demo, "LIVE", 100)
    monkeypatch.setattr(demo, "BATCH", 2)
    monkeypatch.setattr(os, "_exit", left.append)
    yield left
    real.callbacks[:] = callbacks
    (gc.enable if enabled else gc.disable)()


class TestMeasuring:
    """All policies, in processes of their own."""

    @pytest.fixture
    def few(self, monkeypatch):
        """Let there be few files: the whole job takes twenty seconds."""
        files = demo.sources()[:24]
        monkeypatch.setattr(demo, "sources", lambda: files)
        return files

    @needs_settings
    def test_all(self, few, capfd):
        """There is one result for each policy, in order, with all the figures."""
        results = demo.measure()

        assert [result["policy"] for result in results] == POLICIES
        for result in results:
            assert list(result) == ["policy", *FIGURES]
            assert result["cpu_s"] > 0
            assert 0 < result["mean_mib"] <= result["peak_mib"]
            assert result["longest_s"] >= 0
        automatic, collect_each, off, wise = (result["collections"] for result in results)
        assert automatic > 0
        assert collect_each >= len(few) // demo.BATCH
        assert off == 0
        assert wise > 0
        assert "parsing 24 files under four policies ...\n" in capfd.readouterr().err

    def test_switched_off_in_the_environment(self, few, monkeypatch):
        """The demonstration shows gcwise at work even where the environment switches it off."""
        monkeypatch.setenv("GCWISE_ACTIVE", "0")

        (result,) = demo.in_turns(few, ["gcwise"])

        assert result["sentences"]
        assert not any("switched off" in sentence for sentence in result["sentences"])

    def test_failing_job(self, tmp_path, capfd):
        """A job that fails ends the demonstration with an error that names the policy."""
        with pytest.raises(SystemExit, match="the job failed under policy 'off'"):
            demo.in_turns([str(tmp_path / "missing.py")] * 10, ["off"])

        assert "FileNotFoundError" in capfd.readouterr().err

    def test_memory_is_sampled(self, few):
        """A job's memory is read again and again while it works, and not while it waits."""
        job = demo.Job("off", few)
        time.sleep(3 * demo.SAMPLE)
        assert job._sizes == []

        turns = len(few) // demo.BATCH
        for _ in range(turns):
            job.turn()
        number = len(job._sizes)
        assert number > turns
        assert all(size > 2**20 for size in job._sizes)
        time.sleep(3 * demo.SAMPLE)
        assert len(job._sizes) == number


class TestJob:
    """The job that is measured."""

    @pytest.mark.parametrize("policy", POLICIES)
    def test_report(self, policy, in_process, tmp_path):
        """It says that it is ready before each batch and at the end, reports, and leaves."""
        path = tmp_path / "nested.py"
        path.write_text(NESTED * 20, encoding="utf-8")
        pipe = Pipe()

        demo.run_job(policy, [str(path)] * 40, pipe)

        *ready, report = pipe.sent
        assert ready == ["ready"] * 21
        assert list(report) == ["cpu_s", "collections", "longest_s", "sentences"]
        assert len(report["sentences"]) == (4 if policy == "gcwise" else 0)
        assert in_process == [0]

    def test_off(self, in_process):
        """Under the policy `off` gc is disabled, and nothing is put around a batch."""
        around, decisions = demo.surroundings("off")

        with around():
            assert not gc.isenabled()
        assert decisions == []

    @needs_settings
    def test_collect_each(self):
        """Under `collect_each` a full collection follows each batch."""
        around, decisions = demo.surroundings("collect_each")
        before = gc.get_stats()[2]["collections"]

        with around():
            assert gc.get_stats()[2]["collections"] == before

        assert gc.get_stats()[2]["collections"] == before + 1
        assert decisions == []

    def test_gcwise(self):
        """Under `gcwise` each batch's decision is kept, and only what it says is done."""
        gcwise.set_policy(gcwise.Policy.every(2, 0))
        around, decisions = demo.surroundings("gcwise")

        for _ in range(2):
            with around():
                pass

        assert [decision.generation for decision in decisions] == [None, real.at_least(0)]
        assert {decision.site for decision in decisions} == {"parse"}

    def test_automatic(self):
        """Under `automatic` nothing is done at all."""
        around, decisions = demo.surroundings("automatic")
        before = real.get_threshold(), gc.isenabled()

        with around():
            assert (real.get_threshold(), gc.isenabled()) == before
        assert decisions == []

    def test_sources(self):
        """The standard library's modules are found, without tests and packages beside it."""
        paths = demo.sources()

        assert ast.__file__ in paths
        assert len(paths) > 400
        assert paths == sorted(set(paths))
        assert not [
            path for path in paths if "site-packages" in path or f"{os.sep}test{os.sep}" in path
        ]

    def test_few_decisions_are_kept(self):
        """The first three are kept to be told, and the last."""
        gcwise.set_policy(gcwise.Policy.every(5, 0))
        around, decisions = demo.surroundings("gcwise")

        for _ in range(10):
            with around():
                pass

        assert [decision.generation for decision in decisions] == [
            None,
            None,
            None,
            real.at_least(0),
        ]


class TestParsing:
    """What the job does with one file."""

    def test_count(self, tmp_path):
        """Variables that their function sets, and neither it nor one inside it ever reads."""
        path = tmp_path / "nested.py"
        path.write_text(NESTED, encoding="utf-8")

        unused, spared = demo.review(str(path))

        assert unused == 2
        assert spared == len(NESTED) - len(ast.unparse(ast.parse(NESTED)))

    def test_comments(self, tmp_path):
        """Comments and layout are told, in characters."""
        path = tmp_path / "loose.py"
        path.write_text("x  =  1  # one\n\n\n", encoding="utf-8")

        assert demo.review(str(path)) == (0, len("x  =  1  # one\n\n\n") - len("x = 1"))

    def test_encoding(self, tmp_path):
        """A file is read in the encoding that it declares."""
        path = tmp_path / "latin.py"
        path.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe9'\n" + NESTED.encode())

        assert demo.review(str(path))[0] == 2

    @pytest.mark.parametrize("content", [b"def (:", b"return", b"'\xe9'", b"# coding: nonsense\n"])
    def test_broken(self, tmp_path, content):
        """Files that are no Python, as the library ships some, count for nothing."""
        path = tmp_path / "broken.py"
        path.write_bytes(content)

        assert demo.review(str(path)) == (0, 0)

    def test_tree_is_a_cycle(self):
        """Each node but the shared ones knows its parent, whichever way it came to be there."""
        tree = ast.parse("x = -y + 1 if a and not b < c else f(d)\n" + NESTED)

        demo.link_parents(tree)

        for parent in ast.walk(tree):
            for child in ast.iter_child_nodes(parent):
                if not isinstance(child, SHARED):
                    assert child.parent is parent

    def test_shared_nodes_are_left_alone(self):
        """Nodes that trees share, contexts and operators, get no parent."""
        tree = ast.parse("x = -y + 1 if a and not b < c else f(d)")

        demo.link_parents(tree)

        shared = [node for node in ast.walk(tree) if isinstance(node, SHARED)]
        assert {type(node).__name__ for node in shared} >= {"Load", "Store", "Add", "And", "Not"}
        assert not any(hasattr(node, "parent") for node in shared)

    @needs_generations
    def test_trees_are_garbage(self):
        """A linked tree is freed by a collection only, and all of it: the job is what it says."""
        gc.disable()
        try:
            tree = ast.parse(NESTED * 10)
            nodes = sum(not isinstance(node, SHARED) for node in ast.walk(tree))
            demo.link_parents(tree)
            gc.collect()
            del tree
            assert gc.collect() >= nodes
        finally:
            gc.enable()


@needs_settings
class TestTimer:
    """Collections are counted and timed."""

    def test_collections_are_counted_and_timed(self):
        """Collections are counted, and the longest one's duration is kept."""
        timer = demo.CollectionTimer()
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
        timer = demo.CollectionTimer()
        gc.callbacks.remove(timer)
        monkeypatch.setattr(time, "perf_counter", lambda: next(times))

        for phase in ("start", "stop") * 2:
            timer(phase, {})

        assert timer.longest == 5.0
        assert timer.collections == 2
