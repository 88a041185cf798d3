"""What is learned at one place: efficiency, bytes, and which generation a teardown leaves to."""

from itertools import pairwise

import pytest

from gcwise._policy import OBJECT_BYTES
from gcwise._site import MOST_BACK_OFF, TRIALS, WORTH, YOUNG_EFFICIENCY, Site, blend


def trials(site, teardowns):
    """Return at which of so many fruitless teardowns the site tried all generations."""
    tried = []
    for number in range(teardowns):
        if site.wants_trial():
            tried.append(number)
            site.learn_trial([0, 0, 0], 0.0)
    return tried


@pytest.mark.parametrize(("share", "moved"), [(0.0, 10.0), (0.25, 12.5), (1.0, 20.0)])
def test_blending_moves_by_a_share_of_the_difference(share, moved):
    """Nothing is forgotten at 0, and everything at 1."""
    assert blend(10.0, 20.0, share) == moved


def test_a_new_site_is_an_optimist():
    """The young are taken for garbage, of the usual size, until they prove otherwise."""
    site = Site()
    assert site.efficiency == YOUNG_EFFICIENCY == 1.0
    assert site.object_bytes == OBJECT_BYTES


def test_bytes_are_forgotten_slowly():
    """Growth hides as soon as the allocator has room to reuse."""
    site = Site()
    site.learn(0.5, grown=1e6, objects=10)
    risen = site.object_bytes
    assert risen == pytest.approx(1e5)
    site.learn(0.5, grown=0.0, objects=10)
    assert risen > site.object_bytes > risen / 3
    assert site.efficiency == 0.5


def test_a_few_objects_tell_little_of_what_one_holds():
    """The growth beside six objects is soon outweighed by that of thousands."""
    site = Site()
    site.learn(0.5, grown=200e3, objects=6)
    site.learn(0.5, grown=200e3, objects=2_000)
    assert site.object_bytes < 2 * OBJECT_BYTES


def test_no_objects_teach_no_bytes():
    """Memory that grew with nothing made is not these objects' doing."""
    site = Site()
    site.learn(0.25, grown=1e9, objects=0)
    assert (site.efficiency, site.object_bytes) == (0.25, OBJECT_BYTES)


def test_bytes_never_fall_below_those_of_an_object():
    """However little memory grew, an object takes its place."""
    site = Site()
    site.learn(1.0, grown=0.0, objects=1e6)
    assert site.object_bytes == OBJECT_BYTES


def test_a_worthwhile_teardown_tries_at_first_only():
    """What was learned is trusted as long as it was worth it."""
    site = Site()
    for _ in range(TRIALS):
        assert site.wants_trial()
        site.learn_trial([0, 0, 5000], WORTH)
    assert site.yields == [0, 0, 5000]
    assert not any(site.wants_trial() for _ in range(100))


def test_a_fruitless_teardown_backs_off_doubling():
    """The teardowns between two trials double, up to a limit, and never end."""
    tried = trials(Site(), 10 * 2**MOST_BACK_OFF)
    waits = [after - before - 1 for before, after in pairwise(tried)][TRIALS - 1 :]
    most = 2**MOST_BACK_OFF
    assert all(after == min(2 * before, most) for before, after in pairwise(waits))
    assert waits[-1] == most


def test_a_fruitful_trial_ends_the_back_off():
    """One trial that was worth it, and what it found is trusted again."""
    site = Site()
    trials(site, 10)
    while not site.wants_trial():
        pass
    site.learn_trial([0, 0, 800], 1.0)
    assert site.fruitless == 0
    assert site.yields == [0, 0, 800]
    assert not any(site.wants_trial() for _ in range(100))


def test_a_trial_of_the_young_only_is_half_a_trial():
    """Without the old generation, which was not allowed, little is known."""
    site = Site()
    for _ in range(5 * TRIALS):
        site.wants_trial()
        site.learn_trial([10, 10], WORTH)
    assert site.wants_trial()
    assert site.yields == [10, 10, 0]


def test_fruitless_trials_of_the_young_say_nothing_of_the_old():
    """They back off as any, but the old generation is tried as soon as it may be."""
    site = Site()
    for _ in range(10):
        if site.wants_trial(oldest=False):
            site.learn_trial([0, 0], 0.0)
    assert not site.wants_trial(oldest=False)
    assert site.wants_trial(oldest=True)


def test_a_teardown_that_leaves_much_less_than_learned_is_tried_anew():
    """Half of what was expected is near enough, less is a site that has changed its ways."""
    site = Site()
    for _ in range(TRIALS):
        site.wants_trial()
        site.learn_trial([0, 0, 1000], 1.0)
    site.confirm(1000, 500)
    assert not site.wants_trial()
    site.confirm(1000, 499)
    assert site.wants_trial()


def test_what_is_learned_among_other_batches_is_apart():
    """Their objects are in use then, and say nothing of what it leaves behind alone."""
    site = Site()
    site.among().saw(1_000, 0)
    assert site.among() is site.among()
    assert site.among().efficiency == pytest.approx(0.5)
    assert site.efficiency == 1.0
