"""What is advised, which place is named for it, and when nothing is."""

import json.tool

import pytest

from gcwise._collection import collect
from gcwise._watch.advice import advice, least_gain, seconds, share
from gcwise._watch.attribution import callers, functions_worth_wrapping, longest
from tests.watch.runs import Maker


def names(run, least=0.1):
    """Return the names of the functions that are worth a batch."""
    return [each.place.function for each in functions_worth_wrapping(run, least)]


class TestFunctions:
    """Which function is to become a batch."""

    def test_innermost_with_long_calls(self):
        """Neither the outermost is named nor a helper with short calls, but what is between."""
        maker = Maker()
        for call in range(10):
            for turn in range(5):
                new = "+" if not turn else ""
                first = "+" if not turn and not call else ""
                maker.add().sample("+parse", f"{new}load_pages", f"{first}main", f"{first}<module>")

        found = next(functions_worth_wrapping(maker.run(), 0.1))

        assert found.place.function == "load_pages"
        assert found.total.calls == 50
        assert found.total.seconds == pytest.approx(0.5)
        # The first collection of each call is known to be inside, the time before it is not.
        assert found.seconds == pytest.approx(10 * (0.01 + 4 * 0.02))

    def test_sample_stands_for_those_before(self):
        """Collections without a sample count for the calls that went on meanwhile."""
        maker = Maker().add().sample("+work", "+main")
        for _ in range(4):
            maker.add().add().add().sample("work", "main")

        (found,) = functions_worth_wrapping(maker.run(), 0.1)

        assert found.place.function == "work"
        assert found.total.calls == 13

    def test_several_places(self):
        """Where two functions have their parts of the waste, both are named."""
        maker = Maker()
        for name in ("first", "second"):
            maker.add().sample(f"+{name}", "main")
            for _ in range(20):
                maker.add().sample(name, "main")

        # The one around both has all of it; each alone has less than what would be the same.
        assert names(maker.run()) == ["main"]
        maker.functions[maker.functions.index((maker.functions[2][0], "main", 10))] = (
            "<string>",
            "main",
            10,
        )
        assert sorted(names(maker.run())) == ["first", "second"]

    def test_threads(self):
        """A thread's time is that between its own samples."""
        maker = Maker().add().sample("+one", thread=0)
        for number in range(1, 20):
            name = ("one", "two")[number % 2]
            new = "+" if number == 1 else ""
            maker.add().sample(new + name, thread=number % 2)

        found = {each.place.function: each for each in functions_worth_wrapping(maker.run(), 0.05)}

        assert found["one"].seconds == pytest.approx(0.01 + 9 * 0.04)

    def test_no_part_of_an_expression(self):
        """A comprehension can be no batch: the function around it is named."""
        maker = Maker().add().sample("+load.<locals>.<listcomp>", "+load")
        for _ in range(20):
            maker.add().sample("load.<locals>.<listcomp>", "load")

        assert names(maker.run()) == ["load"]

    def test_fruitful_collections_waste_little(self):
        """What freeing takes is no waste."""
        maker = Maker().add(0.1, freed=700_000).sample("+work")
        for _ in range(9):
            maker.add(0.1, freed=700_000).sample("work")

        assert names(maker.run()) == []
        assert "to free 7,000,000 objects" in advice(maker.run())[0]

    def test_explicit_ones_do_not_count(self):
        """A batch would not hold an explicit collection back."""
        maker = Maker().add(explicit=True).sample("+work")
        for _ in range(20):
            maker.add(0.1, explicit=True).sample("work")

        assert names(maker.run()) == []

    def test_own_before_libraries(self):
        """The program's own function is named, even if all happens in a library that it calls."""
        maker = Maker().add().sample("+lib_inner", "+mine")
        for _ in range(20):
            maker.add().sample("lib_inner", "mine")

        assert names(maker.run()) == ["mine"]

    def test_library_if_nothing_is_own(self):
        """Without an own function, the outermost of an installed package is named, as such."""
        maker = Maker().add().sample("+std_x", "+lib_inner", "+lib_main", "+<module>")
        for _ in range(20):
            maker.add().sample("std_x", "lib_inner", "lib_main")

        assert names(maker.run()) == ["lib_main"]
        (said,) = advice(maker.run())
        assert said.startswith(
            "`lib_main` (lib/core.py:10) is a library's: call it in gcwise.batch()"
        )

    def test_library_that_wastes_little(self):
        """A library's function is named for no less than an own one."""
        maker = Maker().add(1e-4).sample("+lib_main").add(1e-4).sample("lib_main")

        assert names(maker.run()) == []

    def test_module_of_the_standard_library(self):
        """What is run with -m is the program, even if it is the standard library's."""
        maker = Maker().add().sample("+main").add(0.5).sample("main")
        maker.functions[1] = (json.tool.__file__, "main", 10)

        assert names(maker.run()) == []
        assert names(maker.run(own=json.tool.__file__)) == ["main"]

    def test_sentence(self):
        """The sentence has the function, its file, the collections, their share and the gain."""
        maker = Maker(elapsed=2.0).add().sample("+work")
        for _ in range(20):
            maker.add(freed=3).sample("work")

        (said,) = advice(maker.run())
        assert said == (
            "wrap `work` (app.py:10) in gcwise.batch(): 21 automatic collections inside it, "
            "51 % of its time (210 ms), freed 60 objects; up to 210 ms of 2.00 s could be saved"
        )

    def test_top_level(self):
        """Code outside functions is named by its file."""
        maker = Maker().add(0.5, 2).sample("+<module>").add(0.5, 2).sample("<module>")

        (said,) = advice(maker.run())

        assert said.startswith("wrap the top level of app.py in gcwise.batch(): 2 automatic")
        assert "freed nothing" in said

    def test_not_too_many(self):
        """At most three functions are named."""
        maker = Maker()
        for number in range(6):
            maker.add(0.2).sample(f"+work{number}", "std_main")
            maker.add(0.2).sample(f"work{number}", "std_main")

        assert len(advice(maker.run())) == 3


