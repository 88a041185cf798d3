"""The block that tells where memory went, and the interpreter's state around it."""

import gc
import json
import shutil
import subprocess
import sys
import threading
import weakref

import psutil
import pytest

import gcwise
from gcwise._explain import block, explain, saved
from gcwise._explain.block import Explanation
from tests.interpreters import needs_settings, real

pytestmark = needs_settings

tells_the_heap = pytest.mark.skipif(
    not hasattr(psutil, "heap_info"), reason="this psutil does not know the C library's allocator"
)


class Node:
    """Refers to itself."""

    def __init__(self, *others):
        self.me = self
        self.others = others


class Finalized(Node):
    """Says when it is finalized."""

    finalized = 0

    def __del__(self):
        type(self).finalized += 1


@pytest.fixture(autouse=True)
def _state_as_found():
    """See that debugging flags and saved garbage are left alone, too."""
    gc.collect()
    before = gc.get_debug(), list(gc.garbage), list(gc.callbacks)
    yield
    assert (gc.get_debug(), list(gc.garbage), list(gc.callbacks)) == before


@pytest.fixture
def flags():
    """Set debugging flags as a program may, and take them back."""
    yield gc.set_debug
    gc.set_debug(0)
    gc.garbage.clear()
    gc.collect()


def leave_cycle(*others):
    """Leave an object behind that refers to itself; return a weak reference to it."""
    return weakref.ref(Node(*others))


def objects_in(explanation):
    """Return how many objects of each type were told of, by short names."""
    return {each.type.rpartition(".")[2]: each.objects for each in explanation.cyclic.types}


def test_cycle():
    """A cycle is told, with its type, its path, where its class is defined and how to cut it."""
    with explain() as e:
        ref = leave_cycle()

    assert ref() is None
    assert objects_in(e)["Node"] == 1
    (group,) = e.cyclic.groups
    assert str(group.circle) == "Node.me -> Node"
    assert group.circle.places[0].startswith("Node: ")
    assert "test_block.py:" in group.circle.places[0]
    assert e.answer.startswith("Cyclic garbage: ")
    assert "which only a collection could free" in e.answer
    told = str(e)
    assert told.startswith(e.answer)
    assert "  Node.me -> Node\n" in told
    assert "To cut it: hold Node.me as a weakref.ref" in told


def test_garbage_from_before_is_not_told():
    """What was garbage already when the block began is none of its own."""
    gc.disable()
    try:
        ref = leave_cycle()
        with explain() as e:
            pass
    finally:
        gc.enable()

    assert ref() is None
    assert e.cyclic.objects == 0
    assert e.answer.startswith("No cycles, and as much memory in use as before")


@tells_the_heap
def test_freed_at_once():
    """Memory that reference counting freed inside the block is told as such."""
    data = {"data": bytearray(20 * 2**20)}

    with explain() as e:
        del data

    assert e.answer.startswith(
        "No cycles, reference counting had done it all: it freed 20.0 MiB at once."
    )
    assert abs(e.freed_at_once - 20 * 2**20) < 2**20
    assert e.live == 0
    assert e.cyclic.groups == ()


@tells_the_heap
def test_still_live():
    """Memory that the block took and that is still referenced is told as such."""
    with explain() as e:
        data = bytearray(20 * 2**20)

    assert "20.0 MiB more in use than before, all of it still referenced" in e.answer
    assert abs(e.live - len(data)) < 2**20
    assert e.freed_at_once == 0


@tells_the_heap
def test_few_cycles_beside_much_that_was_freed_at_once():
    """The answer tells first what weighs most."""
    data = bytearray(20 * 2**20)

    with explain() as e:
        del data
        leave_cycle()

    assert e.answer.startswith("Reference counting freed 20.0 MiB at once; the rest was cyclic")


