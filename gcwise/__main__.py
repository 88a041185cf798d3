"""`python -m gcwise demo`: the same real job under four policies, measured."""

from __future__ import annotations

import argparse
import json
from typing import Any

from gcwise._demo import measure


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gcwise", description="Collect cyclic garbage when it is worth it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="parse the standard library under four policies, and compare"
    )
    demo.add_argument("--json", action="store_true", help="print the figures for programs")
    show_demo(as_json=parser.parse_args(argv).json)


def show_demo(*, as_json: bool) -> None:
    """Measure the job under four policies, and print what each took and what gcwise said."""
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
    lines = ["policy        CPU s  mean MiB  peak MiB  collections  longest ms"]
    lines += [
        f"{r['policy']:<12} {r['cpu_s']:6.2f} {r['mean_mib']:9.1f} {r['peak_mib']:9.1f}"
        f" {r['collections']:12,} {r['longest_s'] * 1e3:11.1f}"
        for r in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