class TestCallers:
    """What is said of calls of `gc.collect()`."""

    def test_useless_call(self):
        """A call that frees nothing is to be deleted."""
        maker = Maker()
        for _ in range(40):
            maker.add(0.0775, 2, explicit=True).sample("work", line=31)

        (said,) = advice(maker.run())
        assert said == (
            "the gc.collect() at app.py:31 was called 40 times, took 3.10 s, freed 0 objects: "
            "delete it or write gcwise.maybe_collect()"
        )

    def test_poor_call(self):
        """A call that frees little for its time is to be thought over each time."""
        maker = Maker().add(0.5, 2, 1, explicit=True).sample("work", line=31)

        (said,) = advice(maker.run())

        assert "was called once, took 500 ms, freed 1 object: write gcwise.maybe_collect()" in said

    @pytest.mark.parametrize(("took", "freed"), [(0.5, 3_000_000), (0.5, 1_800_000), (0.05, 0)])
    def test_good_or_small_call(self, took, freed):
        """A call that frees much for its time, or takes next to none, is left alone."""
        maker = Maker().add(took, 2, freed, explicit=True).sample("work", line=31)

        (said,) = advice(maker.run())
        assert said.startswith("nothing to gain")

    def test_library(self):
        """A library's call cannot be deleted, but intercepted."""
        maker = Maker().add(0.5, 2, explicit=True).sample("lib_clean", "work", line=5)

        (said,) = advice(maker.run())

        assert "the gc.collect() at lib/core.py:5 was called once" in said
        assert said.endswith("it is not yours, so put the work that calls it in gcwise.intercept()")
        (caller,) = callers(maker.run())
        assert caller.beneath.function == "work"

    def test_gcwise_itself(self):
        """What gcwise decided on is not advised against."""
        maker = Maker().add(0.5, 2, explicit=True).sample("+gcwise")
        maker.functions[1] = (collect.__code__.co_filename, "collect", 50)

        (said,) = advice(maker.run())
        assert said == (
            "nothing more to gain here: collections took 5.0 % of the time (500 ms), "
            "500 ms of it in 1 that gcwise decided on"
        )

    def test_many_small_ones(self):
        """Where no one place is worth a change, that is said."""
        maker = Maker()
        for line in range(10):
            maker.add(0.05, 2, explicit=True).sample("work", line=line)

        (said,) = advice(maker.run())
        assert said.startswith("nothing to gain by a change at one place: collections took 5.0 %")
        assert said.endswith("wasted the 180 ms from which on a change shows")

    def test_without_a_stack(self):
        """A call of which only the place was noted counts as well."""
        maker = Maker().add(0.1, explicit=True).sample("work", line=3, place="only")
        maker.add(0.3, explicit=True).sample("other", line=4, place="only")
        maker.add(0.1, explicit=True).sample("work", line=3, place="only")
        maker.add(0.1, explicit=True).sample()

        assert names(maker.run()) == []
        assert [(each.place.line, each.total.calls) for each in callers(maker.run())] == [
            (4, 1),
            (3, 2),
        ]


class TestNothing:
    """When there is nothing to gain."""

    def test_little_time(self):
        """Where collections took little time, how little."""
        maker = Maker().add(0.04, 2).sample("work")

        assert advice(maker.run()) == [
            "nothing to gain here: collections took 0.4 % of the time (40 ms)"
        ]

    def test_no_collections(self):
        """Where there were none, that."""
        assert advice(Maker().run()) == ["nothing to gain here: no collection ran"]

    @pytest.mark.parametrize(
        ("elapsed", "cpu", "least"), [(1.0, 1.0, 0.1), (100.0, 90.0, 1.8), (100.0, 10.0, 0.2)]
    )
    def test_threshold(self, elapsed, cpu, least):
        """A gain has to be a tenth of a second, and 2 % of the time not spent waiting."""
        assert least_gain(Maker(elapsed=elapsed, cpu=cpu).run()) == pytest.approx(least)


def test_longest():
    """The longest come first, with the line that each interrupted where a sample tells it."""
    maker = Maker().add(0.1).add(0.3).sample("lib_x", "work", line=7).add(0.2)

    found = longest(maker.run(), 2)

    assert [round(each.seconds, 3) for each, _, _ in found] == [0.3, 0.2]
    assert found[0][1][1:] == ("lib_x", 7)
    assert found[0][2].function == "work"
    assert found[1][1:] == (None, None)


@pytest.mark.parametrize(
    ("number", "text"), [(12.345, "12.3 s"), (1.5, "1.50 s"), (0.0123, "12.3 ms"), (5e-6, "5 us")]
)
def test_seconds(number, text):
    """Seconds have a unit that fits."""
    assert seconds(number) == text


@pytest.mark.parametrize(("part", "text"), [(0.004, "0.4 %"), (0.145, "14 %")])
def test_share(part, text):
    """Small shares have a decimal."""
    assert share(part) == text
