"""Scripts in processes of their own, which must end well, say nothing and leave gc as it was."""

import subprocess
import sys
import textwrap
from pathlib import Path

# Seconds after which a script that hangs is killed.
LIMIT = 60
ROOT = Path(__file__).parents[2]

BEGIN = """
import gc
import gcwise
from gcwise._collector import collector

def settings():
    return gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(gc.callbacks)

def as_found(before=settings()):
    assert settings() == before, f"{settings()} instead of {before}"
    assert not any(collector.window._open), "a window is open"

class Cycle:
    def __init__(self):
        self.me = self

def cycles(number=20_000):
    for _ in range(number):
        Cycle()

def runs():
    return [generation["collections"] for generation in gc.get_stats()]

"""
END = "\nas_found()\n"


def run(script, *options, code=0, begin=BEGIN, end=END):
    """Run a script in a child process that must end with `code` and an empty stderr."""
    text = begin + textwrap.dedent(script) + end
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", text],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (code, ""), done.stderr
    return done.stdout
