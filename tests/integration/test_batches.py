"""Real work in batches: where it leaves cycles they are collected, where it leaves none nothing is.

Automatic collection is off and the heap there was before is out of sight, so that all collections
counted are those that gcwise decided on, and what they cost is the test's own.
"""

import gc
import json
import weakref
from xml.dom import minidom

import pytest

import gcwise
from gcwise._collector import collector
from tests.interpreters import needs_settings

pytestmark = needs_settings

BATCHES = 24
# Weak references are objects too: only some objects get one.
SPARSE = 100
DOCUMENT = "<root>" + "<entry id='1'><text>words</text></entry>" * 1_000 + "</root>"


class Record:
    """Anything that can be referred to weakly."""


class FailureError(Exception):
    """An exception that can be referred to weakly."""


@pytest.fixture(autouse=True)
def _own_heap():
    """Start each test with an empty heap, nothing learned and automatic collection off."""
    gc.collect()
    gc.freeze()
    gc.disable()
    collector.after_fork()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.fixture
def ones():
    """Return a function that makes an array of 800 kB."""
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    return lambda: np.ones(100_000)


def runs():
    """Tell how often each generation has been collected."""
    return [generation["collections"] for generation in gc.get_stats()]


def in_batches(name, work, spelling=gcwise.batch):
    """Do the work batch by batch; return the decisions, and what was alive after each batch."""
    decisions, alive, refs = [], [], []
    for _ in range(BATCHES):
        with spelling(name) as scope:
            refs += work()
        decisions.append(scope.decision)
        alive.append(sum(ref() is not None for ref in refs))
    return decisions, alive


def is_collected(decisions, alive, objects, made):
    """Check that cycles were freed soon, and by collections of what is young."""
    collections = [each.collection for each in decisions if each]
    assert collections[0].generation == 0
    assert all(each.collected >= objects for each in collections)
    generations = [each.generation for each in collections]
    assert generations.count(0) >= generations.count(1) - 1
    # Where the heap is as small as here, a full collection now and then costs next to nothing.
    assert generations.count(2) <= BATCHES / 3
    # A batch that took a few milliseconds may leave its garbage to the next one.
    assert max(alive) <= 3 * made
    assert len(collections) >= BATCHES / 4


def is_let_be(decisions, before):
    """Check that a few tries taught that there is nothing to free.

    Later tries come only where there are so few objects to examine that it costs next to nothing.
    """
    tries = [each.collection for each in decisions if each]
    assert sum(each.candidates for each in tries) < 10_000
    assert sum(each.candidates for each in tries[6:]) < 3_000
    assert sum(runs()) - sum(before) == len(tries)
    assert runs()[2] == before[2]


def parse():
    """Parse a document, whose nodes know their parents."""
    return [weakref.ref(minidom.parseString(DOCUMENT))]


def parse_and_unlink():
    """Parse a document and take it apart by hand, as its own manual advises."""
    document = minidom.parseString(DOCUMENT)
    ref = weakref.ref(document)
    document.unlink()
    del document
    assert ref() is None
    return [ref]


def keep_exceptions():
    """Keep exceptions in variables of the frames that they hold themselves."""
    refs = []

    def fail(number):
        try:
            raise FailureError  # noqa: TRY301  # It is the point.
        except FailureError as error:
            kept = error
            if number % SPARSE == 0:
                refs.append(weakref.ref(kept))

    for number in range(10_000):
        fail(number)
    return refs


def handle_exceptions():
    """Handle exceptions and let them go."""
    refs = []
    for number in range(10_000):
        try:
            raise FailureError  # noqa: TRY301  # It is the point.
        except FailureError as error:  # noqa: PERF203
            if number % SPARSE == 0:
                refs.append(weakref.ref(error))
    assert not any(ref() for ref in refs)
    return refs


def arrays_in_cycles(ones):
    """Make a few objects that hold much memory and themselves."""
    refs = []
    for _ in range(100):
        record = Record()
        record.me, record.data = record, ones()
        refs.append(weakref.ref(record.data))
    return refs


def plain_arrays(ones):
    """Make arrays that reference counting frees."""
    return [weakref.ref(ones()) for _ in range(100)]


class Subject:
    """What observers look at."""

    def __init__(self):
        self.callbacks = []


class Observer:
    """Registers a bound method with its subject."""

    def __init__(self, subject, reference):
        self.subject = subject
        subject.callbacks.append(reference(self.notify))

    def notify(self):
        """Do nothing."""


