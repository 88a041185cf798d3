"""The soak runs, briefly here, and a failure in it does not go unnoticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gcwise

ROOT = os.fspath(Path(gcwise.__file__).parent.parent)
SECONDS, SEED = "7", "20"
# What must have happened in it, whatever the machine's speed.
HAPPENED = [
    "decisions",
    "explicit collections of generation 0",
    "forks",
    "tasks",
    "cancellations",
    "async exceptions",
    "exceptions",
    "callbacks that raised",
    "sensors that failed",
    "finalizers",
    "signals",
    "sites",
]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the soak forks")


def run(script, *arguments):
    """Run a script of `tests.soak` in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "PYTHONPATH": ROOT},
    )


def test_a_few_seconds():
    """All kinds of faults happen in it, and nothing fails."""
    script = "import sys; from tests import soak; sys.exit(soak.main())"
    done = run(script, "--seconds", SECONDS, "--seed", SEED)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines()[1:-3])
    counts = {name: int(count.replace(",", "")) for name, count in counts.items()}
    assert all(counts[name] > 0 for name in HAPPENED), counts
    assert done.stdout.endswith("failures: 0\n")


@pytest.mark.parametrize(
    "broken", ["MOST_OBJECTS = -(10**9)", "open_windows = lambda: 1", "generate = None"]
)
def test_a_failure(broken):
    """Whether a check fails or a worker does, the exit code and the seed tell of it."""
    script = f"import sys; from tests import soak; soak.{broken}; sys.exit(soak.main())"
    done = run(script, "--seconds", "1", "--seed", SEED)
    assert done.returncode == 1, done.stdout
    assert f"--seed {SEED}" in done.stdout
    assert "failures: 0" not in done.stdout