def test_what_hangs_from_a_cycle_is_weighed():
    """Memory that no collector sees counts for the cycle that alone kept it alive."""
    with explain() as e:
        leave_cycle(bytearray(10 * 2**20))

    assert e.cyclic.bytes > 10 * 2**20
    assert e.cyclic.held >= 1
    assert objects_in(e)["bytearray"] == 1
    assert e.cyclic.groups[0].holding > 10 * 2**20
    assert "and 10.0 MiB that only these kept alive" in str(e)


@tells_the_heap
def test_kept_by_the_allocator():
    """What was freed between blocks that are still in use stays with the allocator."""
    kept, dropped = [], []
    for _ in range(10_000):
        dropped.append(Node(bytearray(2_000)))
        kept.append(bytearray(2_000))

    with explain() as e:
        dropped.clear()

    assert e.cyclic.bytes > 20_000_000
    assert e.kept > 10_000_000
    assert "The allocator keeps " in e.answer
    assert "gcwise.trim() gives back what it can" in e.answer
    assert len(kept) == 10_000


def test_older_psutil(monkeypatch):
    """Where psutil does not know the allocator, what it keeps is said to be unknown."""
    monkeypatch.delattr(psutil, "heap_info", raising=False)

    with explain() as e:
        leave_cycle()

    assert e.kept is None
    assert "unknown, and the rest is rough (psutil 7.2 or later" in str(e)
    assert objects_in(e)["Node"] == 1
    assert e.as_dict()["kept"] is None


def test_exception_passes_through():
    """An exception leaves the block as it is, and the account is there all the same."""
    error = LookupError("mine")

    def leave():
        leave_cycle()
        raise error

    with pytest.raises(LookupError) as caught, explain() as e:
        leave()

    assert caught.value is error
    assert error.__context__ is None
    assert objects_in(e)["Node"] == 1


def test_flags_and_garbage_of_others_stay(flags):
    """Debugging flags and what others keep in gc.garbage are as found, whatever was set."""
    mine = [object()]
    gc.garbage.append(mine)
    # DEBUG_LEAK without the printing.
    flags(gc.DEBUG_SAVEALL)

    with explain() as e:
        ref = leave_cycle()

    assert gc.get_debug() == gc.DEBUG_SAVEALL
    assert len(gc.garbage) == 1
    assert gc.garbage[0] is mine
    assert ref() is None
    assert objects_in(e)["Node"] == 1


def test_collections_of_ours_print_nothing(flags, capfd):
    """Flags for statistics concern the program's own collections only."""
    flags(gc.DEBUG_STATS | gc.DEBUG_COLLECTABLE)

    with explain():
        leave_cycle()
    gc.set_debug(0)

    assert capfd.readouterr().err == ""


def test_explicit_collection_inside():
    """Garbage that the block itself collects is told; the block sees nothing of it."""
    with explain() as e:
        ref = leave_cycle()
        collected = gc.collect()
        assert gc.garbage == []
        assert gc.get_debug() == 0
        assert ref() is None

    assert collected >= 1
    assert objects_in(e)["Node"] == 1


def test_explicit_collection_of_a_program_that_saves_garbage(flags):
    """Who saves all garbage himself keeps what his own collections have found."""
    flags(gc.DEBUG_SAVEALL)

    with explain() as e:
        leave_cycle()
        gc.collect()

    assert [type(each) for each in gc.garbage if type(each) is Node] == [Node]
    assert objects_in(e)["Node"] == 1


def test_flags_that_a_finalizer_sets_stay(flags):
    """Flags that other code sets in the middle of a collection are that code's choice."""

    class Setting(Node):
        def __del__(self):
            gc.set_debug(gc.DEBUG_UNCOLLECTABLE)

    with explain():
        Setting()
        gc.collect()
        found = gc.get_debug()

    assert found == gc.DEBUG_UNCOLLECTABLE
    assert gc.get_debug() == gc.DEBUG_UNCOLLECTABLE


