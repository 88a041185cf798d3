"""The prices of collecting: learned from durations, laid upon each kind of work by its share."""

import pytest

from gcwise._prices import FIRST, OVERHEAD, STEP, Prices, Work

EXAMINING = Work(young=1_000_000)
FREEING = Work(freed=1_000_000)


@pytest.fixture
def prices():
    """Return prices before anything was measured."""
    return Prices()


def test_nothing_costs_its_call(prices):
    """A collection of nothing takes what surrounds it, all of it wasted."""
    assert prices.of(Work()) == (OVERHEAD, OVERHEAD)


def test_freeing_is_no_waste(prices):
    """It takes its time, but has to be paid once anyway."""
    work = Work(young=1_000, freed=1_000_000, freed_cold=1_000_000)
    waste, duration = prices.of(work)
    assert waste == pytest.approx(OVERHEAD + 1_000 * FIRST.young)
    assert duration > 100 * waste


@pytest.mark.parametrize("field", Work._fields)
@pytest.mark.parametrize("times", [0.1, 5.0])
def test_the_price_of_what_was_done_is_found(prices, field, times):
    """Repeated often enough, and no other price has changed."""
    work = Work()._replace(**{field: 10_000_000.0})
    took = prices.of(work)[1] * times
    for _ in range(20):
        prices.learn(work, took)
    assert prices.of(work)[1] == pytest.approx(took, rel=0.02)
    others = [name for name in Work._fields if name != field]
    assert [getattr(prices.seconds, name) for name in others] == [
        getattr(FIRST, name) for name in others
    ]


def test_one_long_duration_is_not_believed_whole(prices):
    """The machine may have done something else meanwhile."""
    prices.learn(EXAMINING, 1e6)
    assert FIRST.young < prices.seconds.young <= FIRST.young * STEP


def test_small_collections_tell_little(prices):
    """What surrounds them is most of what they take."""
    prices.learn(Work(young=10), 1.0)
    assert prices.seconds.young == pytest.approx(FIRST.young, rel=0.05)


def test_what_was_wasted_is_the_share_of_examining(prices):
    """Of a collection's own duration, however long it was."""
    assert prices.learn(EXAMINING, 3.0) == pytest.approx(3.0)
    assert prices.learn(FREEING, 3.0) < 0.01
