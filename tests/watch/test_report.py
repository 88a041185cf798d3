"""The report: as text, for programs, and drawn."""

import json
import re
import sys

from gcwise._watch.figures import as_dict
from gcwise._watch.reporter import report
from gcwise._watch.run import MOST
from gcwise._watch.table import aligned, text
from tests.watch.runs import APP, Maker


class TestText:
    """What people read."""

    def test_head(self, maker):
        """First comes what ran, what it took, and the most memory that was seen."""
        lines = text(maker.run()).splitlines()

        assert lines[0] == "gcwise watched app.py 'an argument'"
        assert lines[1] == (
            "10.0 s, 9.00 s of CPU; in collections 1.82 s, 18 % of the time; "
            "memory at most 60.0 MiB, at the end 40.0 MiB"
        )
        assert lines[2] == "Not watched: the 2 processes that it forked."

    def test_generations(self, maker):
        """Each kind of collection has a row; those that did not happen have none."""
        lines = text(maker.run()).splitlines()
        at = next(n for n, line in enumerate(lines) if "fruitless" in line)

        assert [line.split() for line in lines[at : at + 6]] == [
            ["generation", "number", "time", "share", "mean", "longest", "freed", "fruitless"],
            [
                "automatic",
                "0",
                "1",
                "500",
                "us",
                "0.0",
                "%",
                "500",
                "us",
                "500",
                "us",
                "7",
                "0.0",
                "%",
            ],
            [
                "automatic",
                "1",
                "1",
                "20",
                "ms",
                "0.2",
                "%",
                "20",
                "ms",
                "20",
                "ms",
                "0",
                "100",
                "%",
            ],
            [
                "automatic",
                "2",
                "1",
                "1.50",
                "s",
                "15",
                "%",
                "1.50",
                "s",
                "1.50",
                "s",
                "5",
                "0.0",
                "%",
            ],
            [
                "explicit",
                "2",
                "1",
                "300",
                "ms",
                "3.0",
                "%",
                "300",
                "ms",
                "300",
                "ms",
                "0",
                "100",
                "%",
            ],
            [
                "durations:",
                "1",
                "below",
                "0.001",
                "s,",
                "1",
                "below",
                "0.1",
                "s,",
                "1",
                "below",
                "1",
                "s,",
                "1",
                "of",
                "1",
                "s",
                "or",
                "more",
            ],
        ]

    def test_longest(self, maker):
        """The longest are told with the line and, where that is a library's, the own function."""
        said = text(maker.run())

        assert re.search(r"1\.50 s +automatic +2 +5 +0\.08 s +app\.py:9 work$", said, re.MULTILINE)
        assert re.search(r"300 ms .* lib/core\.py:31 lib_clean, in work$", said, re.MULTILINE)
        assert re.search(r"500 us .* unknown$", said, re.MULTILINE)

    def test_callers(self, maker):
        """Who called gc.collect() is told with what that was worth."""
        said = text(maker.run())

        assert re.search(
            r"^ +1 +300 ms +0 +lib/core\.py:31 lib_clean, from work$", said, re.MULTILINE
        )

    def test_many_callers(self):
        """Of many callers the dearest are told, and how many more there are."""
        maker = Maker()
        for line in range(15):
            maker.add(explicit=True).sample("work", line=line)

        assert "and at 5 more places" in text(maker.run())

    def test_end(self, maker):
        """How the collector was left is told, and which objects there were."""
        said = text(maker.run())

        assert "1,000 objects tracked (60 % builtins.dict, 40 % builtins.list)" in said
        assert "automatic collection on, thresholds (700, 10, 10), counts (1, 2, 3)" in said

    def test_nothing_happened(self):
        """Without any collection there are no empty tables."""
        lines = text(Maker(enabled=False, objects=(0, 0, [])).run()).splitlines()

        assert not any("generation" in line or "calls" in line for line in lines)
        assert not any("tracked" in line for line in lines)
        assert "automatic collection off" in lines[-3]
        assert lines[-1] == "- nothing to gain here: no collection ran"

    def test_observer_removed(self):
        """Collections that were not seen are counted."""
        stats = [{"collections": 3, "collected": 0, "uncollectable": 1}] * 3
        said = text(Maker(present=False, stats=stats).add().run())

        assert "8 collections after that are not in these figures" in said
        assert "3 objects uncollectable" in said

    def test_full(self, monkeypatch):
        """Where there was no room for all collections, the report says for how long it holds."""
        assert MOST > 2
        monkeypatch.setattr("gcwise._watch.run.MOST", 2)

        said = text(Maker().add().add(at=3.0).run())

        assert "Only the first 2 collections are in these figures, of 3.01 s." in said

    def test_columns(self):
        """Numbers stand to the right, names to the left, and no line ends in blanks."""
        assert aligned(["n", "who"], [["5", "a"], ["10", "bcde"]]) == [
            " n  who",
            " 5  a",
            "10  bcde",
        ]
        assert aligned(["n"], []) == []


def test_for_programs(maker):
    """Programs get every figure, and each collection."""
    found = json.loads(json.dumps(as_dict(maker.run())))

    assert found["memory"] == {"start": 10 << 20, "end": 40 << 20, "peak": 60 << 20}
    assert [each["generation"] for each in found["collections"]] == [0, 1, 2, 2]
    assert found["totals"][5]["calls"] == 1
    assert found["longest"][0]["interrupted"] == {"file": APP, "function": "work", "line": 9}
    assert found["callers"][0]["place"]["line"] == 31
    assert found["memory_samples"][0] == [0.0, 10 << 20]
    assert len(found["memory_samples"]) == 4
    assert found["advice"]


class TestReporter:
    """Where the report goes."""

    def test_to_standard_error(self, maker, capsys):
        """The text goes to standard error, and nothing to standard output."""
        report(maker.run().data, {"own": APP, "json": None, "plot": None})

        out, err = capsys.readouterr()
        assert not out
        assert err.startswith("gcwise watched")

    def test_closed_standard_error(self, maker, capsys, monkeypatch):
        """Where the program has closed standard error, nothing is printed elsewhere instead."""
        monkeypatch.setattr(sys, "stderr", None)
        report(maker.run().data, {"own": APP, "json": None, "plot": None})

        assert not capsys.readouterr().out

    def test_json_to_standard_output(self, maker, capsys):
        """`-` sends the figures to standard output."""
        report(maker.run().data, {"own": APP, "json": "-", "plot": None})

        assert json.loads(capsys.readouterr().out)["elapsed_s"] == 10.0
