"""The paths around cycles as a graph, in Graphviz's language."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gcwise._explain.cycles import Group
    from gcwise._explain.paths import Circle

__all__ = ["dot_of"]


def dot_of(groups: tuple[Group, ...]) -> str:
    """Return a graph of the groups' paths: objects as nodes, references as edges."""
    return "\n".join(_lines(groups)) + "\n"


def _lines(groups: tuple[Group, ...]) -> Iterator[str]:
    yield "digraph cycles {"
    yield "  node [shape=box, fontname=monospace];"
    yield "  edge [fontname=monospace];"
    for number, group in enumerate(groups):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(f'{group.groups:,} x, {group.objects:,} objects')};"
        yield from _circle(f"n{number}_", group.circle)
        yield "  }"
    yield "}"


def _circle(prefix: str, circle: Circle) -> Iterator[str]:
    steps = [(step.holder, step.via.strip()) for step in circle.steps]
    if circle.gap is not None:
        steps.insert(circle.gap, ("...", ""))
    for at, (holder, _) in enumerate(steps):
        yield f"    {prefix}{at} [label={_quoted(holder)}];"
    for at, (_, via) in enumerate(steps):
        yield f"    {prefix}{at} -> {prefix}{(at + 1) % len(steps)} [label={_quoted(via)}];"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
