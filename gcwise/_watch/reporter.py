"""Print what the recorder has found, write it for programs, and draw it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcwise._watch.figures import as_dict
from gcwise._watch.run import Run
from gcwise._watch.table import text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["report"]


def report(data: dict[str, Any], config: dict[str, Any]) -> None:
    """Report on a program's run, as the command line wanted it.

    Args:
        data: What the recorder has found.
        config: With `own`, the program's file or folder; `json` and `plot`, files or None.
    """
    run, figures, plot = Run(data, config["own"]), config["json"], config["plot"]
    say(text(run))
    if figures == "-":
        print(json.dumps(as_dict(run)))
    elif figures is not None:
        write("figures", figures, lambda: dump(run, figures))
    if plot is not None:
        # Imported only by who wants a plot: matplotlib is an extra.
        from gcwise._watch.plot import draw  # noqa: PLC0415

        write("plot", plot, lambda: draw(run, plot))


def write(name: str, path: str, action: Callable[[], None]) -> None:
    """Write a file, and say where it is or why it is not."""
    try:
        action()
    except OSError as error:
        say(f"gcwise watch: cannot write {path}: {error.strerror}\n")
    else:
        say(f"{name}: {path}\n")


def say(message: str) -> None:
    """Print on standard error, unless the program has closed it."""
    if sys.stderr is not None:
        sys.stderr.write(message)


def dump(run: Run, path: str) -> None:
    """Write all figures."""
    Path(path).write_text(json.dumps(as_dict(run)) + "\n", encoding="utf-8")
