"""Running programs with and without the watch."""

import os
import subprocess
import sys
from pathlib import Path

import gcwise

ROOT = Path(gcwise.__file__).parent.parent
WATCH = ("-m", "gcwise", "watch")
# Where the report begins.
REPORT = "gcwise watched "


def run(*arguments, flags=(), cwd=None, env=None, stdin="", **more):
    """Run Python, and return what it printed and how it ended."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = {**os.environ, "PYTHONPATH": path, **(env or {})}
    return subprocess.run(
        [sys.executable, *flags, *map(str, arguments)],
        cwd=cwd,
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


def watched(*arguments, flags=(), options=(), **more):
    """Run a program under the watch."""
    return run(*WATCH, *options, *arguments, flags=flags, **more)


def parted(done):
    """Return what a watched program did, and the report on it."""
    own, mark, report = done.stderr.partition(REPORT)
    return (done.returncode, done.stdout, own), mark + report
