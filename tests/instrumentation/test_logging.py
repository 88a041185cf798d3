"""The default hook: levels, fields, and warnings that say why and what to do."""

import json
import logging
import logging.handlers
import queue
import sys
import types

import pytest

from gcwise import Policy, Reason, should_collect
from gcwise.instrumentation import LoggingOnDecisionHook, set_on_decision_hooks
from gcwise.instrumentation._hooks import tell
from gcwise.instrumentation._logging import MOST_SITES, PERSISTENT
from tests.instrumentation.decisions import done, simulated, skipped
from tests.instrumentation.test_hooks import run

FIELDS = {
    *("gcwise_site", "gcwise_reason", "gcwise_generation", "gcwise_candidates", "gcwise_expected"),
    *("gcwise_cost", "gcwise_debt", "gcwise_collected", "gcwise_uncollectable"),
    *("gcwise_duration", "gcwise_memory_freed"),
}


@pytest.fixture
def hook():
    """Return a hook that has not warned of anything."""
    return LoggingOnDecisionHook()


def warned(caplog):
    """Return the warnings so far."""
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


def test_a_done_collection_is_info(caplog, hook):
    """The message is the decision's sentence after the name of the place."""
    caplog.set_level(logging.INFO, "gcwise")
    decision = done()
    hook(decision)
    hook(skipped())
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("gcwise", "INFO")
    assert record.getMessage() == f"place: {decision}"


def test_a_skipped_collection_is_debug(caplog, hook):
    """So is one that somebody only asked about."""
    caplog.set_level(logging.DEBUG, "gcwise")
    decisions = [skipped(), should_collect("asked", policy=Policy.always())]
    for decision in decisions:
        hook(decision)
    assert [each.levelname for each in caplog.records] == ["DEBUG", "DEBUG"]
    assert [each.getMessage() for each in caplog.records] == [
        f"place: {decisions[0]}",
        f"asked: {decisions[1]}",
    ]


def test_fields_of_a_done_collection(caplog, hook):
    """Structured logs get every figure, in seconds, objects and bytes, under names of gcwise."""
    caplog.set_level(logging.INFO, "gcwise")
    hook(simulated(collected=12, duration=0.25, memory=4096))
    fields = {key: value for key, value in vars(caplog.records[0]).items() if key in FIELDS}
    assert json.loads(json.dumps(fields)) == {
        "gcwise_site": "place",
        "gcwise_reason": "due",
        "gcwise_generation": 2,
        "gcwise_candidates": 1_000_000,
        "gcwise_expected": 5_000,
        "gcwise_cost": 0.25,
        "gcwise_debt": 0.5,
        "gcwise_collected": 12,
        "gcwise_uncollectable": 0,
        "gcwise_duration": 0.25,
        "gcwise_memory_freed": 4096,
    }


def test_fields_of_a_skipped_collection(caplog, hook):
    """They are all there, for formats that name them, and None where nothing was done."""
    caplog.set_level(logging.DEBUG, "gcwise")
    hook(skipped())
    fields = vars(caplog.records[0])
    assert fields.keys() >= FIELDS
    assert fields["gcwise_reason"] == "not_scheduled"
    assert fields["gcwise_duration"] is None
    formatter = logging.Formatter("%(gcwise_site)s %(gcwise_collected)s")
    assert formatter.format(caplog.records[0]) == "place None"


def test_records_travel_through_queues(hook):
    """What `QueueHandler` makes of a record still has the sentence and the fields."""
    records = queue.Queue()
    logger = logging.getLogger("gcwise")
    logger.addHandler(logging.handlers.QueueHandler(records))
    logger.setLevel(logging.INFO)
    decision = done()
    hook(decision)
    record = records.get_nowait()
    assert record.getMessage() == f"place: {decision}"
    assert record.gcwise_duration == decision.collection.duration


def test_the_logger_has_a_null_handler():
    """It has one, however many hooks there are, so that nothing falls back on stderr."""
    for hook in LoggingOnDecisionHook(), LoggingOnDecisionHook():
        hook(skipped())
    assert [type(each) for each in logging.getLogger("gcwise").handlers] == [logging.NullHandler]


def test_a_half_imported_logging_is_left_alone(hook, monkeypatch, caplog):
    """A finalizer may decide while the program is in the middle of importing it."""
    caplog.set_level(logging.INFO, "gcwise")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "logging", types.ModuleType("logging"))
        hook(done())
    assert not caplog.records
    hook(done())
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("slow", "error", "message"),
    [
        ("1", TypeError, "slow must be a number of seconds, got str: '1'"),
        (True, TypeError, "slow must be a number of seconds, got bool: True"),
        (None, TypeError, "slow must be a number of seconds, got NoneType: None"),
        (0, ValueError, "slow must be above 0 seconds, got 0"),
        (-1.0, ValueError, r"slow must be above 0 seconds, got -1\.0"),
        (float("nan"), ValueError, "slow must be above 0 seconds, got nan"),
    ],
)
def test_bad_limits_are_refused(slow, error, message):
    """The error names the argument and says what it has to be."""
    with pytest.raises(error, match=message):
        LoggingOnDecisionHook(slow=slow)


