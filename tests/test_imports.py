"""Imports point downwards only, and none hides inside a function."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import gcwise

ROOT = Path(gcwise.__file__).parent
# By their names inside the package, with dots for those of its packages.
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
)
# These run in a watched program, without the rest of gcwise, and find each other by these names.
INSIDE = {name.rpartition(".")[2] for name in MODULES if name.startswith("_watch.inside.")}

# What each module may import of gcwise at run time. Each stands below those that import it.
TABLE = {
    "_checks": set(),
    "_record": set(),
    "_decorate": {"_checks"},
    "_limits": set(),
    "_memory": {"_record"},
    "_trim": {"_memory"},
    "_runtime": {"_limits", "_trim"},
    "_collection": {"_record"},
    "_decision": {"_record"},
    "_policy": {"_checks", "_decision", "_record"},
    "_naming": {"_checks", "_policy"},
    "_site": {"_policy"},
    "_quiet": {"_policy", "_prices", "_record"},
    "_prices": {"_policy", "_record", "_site"},
    "_ledger": {"_policy", "_prices", "_site"},
    "_nursery": {"_ledger", "_policy", "_quiet", "_runtime", "_site"},
    "_window": {"_nursery"},
    "_books": {"_ledger"},
    "_trimmer": set(),
    "_history": set(),
    "_collector": {
        *("_books", "_collection", "_decision", "_history", "_policy", "_quiet"),
        *("_runtime", "_site", "_trimmer", "_window"),
    },
    "_config": {"_checks", "_collector", "_policy"},
    "_scope": {
        *("_checks", "_collector", "_decision", "_decorate", "_naming", "_window"),
        "instrumentation._hooks",
    },
    "_question": {"_collector", "_decision", "_naming", "instrumentation._hooks"},
    "_startup": {
        *("_collector", "_policy", "_runtime", "_scope"),
        "instrumentation._logging",
    },
    "_intercept": {"_collector", "_naming", "_question"},
    "_report": {"_collector", "_decision", "_history", "_record"},
    "__init__": {
        *("_collection", "_config", "_decision", "_intercept", "_policy", "_question"),
        *("_explain.__init__", "_report", "_scope", "_startup"),
        "_trim",
    },
    "_explain.__init__": {"_explain.block"},
    "_explain.names": {"_checks", "_record"},
    "_explain.places": {"_explain.names"},
    "_explain.advice": {"_explain.names", "_record"},
    "_explain.paths": {"_explain.advice", "_explain.names", "_explain.places", "_record"},
    "_explain.components": set(),
    "_explain.weights": set(),
    "_explain.cycles": {
        *("_explain.components", "_explain.names", "_explain.paths", "_explain.weights"),
        "_record",
    },
    "_explain.account": {"_record"},
    "_explain.dot": set(),
    "_explain.saved": {"_collection", "_collector"},
    "_explain.block": {
        *("_explain.account", "_explain.advice", "_explain.cycles", "_explain.dot"),
        *("_collector", "_explain.saved", "_memory", "_window"),
    },
    "_demo": {"__init__"},
    "instrumentation._logging": {"_checks", "_decision"},
    "instrumentation._hooks": {
        *("_checks", "_collector", "_decision", "instrumentation._logging"),
    },
    "instrumentation._metrics": set(),
    "instrumentation._opentelemetry": {"_checks", "instrumentation._metrics"},
    "instrumentation._prometheus": {"_checks", "instrumentation._metrics"},
    "instrumentation._protocol": set(),
    "instrumentation.__init__": {"instrumentation._hooks", "instrumentation._logging"},
    "testing._forced": {"_checks", "_collector", "_policy"},
    "testing._recorded": {"instrumentation._hooks"},
    "testing._simulated": {"_checks", "_collector", "_history", "_quiet", "_runtime", "_window"},
    "testing._no_cycles": {"_checks", "_decorate", "_explain.__init__", "_explain.names"},
    "testing.__init__": {
        *("testing._forced", "testing._no_cycles", "testing._recorded", "testing._simulated"),
    },
    "_watch.__init__": set(),
    "_watch.run": set(),
    "_watch.attribution": {"_watch.run"},
    "_watch.advice": {"_watch.attribution", "_watch.run"},
    "_watch.table": {"_watch.advice", "_watch.attribution", "_watch.run"},
    "_watch.figures": {"_watch.advice", "_watch.attribution", "_watch.run"},
    "_watch.plot": {"_watch.run"},
    "_watch.reporter": {"_watch.figures", "_watch.plot", "_watch.run", "_watch.table"},
    "_watch.launch": set(),
    # Run in the watched program, by themselves; see INSIDE.
    "_watch.inside.gcwise_ending": set(),
    "_watch.inside.gcwise_signals": set(),
    "_watch.inside.gcwise_recorder": set(),
    "_watch.inside.sitecustomize": set(),
    "__main__": {"_demo", "_watch.launch"},
}
# And for type checkers only.
TYPES = {
    "_explain.__init__": {"_explain.block"},
    "_explain.account": {"_explain.cycles"},
    "_explain.advice": {"_explain.names"},
    "_explain.cycles": {"_explain.paths"},
    "_explain.dot": {"_explain.cycles", "_explain.paths"},
    "_explain.block": {"_explain.cycles"},
    "_books": {"_collection", "_runtime", "_site", "_window"},
    "_collection": {"_runtime"},
    "_collector": {"_collection"},
    "_decision": {"_collection"},
    "_question": {"_policy"},
    "_history": {"_collection", "_decision", "_runtime"},
    "_quiet": {"_decision", "_history", "_policy", "_runtime"},
    "_scope": {"_policy"},
    "_startup": {"_decision"},
    "_trimmer": {"_collection", "_runtime"},
    "_nursery": {"_runtime"},
    "_window": {"_runtime"},
    "instrumentation._hooks": {"_decision", "instrumentation._protocol"},
    "instrumentation._logging": {"_collection", "_decision"},
    "instrumentation._metrics": {"_decision"},
    "instrumentation._opentelemetry": {"_decision"},
    "instrumentation._prometheus": {"_decision"},
    "instrumentation._protocol": {"_decision"},
    "instrumentation.__init__": {
        *("instrumentation._opentelemetry", "instrumentation._prometheus"),
        "instrumentation._protocol",
    },
    "testing._recorded": {"__init__"},
    "_watch.figures": {"_watch.run"},
    "_watch.table": {"_watch.run"},
    "_watch.plot": {"_watch.run"},
}

# A function may import these for itself; see the comments there.
HIDDEN = {
    ("_explain.__init__", "gcwise._explain.block"),
    ("_decorate", "inspect"),
    ("_trim", "ctypes"),
    ("instrumentation.__init__", "gcwise.instrumentation._opentelemetry"),
    ("instrumentation.__init__", "gcwise.instrumentation._prometheus"),
    ("instrumentation.__init__", "gcwise.instrumentation._protocol"),
    ("instrumentation._logging", "logging"),
    ("instrumentation._opentelemetry", "opentelemetry"),
    ("instrumentation._prometheus", "prometheus_client"),
    ("__main__", "gcwise._demo"),
    ("_watch.reporter", "gcwise._watch.plot"),
    ("_watch.inside.gcwise_ending", "resource"),
    ("_watch.inside.gcwise_ending", "subprocess"),
    ("_watch.inside.sitecustomize", "sitecustomize"),
}
# Which PyPy does not list among its own.
C_MODULES = {"_functools"}
THIRD_PARTIES = {"psutil", "typing_extensions"}
# What only one module uses, when asked to.
EXTRAS = {
    "_watch.plot": {"matplotlib"},
    "instrumentation._opentelemetry": {"opentelemetry"},
    "instrumentation._prometheus": {"prometheus_client"},
}

modules = pytest.mark.parametrize("module", MODULES)


@functools.cache
def tree_of(module):
    """Parse a module, once, for nodes to be the same ones each time."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes):
    """Yield the full names of the modules that import statements among the nodes name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            yield node.module


def for_types(module):
    """Return all nodes under `if TYPE_CHECKING:`."""
    return {
        node
        for block in ast.walk(tree_of(module))
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }


def own(names):
    """Return the modules of gcwise among the names, by their short names."""
    own_names = [name for name in names if name.partition(".")[0] == "gcwise"]
    short = [name.partition(".")[2] or "__init__" for name in own_names]
    return {f"{name}.__init__" if f"{name}.__init__" in MODULES else name for name in short}


def at_run_time(module):
    """Return all nodes but those for type checkers."""
    types = for_types(module)
    return [node for node in ast.walk(tree_of(module)) if node not in types]


def test_every_module_has_its_place():
    """The table knows every module, and no other."""
    assert sorted(TABLE) == MODULES


@modules
def test_table(module):
    """A module imports what the table says, no more and no less."""
    assert own(imported(at_run_time(module))) == TABLE[module]


@modules
def test_types(module):
    """For type checkers alone a few more are imported, and those lie not above either."""
    assert own(imported(for_types(module))) == TYPES.get(module, set())


def test_downwards():
    """Following the imports never leads back: there is no ring, types included."""
    left = {name: TABLE[name] | TYPES.get(name, set()) for name in TABLE}
    while left:
        bottom = {name for name, above in left.items() if not above & left.keys()}
        assert bottom, f"these import each other in a ring: {sorted(left)}"
        left = {name: left[name] for name in left.keys() - bottom}


@modules
def test_nothing_hidden(module):
    """No import hides inside a function, but those with a reason."""
    hidden = {
        (module, name)
        for function in ast.walk(tree_of(module))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for name in imported(ast.walk(function))
    }

    assert hidden == {entry for entry in HIDDEN if entry[0] == module}


@modules
def test_third_parties(module):
    """Besides the standard library only the two dependencies are imported, and declared extras."""
    names = {name.partition(".")[0] for name in imported(ast.walk(tree_of(module)))}
    extras = EXTRAS.get(module, set()) | (INSIDE if module.startswith("_watch.inside.") else set())

    assert names <= sys.stdlib_module_names | C_MODULES | THIRD_PARTIES | {"gcwise"} | extras


def test_importing_is_cheap():
    """`import gcwise` brings none of the heavy modules that only some programs need."""
    script = (
        "import psutil, sys; before = set(sys.modules); import gcwise.instrumentation; "
        "print(*(sys.modules.keys() - before))"
    )
    command = [sys.executable, "-W", "error", "-c", script]

    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert {name for name in said if name.startswith("gcwise")} >= {"gcwise", "gcwise._scope"}
