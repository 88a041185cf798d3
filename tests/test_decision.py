"""Decisions, reasons and collections: frozen data, and the sentences they print."""

import pickle
import string

import pytest

from gcwise import Collection, Decision, Reason
from gcwise._decision import refused

DUE = Decision(0, Reason.DUE, "parse", 12_400, 11_532, 0.000_25, 0.0042)
DONE = Collection(0, 12_400, 12_381, 0, 0.0008, None)


def test_a_decision_is_true_when_a_collection_is_worth_it():
    """Every generation counts as yes, the youngest too, and None as no."""
    assert all(DUE._replace(generation=generation) for generation in (0, 1, 2))
    assert not DUE._replace(generation=None)


def test_a_wish_says_what_is_to_examine_and_what_it_costs():
    """The sentence has objects, a percentage and seconds in readable units."""
    assert str(DUE) == (
        "generation 0 is worth collecting: about 12,400 objects to examine, 93 % of them expected "
        "to be garbage: keeping them until the next chance costs 4.2 ms, a collection would waste "
        "250 us"
    )


def test_a_collection_says_what_it_took_and_freed():
    """The sentence of a decision that was acted on ends with the outcome."""
    done = str(DUE._replace(collection=DONE))
    assert done.startswith("collected generation 0: about 12,400 objects to examine, ")
    assert done.endswith("; took 800 us, freed 12,381 objects")


def test_the_sentence_names_the_generation_that_was_collected():
    """A teardown's trial ends with an older generation than it was first decided for."""
    done = DUE._replace(reason=Reason.EXPLORING, collection=DONE._replace(generation=2))
    assert str(done).startswith("collected generation 2: it is not known yet which generation")


@pytest.mark.parametrize(
    ("memory", "ending"),
    [
        (None, "freed 1 object"),
        (0, "freed 1 object"),
        (3 * 2**19, "freed 1 object and 1.5 MiB"),
        (3 * 2**30, "freed 1 object and 3,072.0 MiB"),
    ],
)
def test_memory_is_told_only_when_it_was_seen_to_fall(memory, ending):
    """Not measured and not fallen are both left out, for zero proves nothing."""
    done = DONE._replace(collected=1, memory_freed=memory)
    assert str(DUE._replace(collection=done)).endswith(ending)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 us"),
        (20e-6, "20 us"),
        (0.001, "1.0 ms"),
        (0.0123, "12.3 ms"),
        (1.0, "1.0 s"),
        (4321.0, "4,321.0 s"),
    ],
)
def test_seconds_are_shown_in_the_unit_that_fits(seconds, shown):
    """Microseconds below a millisecond, milliseconds below a second."""
    assert str(DUE._replace(debt=seconds)).endswith(
        f"costs {shown}, a collection would waste 250 us"
    )


def test_a_refusal_says_that_nothing_is_collected():
    """What is not worth it is told with the same figures, and so far."""
    assert str(DUE._replace(generation=None, reason=Reason.NOT_DUE)) == (
        "no collection: about 12,400 objects to examine, 93 % of them expected to be garbage: "
        "keeping them until the next chance costs only 4.2 ms, a collection wastes 250 us"
    )


def test_no_share_is_told_of_no_objects():
    """With nothing to examine there is no percentage, and no division by zero."""
    decision = DUE._replace(generation=None, reason=Reason.NOT_DUE, candidates=0, expected=0)
    assert str(decision).startswith("no collection: keeping them until the next chance costs only")


@pytest.mark.parametrize(
    ("waiting", "shown"), [(0, "0 objects"), (1, "1 object"), (2, "2 objects")]
)
def test_nothing_new_is_told_with_what_is_waiting(waiting, shown):
    """A decision that nothing had to be weighed for has nothing but its count."""
    decision = refused(Reason.NOTHING_NEW, "parse", waiting)
    assert decision == (None, Reason.NOTHING_NEW, "parse", waiting, 0, 0.0, 0.0, None)
    assert str(decision) == (
        f"no collection: {shown} waiting, next to nothing new since the last decision"
    )


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_reason_is_one_plain_clause(reason):
    """Each is filled in completely, and neither capitalized nor ended, as part of a sentence."""
    fields = {name for _, name, _, _ in string.Formatter().parse(reason.value) if name}
    assert fields <= {"candidates", "cost", "debt"}
    sentence = str(refused(reason, "parse", 3))
    assert sentence.startswith("no collection: ")
    assert not set("{}\n") & set(sentence)
    assert reason.value[0] in "{" + string.ascii_lowercase
    assert not reason.value.endswith(".")


def test_reasons_differ():
    """No reason is an alias of another, which an enumeration would make of equal clauses."""
    assert len(Reason.__members__) == len(Reason)


def test_decisions_and_collections_are_frozen_and_travel():
    """They cannot be changed, and compare equal after pickling."""
    decision = DUE._replace(collection=DONE)
    with pytest.raises(AttributeError):
        decision.generation = 1
    with pytest.raises(AttributeError):
        DONE.duration = 0.0
    assert pickle.loads(pickle.dumps(decision)) == decision