def test_a_slow_collection_is_warned_of_once_for_each_place(caplog, hook):
    """From one second on, with the same fields as its other line."""
    for site in "here", "here", "there":
        hook(simulated(site, duration=1.3, collected=12))
    hook(simulated("quick", duration=0.999, collected=12_345))
    here, there = warned(caplog)
    assert here == (
        "here: a collection of generation 2 took 1.3 s, beyond 1.0 s, and freed 12 objects: it "
        "examines every object that the program keeps; call gc.freeze() when what stays for good "
        "is loaded, keep less in containers, or decide where nobody waits"
    )
    assert there.startswith("there: ")
    record = next(each for each in caplog.records if each.levelno == logging.WARNING)
    assert record.gcwise_duration == 1.3


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        ({"collected": 9_000_000, "duration": 5.0}, "most of that went into freeing so many; "),
        ({"collected": 10, "duration": 5.0}, "it examines every object that the program keeps"),
        (
            {"generation": 0, "candidates": 200_000_000, "duration": 4.0},
            "of about 200,000,000 objects examined most are still in use; decide later",
        ),
        (
            {"generation": 1, "candidates": 5_000, "duration": 5.0},
            "that is 1.0 ms an object examined; look for slow finalizers",
        ),
        ({"generation": 0, "candidates": 0, "duration": 5.0}, "that is 5.0 s an object examined"),
    ],
)
def test_the_cause_of_a_slow_collection(caplog, hook, outcome, cause):
    """What the figures tell: the freeing, the live heap, survivors, or slow finalizers."""
    hook(simulated(**outcome))
    (warning,) = warned(caplog)
    assert cause in warning


def test_what_is_slow_can_be_chosen(caplog):
    """A service may want to hear of every collection beyond a tenth of a second."""
    hook = LoggingOnDecisionHook(slow=1e-9)
    hook(done())
    (warning,) = warned(caplog)
    assert ", beyond 0 us, and freed " in warning


def test_fruitless_collections_in_a_row_are_warned_of(caplog, hook):
    """Ten that freed next to nothing and took a second together, once for each place."""
    for _ in range(PERSISTENT - 1):
        hook(simulated(duration=0.2, collected=3, memory=0))
    assert not warned(caplog)
    for _ in range(2 * PERSISTENT):
        hook(simulated(duration=0.2, collected=3, memory=0))
    (warning,) = warned(caplog)
    assert warning == (
        "place: 10 collections in a row took 2.0 s and freed 30 objects in all: what is dropped "
        "there is freed by reference counting at once, or something still refers to it, as "
        "gcwise.explain() around it tells; cut that, or decide nothing there"
    )


def test_a_schedule_is_named_as_the_cause(caplog):
    """Real collections by a fixed schedule, of which none freed anything."""
    hook = LoggingOnDecisionHook(slow=1e-9)
    fruitless = [done()._replace(collection=simulated().collection) for _ in range(PERSISTENT)]
    for decision in fruitless:
        hook(decision)
    assert "freed 0 objects in all: the policy's schedule collects whether it" in warned(caplog)[-1]


def test_quick_ones_are_no_noise(caplog, hook):
    """Many in a row are not worth a line as long as they take no time."""
    for _ in range(2_047):
        hook(simulated(duration=1 / 2_048))
    assert not warned(caplog)
    hook(simulated(duration=1 / 2_048))
    assert warned(caplog)[0].startswith("place: 2,048 collections in a row took 1.0 s")


@pytest.mark.parametrize(
    "fruit",
    [
        {"collected": 1_001, "memory": 0},
        {"collected": 1, "memory": 2**20},
        # Whether memory fell was not measured: one object may have held a lot of it.
        {"collected": 1, "memory": None},
    ],
    ids=["objects", "memory", "unknown"],
)
def test_one_that_freed_something_ends_the_row(caplog, hook, fruit):
    """Nine, one with a fruit, and nine again are no row of ten."""
    for outcome in [{}] * 9 + [fruit] + [{}] * 9:
        hook(simulated(duration=0.2, **outcome))
    assert not warned(caplog)


def test_rows_are_counted_by_place(caplog, hook):
    """What one place does is no other's fault."""
    for turn in range(3 * PERSISTENT - 3):
        hook(simulated(f"place {turn % 3}", duration=0.9))
    assert not warned(caplog)


def test_a_million_places_take_no_memory(caplog, hook):
    """Of more places than can be told apart no row is kept, and no warning given."""
    for number in range(3 * MOST_SITES):
        hook(simulated(f"place {number}", duration=2.0))
    assert len(hook._rows) == len(hook._warned) == len(warned(caplog)) == MOST_SITES


def test_a_warning_that_nobody_wants_is_not_used_up(caplog, hook):
    """It is given when the program has turned warnings on again."""
    caplog.set_level(logging.ERROR, "gcwise")
    hook(simulated(duration=2.0))
    caplog.set_level(logging.WARNING, "gcwise")
    hook(simulated(duration=2.0))
    assert len(warned(caplog)) == 1


def test_reasons_do_not_clash_with_records(caplog, hook):
    """Every reason can be logged, with its lower-case name."""
    caplog.set_level(logging.DEBUG, "gcwise")
    for reason in Reason:
        hook(skipped()._replace(reason=reason))
    assert [each.gcwise_reason for each in caplog.records] == [
        reason.name.lower() for reason in Reason
    ]


def test_the_default_hook_logs(caplog):
    """What is told without any setting is in the log, and not as a failure."""
    caplog.set_level(logging.DEBUG, "gcwise")
    set_on_decision_hooks(None)
    for decision in done(), skipped():
        tell(decision)
    assert [each.levelname for each in caplog.records] == ["INFO", "DEBUG"]


def test_a_program_without_logging_sees_nothing():
    """Nothing is on stderr, be logging imported or not, and it logs from when it is set up."""
    said = run(
        """
        from gcwise.instrumentation import LoggingOnDecisionHook

        set_on_decision_hooks([LoggingOnDecisionHook(slow=1e-9)])
        tell(decision("before"))
        assert "logging" not in sys.modules
        import logging
        tell(decision("imported"))
        logging.basicConfig(stream=sys.stdout, level="INFO", format="%(levelname)s %(message).9s")
        tell(decision("set up"))
        """
    )
    assert said.splitlines() == ["INFO set up: c", "WARNING set up: a"]