def test_finalizers_run_once_and_everything_is_freed():
    """Saved garbage is finalized, its weak references are told, and it is gone in the end."""
    Finalized.finalized = 0
    told = []

    with explain() as e:
        refs = [weakref.ref(Finalized(), told.append) for _ in range(10)]

    assert Finalized.finalized == 10
    assert len(told) == 10
    assert not any(ref() for ref in refs)
    assert not [each for each in gc.get_objects() if type(each) is Finalized]
    assert objects_in(e)["Finalized"] == 10


def test_garbage_of_finalizers_is_told():
    """Cycles that only a finalizer leaves behind are found, too."""

    class Leaving(Node):
        def __del__(self):
            leave_cycle()

    with explain() as e:
        Leaving()

    told = objects_in(e)
    assert told["Node"] == 1
    assert any(name.endswith("Leaving") for name in told)


def test_resurrected_objects_are_no_garbage():
    """What a finalizer makes reachable again is not told of, and stays."""
    kept = []

    class Rising(Node):
        def __del__(self):
            kept.append(self)

    with explain() as e:
        Rising()

    assert len(kept) == 1
    assert not any(name.endswith("Rising") for name in objects_in(e))


@tells_the_heap
def test_cycles_that_finalizers_cut():
    """A suspended generator is closed by its collection: its cycle is gone before a look at it."""

    def holding(_data):
        me = yield
        yield me

    with explain() as e:
        for _ in range(10):
            generator = holding(bytearray(2**20))
            next(generator)
            generator.send(generator)
        del generator

    assert e.answer.startswith("No cycles left: finalizers")
    assert "10.0 MiB was freed" in e.answer
    assert "cut by finalizers meanwhile" in str(e)


def test_automatic_collection_is_held_back():
    """Nothing is collected inside, and thresholds are as found afterwards."""
    before = gc.get_threshold()
    runs = [each["collections"] for each in gc.get_stats()]

    with explain():
        started = [each["collections"] for each in gc.get_stats()]
        cells = [[each] for each in range(10_000)]
        assert [each["collections"] for each in gc.get_stats()] == started

    assert len(cells) == 10_000
    assert started != runs
    assert gc.get_threshold() == before


def test_batch_inside():
    """What a batch inside collects is told."""
    with explain() as e, gcwise.batch(policy=gcwise.Policy.always()) as scope:
        refs = [leave_cycle() for _ in range(100)]

    assert scope.decision.collection.collected >= 100
    assert not any(ref() for ref in refs)
    assert objects_in(e)["Node"] == 100


def test_inside_a_batch():
    """A batch around it goes on as if nothing had been."""
    with gcwise.batch("around"):
        held = gc.get_threshold()
        with explain() as e:
            leave_cycle()
        assert gc.get_threshold() == held

    assert objects_in(e)["Node"] == 1


def test_nested():
    """Both blocks tell of what the inner one found, and it is gone after the outer one."""
    with explain() as outer:
        first = leave_cycle()
        with explain() as inner:
            second = leave_cycle()
        assert objects_in(inner)["Node"] == 1

    assert first() is None
    assert second() is None
    assert objects_in(outer)["Node"] == 2
    assert not [each for each in gc.get_objects() if type(each) is Node]


@tells_the_heap
def test_nested_figures():
    """What the outer block keeps until its end is not taken for live by the inner one."""
    with explain() as outer, explain() as inner:
        ref = leave_cycle(bytearray(20 * 2**20))

    assert ref() is None
    assert inner.cyclic.bytes > 20 * 2**20
    for each in inner, outer:
        assert each.live < 2**20
    # See the docstring of explain().
    assert (outer.cyclic.bytes > 20 * 2**20) == (sys.version_info < (3, 14))


def test_overlapping_threads():
    """Blocks of several threads may overlap in any order."""
    begun, go_on = threading.Event(), threading.Event()
    told = []

    def other():
        with explain() as e:
            leave_cycle()
            begun.set()
            assert go_on.wait(10)
        told.append(e)

    thread = threading.Thread(target=other)
    with explain() as e:
        thread.start()
        assert begun.wait(10)
    go_on.set()
    thread.join()

    assert objects_in(e)["Node"] == 1
    assert objects_in(told[0])["Node"] == 1
    assert not [each for each in gc.get_objects() if type(each) is Node]


