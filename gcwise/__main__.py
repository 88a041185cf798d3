"""`python -m gcwise demo`: the same real job under four policies, measured.

`python -m gcwise watch`: any program under observation, and what its collections were worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NoReturn

from gcwise._watch.launch import Refused, launch, split


class Parser(argparse.ArgumentParser):
    """Refuses what it does not understand in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read more."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: list[str] | None = None) -> None:
    """Run the command that the arguments name; by default those of the process."""
    given = sys.argv[1:] if argv is None else argv
    program: list[str] = []
    if given[:1] == ["watch"]:
        own, program = split(given[1:])
        given = ["watch", *own]
    parser = Parser(
        prog="python -m gcwise", description="Collect cyclic garbage when it is worth it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="parse the standard library under four policies, and compare"
    )
    demo.add_argument("--json", action="store_true", help="print the figures for programs")
    watch = commands.add_parser(
        "watch",
        allow_abbrev=False,
        usage="%(prog)s [--json FILE] [--plot FILE] (script | -m module) [arguments]",
        help="run a program, and say what its collections were worth",
    )
    watch.add_argument(
        "--json", metavar="FILE", help="write all figures there; - is standard output"
    )
    watch.add_argument("--plot", metavar="FILE", help="draw memory and collections over time there")
    options = parser.parse_args(given)
    if options.command == "demo":
        show_demo(as_json=options.json)
        return
    try:
        launch(options, program)
    except Refused as error:
        print(f"{watch.prog}: {error}", file=sys.stderr)
        sys.exit(2)


def show_demo(*, as_json: bool) -> None:
    """Measure the job under four policies, and print what each took and what gcwise said."""
    # It imports much, and a process that becomes a watched program hands its CPU time down.
    from gcwise._demo import measure  # noqa: PLC0415

    results = measure()
    sentences = [sentence for result in results for sentence in result.pop("sentences")]
    if as_json:
        print(json.dumps({"results": results}, indent=2))
        return
    print(table(results))
    print("\nWhat gcwise said at its first batches and at the last:")
    for sentence in sentences:
        print(f"  {sentence}")


def table(results: list[dict[str, Any]]) -> str:
    """Return what each policy took, a line each."""
    lines = ["policy        CPU s  mean MiB  peak MiB  collections  longest ms"]
    lines += [
        f"{r['policy']:<12} {r['cpu_s']:6.2f} {r['mean_mib']:9.1f} {r['peak_mib']:9.1f}"
        f" {r['collections']:12,} {r['longest_s'] * 1e3:11.1f}"
        for r in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