def observe(reference):
    """Let observers look at subjects of their own."""
    refs = []
    for number in range(3_000):
        observer = Observer(Subject(), reference)
        if number % SPARSE == 0:
            refs.append(weakref.ref(observer))
    return refs


def convert():
    """Write and read JSON, which has no cycles."""
    assert json.loads(json.dumps([{"number": [number]} for number in range(5_000)]))
    return []


@pytest.mark.parametrize("spelling", [gcwise.batch, gcwise.paused, gcwise.collect_after])
def test_documents(spelling):
    """`minidom` trees are freed at the end of the batch that parsed them."""
    decisions, alive = in_batches(f"documents: {spelling.__name__}", parse, spelling)

    is_collected(decisions, alive, 5_000, 1)


def test_unlinked_documents():
    """`minidom` trees that were unlinked need no collection."""
    before = runs()
    decisions, _ = in_batches("unlinked documents", parse_and_unlink)

    is_let_be(decisions, before)


def test_loop_over_documents():
    """In a loop over documents trees are gone by the time the next ones are parsed."""
    refs, alive = [], []

    for text in gcwise.each([DOCUMENT] * BATCHES, "loop over documents"):
        alive.append(sum(ref() is not None for ref in refs))
        refs.append(weakref.ref(minidom.parseString(text)))
    alive.append(sum(ref() is not None for ref in refs))

    # As above, a body that took a few milliseconds may leave its tree to the next one.
    assert max(alive) <= 2
    assert 0 in alive[1:]


def test_stored_exceptions():
    """Exceptions that their own frames store are freed, and the frames with them."""
    decisions, alive = in_batches("stored exceptions", keep_exceptions)

    is_collected(decisions, alive, 10_000, 10_000 / SPARSE)


def test_handled_exceptions():
    """Exceptions that were handled as usual need no collection."""
    before = runs()
    decisions, _ = in_batches("handled exceptions", handle_exceptions)

    is_let_be(decisions, before)


def test_arrays_in_cycles(ones):
    """A hundred objects that hold 80 MB are freed, though their number says nothing."""
    decisions, alive = in_batches("arrays in cycles", lambda: arrays_in_cycles(ones))

    is_collected(decisions, alive, 100, 100)


def test_plain_arrays(ones):
    """Arrays without cycles need no collection, however much memory came and went."""
    before = runs()
    decisions, alive = in_batches("plain arrays", lambda: plain_arrays(ones))

    assert not any(alive)
    is_let_be(decisions, before)


def test_observers():
    """Observers and subjects that know each other by bound methods are freed."""
    decisions, alive = in_batches("observers", lambda: observe(lambda method: method))

    is_collected(decisions, alive, 6_000, 3_000 / SPARSE)


def test_weak_observers():
    """Observers that are known only weakly need no collection."""
    before = runs()
    decisions, alive = in_batches("weak observers", lambda: observe(weakref.WeakMethod))

    assert not any(alive)
    is_let_be(decisions, before)


def test_json():
    """Converting JSON leaves nothing to collect."""
    before = runs()
    decisions, _ = in_batches("json", convert)

    is_let_be(decisions, before)


def test_index():
    """Batches that only build need hardly any collection, and never a full one."""
    index, before = {}, runs()

    def build():
        for _ in range(5_000):
            index[len(index)] = [len(index)]
        return []

    decisions, _ = in_batches("index", build)

    assert len(index) == BATCHES * 5_000
    assert sum(map(bool, decisions)) <= BATCHES / 3
    assert runs()[2] == before[2]


def test_replaced_at_the_next_batch(ones):
    """Cycles that live until the next batch replaces them are freed all the same, by and by."""
    latest, alive, refs = [], [], []

    def replace():
        latest[:] = [Record() for _ in range(20)]
        for record in latest:
            record.me, record.data = record, ones()
        del record
        refs.append(weakref.ref(latest[0]))
        alive.append(sum(ref() is not None for ref in refs))
        return []

    in_batches("replaced at the next batch", replace)

    assert max(alive) <= BATCHES / 2


def test_with_automatic_collection_on():
    """With automatic collection as every program has it, batches free their trees as well."""
    gc.enable()
    before = runs()

    _, alive = in_batches("with automatic collection on", parse)

    assert max(alive) <= BATCHES / 3
    assert runs()[2] <= before[2] + 1