def test_inside_a_collection():
    """Where another collection is under way nothing can be looked for, which is said."""
    told = []

    class Asking(Node):
        def __del__(self):
            with explain() as e:
                leave_cycle()
            told.append(e)

    Asking()
    gc.collect()

    assert told[0].complete is False
    assert told[0].answer.startswith("Another collection was under way")
    gc.collect()


def test_begun_in_the_middle_of_a_collection():
    """A block that a finalizer begins sees the end of a collection whose start it has not seen."""
    e = explain()

    class Beginning(Node):
        def __del__(self):
            e.__enter__()

    Beginning()
    gc.collect()
    leave_cycle()
    e.__exit__(None, None, None)

    assert objects_in(e) == {"Node": 1, "dict": 1} or objects_in(e) == {"Node": 1}


def test_failing_size():
    """An object that cannot tell its size has the one that any object has."""

    class Odd(Node):
        def __sizeof__(self):
            raise ZeroDivisionError

    with explain() as e:
        Odd(Odd())

    assert sum(n for name, n in objects_in(e).items() if name.endswith("Odd")) == 2


def test_as_dict():
    """All of it can be written as JSON, with a path in one string."""
    with explain() as e:
        leave_cycle(bytearray(1000))

    told = json.loads(json.dumps(e.as_dict()))

    assert told["answer"] == e.answer
    assert told["cyclic"]["objects"] == e.cyclic.objects
    assert told["cyclic"]["types"][0]["type"] == "bytearray"
    group = told["cyclic"]["groups"][0]
    assert group["path"] == "Node.me -> Node"
    assert group["circle"]["steps"] == [{"holder": "Node", "via": ".me"}]
    assert group["circle"]["advice"]["kind"] == "attribute"
    assert told["resident"] == list(e.as_dict()["resident"])


@pytest.mark.filterwarnings("ignore:.* deprecated - use:DeprecationWarning")
def test_graph():
    """The graph has the circle's objects as nodes and its references as edges."""
    pydot = pytest.importorskip("pydot", reason="pydot is not installed")
    with explain() as e:
        node = Node()
        node.text = {'"quoted"\\': [node]}
        del node.me
        del node

    (graph,) = pydot.graph_from_dot_data(e.to_dot())

    (cluster,) = graph.get_subgraphs()
    labels = [node.get_label() for node in cluster.get_nodes()]
    assert labels == ['"Node"', '"dict"', '"list"']
    edges = [(edge.get_source(), edge.get_destination()) for edge in cluster.get_edges()]
    assert edges == [("n0_0", "n0_1"), ("n0_1", "n0_2"), ("n0_2", "n0_0")]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it():
    """Graphviz itself takes the graph, whatever is in a name."""
    with explain() as e:
        node = Node()
        node.text = {'"quoted"\\\n': [node]}
        del node

    command = ["dot", "-Tsvg"]
    done = subprocess.run(command, input=e.to_dot(), check=True, capture_output=True, text=True)

    assert done.stdout.count('class="node"') >= 1
    assert done.stderr == ""


def test_nothing_to_draw():
    """Without cycles the graph is empty, and still one."""
    with explain() as e:
        pass

    assert e.to_dot().startswith("digraph cycles {")
    assert "->" not in e.to_dot()


def test_asked_too_early():
    """Inside the block there is nothing to tell yet, which is said."""
    with explain() as e, pytest.raises(RuntimeError, match="tells after the end of its block"):
        str(e)


def test_entered_twice():
    """One explanation serves for one block."""
    with explain() as e:
        pass

    with pytest.raises(RuntimeError, match="already been entered"), e:
        pass


