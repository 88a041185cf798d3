"""Check what was asked for, and become the program that is to be watched."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import zipimport
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from importlib.machinery import ModuleSpec

__all__ = ["Refused", "environment", "launch", "split"]

INSIDE = Path(__file__).parent / "inside"
FORMATS = (".svg", ".png", ".pdf")
# Options of ours that take a value.
VALUED = ("--json", "--plot")


class Refused(Exception):  # noqa: N818  # Nothing has failed.
    """What was asked for cannot be done; says why in one line."""


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part our own options from the program, and what follows it, which is the program's."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] != "-m":
        at += 2 if arguments[at] in VALUED else 1
    return arguments[:at], arguments[at:]


def launch(options: argparse.Namespace, program: list[str]) -> None:
    """Become the program, under observation; on Windows, run it.

    Args:
        options: With `json` and `plot`, paths or None.
        program: The script or `-m` and a module, and its arguments.

    Raises:
        Refused: The program cannot be run or watched, or a file not be written.
    """
    check_interpreter()
    for option, path in (("--json", options.json), ("--plot", options.plot)):
        if path == "":
            raise Refused(f"{option}: a file's name is missing")
    config = {
        "own": check_program(program),
        "json": options.json,
        "plot": options.plot,
        "path": [path or str(Path.cwd()) for path in sys.path],
    }
    if options.plot is not None:
        check_plot(options.plot)
        config["plot"] = str(Path(options.plot).absolute())
    if options.json not in (None, "-"):
        check_writable("--json", options.json)
        config["json"] = str(Path(options.json).absolute())
    become([*interpreter_flags(), *program], environment(json.dumps(config)))


def become(arguments: list[str], variables: dict[str, str]) -> None:
    """Replace this process by Python with these arguments."""
    command = [sys.orig_argv[0], *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # pragma: no cover  # There a process cannot become another.
        sys.exit(
            subprocess.run(  # noqa: S603
                [sys.executable, *arguments], env=variables, check=False
            ).returncode
        )
    os.execve(sys.executable, command, variables)  # noqa: S606


def environment(config: str) -> dict[str, str]:
    """Return the environment in which Python runs the recorder before the program."""
    variables = {**os.environ, "GCWISE_WATCH": config}
    path = os.environ.get("PYTHONPATH")
    if path is not None:
        variables["GCWISE_WATCH_PYTHONPATH"] = path
    variables["PYTHONPATH"] = f"{INSIDE}{os.pathsep}{path}" if path else str(INSIDE)
    return variables


def interpreter_flags() -> list[str]:
    """Return what stood between Python and `-m gcwise` on the command line."""
    ours = len(sys.argv) - 1
    given = sys.orig_argv[1 : len(sys.orig_argv) - ours]
    # Spelled -m gcwise, -mgcwise, or with other flags before the m, as in -Bm gcwise.
    last = given.pop()
    if last == "gcwise":
        last = given.pop() + last
    flags = last.removesuffix("mgcwise")
    return [*given, flags] if flags.strip("-") else given


def check_interpreter() -> None:
    """Refuse an interpreter that tells nothing of collections, or runs nothing beforehand."""
    if not hasattr(gc, "callbacks"):
        raise Refused(
            f"{sys.implementation.name} has no gc.callbacks: its collections cannot be watched"
        )
    flags = sys.flags
    for name, is_set in (
        ("-I", flags.isolated),
        ("-E", flags.ignore_environment),
        ("-S", flags.no_site),
    ):
        if is_set:
            raise Refused(f"nothing can be run before the program under python {name}")


def check_program(program: list[str]) -> str:
    """Refuse a script or module that is not there; return its file or folder."""
    if not program or program == ["-m"]:
        raise Refused("which program? watch takes a script, or -m and a module, and its arguments")
    if program[0] == "-m":
        return check_module(program[1])
    check_script(Path(program[0]))
    return str(Path(program[0]).absolute())


def check_script(path: Path) -> None:
    """Refuse what Python would not run."""
    if path.is_dir():
        if not (path / "__main__.py").is_file() and not (path / "__main__.pyc").is_file():
            raise Refused(f"no __main__.py in the folder {path}")
        return
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise Refused(f"cannot read the script {path}: {error.strerror}") from None
    try:
        archive = zipimport.zipimporter(str(path))
    except zipimport.ZipImportError:
        return
    if archive.find_spec("__main__") is None:
        raise Refused(f"no __main__.py in the archive {path}")


def check_module(name: str) -> str:
    """Refuse a module that cannot be run; nothing is imported to find out.

    Returns:
        The folder of the outermost package, or the module's file.
    """
    top, *others = name.split(".")
    spec = first = located(top, None)
    path = top
    for other in others:
        path = f"{path}.{other}"
        spec = located(path, spec)
    if spec.submodule_search_locations is not None:
        located(f"{name}.__main__", spec)
    return str(next(iter(first.submodule_search_locations or ()), first.origin))


def located(name: str, package: ModuleSpec | None) -> ModuleSpec:
    """Find a module, in a package or by itself."""
    spec = None
    try:
        if package is None:
            spec = find_spec(name)
        elif package.submodule_search_locations is not None:
            spec = PathFinder.find_spec(name, package.submodule_search_locations)
    except (ImportError, ValueError):
        pass
    if spec is None:
        raise Refused(f"no module named {name}")
    return spec


def check_plot(path: str) -> None:
    """Refuse a plot that could not be drawn or written."""
    if find_spec("matplotlib") is None:
        raise Refused("--plot needs matplotlib: python -m pip install 'gcwise[plot]'")
    if Path(path).suffix.lower() not in FORMATS:
        raise Refused(f"--plot {path}: the name must end in {', '.join(FORMATS)}")
    check_writable("--plot", path)


def check_writable(option: str, path: str) -> None:
    """Refuse a file that cannot be written; one that is not there is not left there either."""
    existed = os.path.lexists(path)
    try:
        with Path(path).open("ab"):
            pass
    except OSError as error:
        raise Refused(f"{option}: cannot write {path}: {error.strerror}") from None
    if not existed:
        Path(path).unlink()
