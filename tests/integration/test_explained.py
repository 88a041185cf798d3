"""Cycles of real libraries, named and cut."""

import argparse
import gc
from xml.dom import minidom

import psutil
import pytest

from gcwise._explain import explain
from gcwise.testing import no_cycles
from tests.interpreters import needs_settings

pytestmark = needs_settings

PAGE = "<html><body><p class='a'>one<b>two</b></p></body></html>" * 20


def explained(function):
    """Return the explanation of a second call of a function, when all is imported and cached."""
    function()
    with explain() as e:
        function()
    return e


def paths(explanation):
    """Return the paths that were told."""
    return [str(group.circle) for group in explanation.cyclic.groups]


@pytest.mark.skipif(not hasattr(psutil, "heap_info"), reason="this psutil cannot tell")
def test_array():
    """A large array in a dict is freed at once, and there is nothing to collect."""
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    data = {"array": numpy.ones(4_000_000)}

    with explain() as e:
        del data

    assert e.answer.startswith("No cycles, reference counting had done it all: it freed 30.5 MiB")


def test_array_in_a_cycle():
    """An array counts for the cycle that kept it alive."""
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")

    def leave():
        record = {"array": numpy.ones(4_000_000)}
        record["me"] = record

    e = explained(leave)

    assert e.cyclic.types[0][:2] == ("numpy.ndarray", 1)
    assert e.cyclic.bytes > 32_000_000
    assert paths(e) == ["dict['me'] -> dict"]


def test_figure():
    """The cycle of a figure that nobody closed leads to something in it and back."""
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")

    def draw():
        drawn = figure.Figure()
        drawn.subplots().plot(range(10))

    e = explained(draw)

    circle = e.cyclic.groups[0].circle
    assert str(circle) in (
        "Figure.canvas -> FigureCanvasBase.figure -> Figure",
        "Figure.patch -> Rectangle._parent_figure -> Figure",
        "Figure.patch -> Rectangle.figure -> Figure",
    )
    assert circle.advice.kind == "library"
    assert "plt.close(fig)" in circle.advice.words
    assert any("matplotlib" in each and "figure.py:" in each for each in circle.places)


def test_figure_that_pyplot_holds():
    """A figure of pyplot is no garbage before it is closed, which is said; then it is."""
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    plt.switch_backend("Agg")
    plt.close("all")

    with explain() as before:
        plt.subplots()
    with explain() as closing:
        plt.close("all")

    assert before.cyclic.objects < 100
    assert not any(path.startswith("Figure") for path in paths(before))
    assert "pyplot still holds 1 figure: plt.close(fig) lets go." in str(before)
    assert any(path.startswith("Figure.") for path in paths(closing))


def test_soup():
    """The cycle of a soup leads down and up again; taking it apart leaves next to nothing."""
    bs4 = pytest.importorskip("bs4", reason="beautifulsoup4 is not installed")

    def read(*, cut=False):
        soup = bs4.BeautifulSoup(PAGE, "html.parser")
        if cut:
            soup.clear(decompose=True)

    e = explained(read)
    cut = explained(lambda: read(cut=True))

    circle = e.cyclic.groups[0].circle
    assert str(circle).startswith("BeautifulSoup.contents -> list[")
    assert str(circle).endswith("] -> Tag.parent -> BeautifulSoup")
    assert "soup.clear(decompose=True)" in circle.advice.words
    assert 0 < cut.cyclic.objects < e.cyclic.objects / 10


def test_parser():
    """The cycle of an argument parser is between its groups and their actions."""

    def parse():
        parser = argparse.ArgumentParser()
        parser.add_argument("--size")
        parser.parse_args([])

    e = explained(parse)

    group = e.cyclic.groups[0]
    assert "_ArgumentGroup._actions -> list[" in str(group.circle)
    assert str(group.circle).endswith(".container -> _ArgumentGroup")
    assert group.circle.advice.kind == "library"
    assert "argparse.py:" in group.circle.places[0]


def test_document():
    """A DOM tree is cut by unlink()."""

    def read(*, cut=False):
        document = minidom.parseString("<a><b>x</b></a>")
        if cut:
            document.unlink()

    e = explained(read)

    assert e.cyclic.groups[0].circle.advice.words == "document.unlink() when done with it"
    with no_cycles():
        read(cut=True)


def test_exception_in_its_own_frame():
    """An exception that its own frame keeps in a variable names that variable."""

    def load():
        try:
            {}["missing"]
        except KeyError as caught:
            error = caught
        return len(error.args)

    e = explained(load)

    assert paths(e) == [
        "KeyError.__traceback__ -> traceback.tb_frame -> load() local 'error' -> KeyError"
    ]


@pytest.mark.parametrize(
    ("shape", "size"), [("ring", 1_000_000), ("tree", 200_000), ("pairs", 200_000)]
)
def test_very_many_objects(shape, size):
    """A million objects of garbage are all looked through, however deep they lie."""

    def leave():
        if shape == "ring":
            first = last = []
            for _ in range(size - 1):
                ahead = []
                last.append(ahead)
                last = ahead
            last.append(first)
        elif shape == "tree":
            root = [None]
            for _ in range(size // 2):
                leaf = [root]
                root.append([leaf])
        else:
            for _ in range(size // 2):
                one = []
                one.append([one])

    gc.collect()
    with explain() as e:
        leave()

    assert e.cyclic.objects >= size
    assert sum(group.objects for group in e.cyclic.groups) in (size, size + 1)


def test_a_million_live_objects():
    """A large heap beside it does not show in what is told."""
    heap = [[number] for number in range(1_000_000)]

    with explain() as e:
        one = []
        one.append(one)
        del one

    assert e.cyclic.objects == 1
    assert len(heap) == 1_000_000