def test_left_before_it_was_entered():
    """A block's end without its begin is refused, and spoils no block."""
    found, e = gc.get_threshold(), explain()

    with pytest.raises(RuntimeError, match=r"this explain\(\) has not been entered; open a block"):
        e.__exit__(None, None, None)

    assert gc.get_threshold() == found
    with e:
        pass
    assert e.complete


def test_interpreter_that_cannot_save_garbage(monkeypatch):
    """Where garbage cannot be saved, a clear error says so."""
    monkeypatch.delattr(gc, "DEBUG_SAVEALL")

    with pytest.raises(RuntimeError, match="DEBUG_SAVEALL"):
        explain()


def test_interrupted_at_its_begin(monkeypatch):
    """What interrupts the block's begin leaves everything as found."""

    def interrupted():
        raise KeyboardInterrupt

    thresholds = real.get_threshold()
    monkeypatch.setattr(block, "read", interrupted)

    with pytest.raises(KeyboardInterrupt), Explanation():
        pass

    assert real.get_threshold() == thresholds
    assert saved.saved.wanted == {}


def test_interrupted_at_its_end(monkeypatch):
    """What interrupts the look at garbage leaves everything as found, and frees it."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(block, "examine", interrupted)
    refs = []

    with pytest.raises(KeyboardInterrupt), explain():
        refs.append(leave_cycle())

    assert refs[0]() is None
    assert saved.saved.wanted == {}
    assert not [each for each in gc.get_objects() if type(each) is Node]


def test_deep_garbage():
    """Garbage of any depth is looked through; a circle too long to tell is told in part."""

    def ring(length):
        first = last = Node()
        for _ in range(length - 1):
            last.me = last = Node()
        last.me = first

    with explain() as e:
        ring(30_000)

    (group,) = e.cyclic.groups
    assert objects_in(e)["Node"] == 30_000
    assert group.objects >= 30_000
    assert str(group.circle) == " -> ".join(["Node.me"] * 4 + ["...", "Node"])
    assert e.to_dot().count(" -> ") == 5


def test_long_way_around():
    """Of a way of many steps the first and the last are told."""
    with explain() as e:
        chain = last = Node()
        for _ in range(20):
            last.me = last = Node()
        last.me = chain
        del chain, last

    (group,) = e.cyclic.groups
    assert str(group.circle) == " -> ".join(["Node.me"] * 4 + ["..."] + ["Node.me"] * 4 + ["Node"])
    assert e.to_dot().count(" -> ") == 9


def test_deep_garbage_with_a_dead_end():
    """A way into a part that is left only by where one came from is told as far as it goes."""

    def ring(length):
        first = last = []
        for number in range(length - 1):
            ahead = []
            last.append(ahead)
            if number == 1:
                last.append([last])
            last = ahead
        last.append(first)

    with explain() as e:
        ring(30_000)

    (group,) = e.cyclic.groups
    assert group.objects == 30_001
    assert group.circle.gap == 2
    assert str(group.circle) == "list[0] -> list[1] -> ... -> list"


def test_very_much_that_hangs_from_cycles():
    """What hangs from which cycle is not told any more where there is very much of it."""

    def leave():
        numbers = list(map(float, range(150_000)))
        numbers.append(numbers)

    with explain() as e:
        leave()

    assert e.cyclic.held == 150_000
    assert e.cyclic.groups[0].holding is None
    assert "that only these kept alive" not in str(e)


def test_more_types_than_are_told():
    """The rarest types are summed up in one line."""
    with explain() as e:
        kinds = [type(f"Kind{number}", (Node,), {}) for number in range(12)]
        for kind in kinds:
            kind()
        del kind, kinds

    assert "more types" in str(e)
    assert len(e.cyclic.types) > 12


def test_trace_without_objects_of_ours():
    """What was saved is told of in words only: the explanation itself holds nothing."""
    with explain() as e:
        ref = leave_cycle()

    assert ref() is None
    assert not [each for each in gc.get_referents(e._account) if type(each) is Node]
    assert e._found == []
