"""The picture, and the files that a report goes to; with the real matplotlib."""

import json

import pytest

from tests.watch.runs import APP, Maker

pytest.importorskip("matplotlib")

from gcwise._watch.plot import COLUMNS, draw, longest_in_columns, spread
from gcwise._watch.reporter import report


class TestFiles:
    """Where figures and plot go."""

    def test_files(self, maker, tmp_path, capsys):
        """Figures and plot go to their files, which the report names."""
        figures, plot = tmp_path / "f.json", tmp_path / "p.svg"

        report(maker.run().data, {"own": APP, "json": str(figures), "plot": str(plot)})

        assert json.loads(figures.read_text(encoding="utf-8"))["elapsed_s"] == 10.0
        assert plot.read_text(encoding="utf-8").rstrip().endswith("</svg>")
        said = capsys.readouterr().err
        assert f"figures: {figures}" in said
        assert f"plot: {plot}" in said

    def test_file_that_has_become_unwritable(self, maker, tmp_path, capsys):
        """A file that cannot be written any more costs neither the text nor the other file."""
        gone, plot = tmp_path / "gone" / "f.json", tmp_path / "p.png"

        report(maker.run().data, {"own": APP, "json": str(gone), "plot": str(plot)})

        said = capsys.readouterr().err
        assert said.startswith("gcwise watched")
        assert f"gcwise watch: cannot write {gone}: No such file or directory" in said
        assert plot.exists()


class TestPlot:
    """The picture."""

    def test_svg(self, maker, tmp_path):
        """The picture has axes with units, and a legend with the numbers of collections."""
        draw(maker.run(), str(tmp_path / "p.svg"))

        drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
        for label in (
            "memory, MiB",
            "duration, ms",
            "seconds since the program's start",
            "explicit, generation 2 (1)",
            "peak, 60 MiB",
        ):
            assert f"<!-- {label} -->" in drawn

    def test_without_collections(self, tmp_path):
        """Without collections memory is drawn all the same."""
        run = Maker(memory=(1 << 30, 1 << 30, 20 << 30), arguments=["python", "x" * 200]).run()

        draw(run, str(tmp_path / "p.svg"))

        drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
        assert "<!-- peak, 20 GiB -->" in drawn
        assert "no collection" in drawn

    def test_longest_of_each_column(self):
        """Of the collections of one column the longest is drawn."""
        maker = Maker().add(0.1, at=0.01).add(0.3, at=0.02).add(0.2, at=0.03).add(0.1, at=5.0)

        shown = longest_in_columns(maker.run().collections, 1.0)

        assert [round(each.seconds, 2) for each in shown] == [0.3, 0.1]

    def test_spread(self):
        """A long collection is spread over the columns that it reaches into."""
        width = 10.0 / COLUMNS
        columns = spread(Maker().add(2.5 * width, at=width / 2).run().collections, width)

        assert [round(each) for each in columns[:4]] == [50, 100, 100, 0]

    def test_spread_at_the_end(self):
        """One that goes on to the end is in the last column."""
        width = 10.0 / COLUMNS
        columns = spread(Maker().add(width, at=10.0 - width / 2).run().collections, width)

        assert columns[-1] == pytest.approx(100, rel=1e-3)
        assert sum(columns) == pytest.approx(100, rel=1e-3)
