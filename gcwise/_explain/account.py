"""Where memory went: four figures, what the garbage among it was, and the words for it."""

from __future__ import annotations

import textwrap

from gcwise._record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gcwise._explain.cycles import Findings, Group

__all__ = ["Account"]

# Other threads and the interpreter's own caches change as much at any time.
NOISE = 64 * 1024
TYPES_TOLD, GROUPS_TOLD = 8, 3
WIDTH = 100
KEPT_UNKNOWN = "unknown, and the rest is rough (psutil 7.2 or later tells, on some systems)"
BUSY = (
    "Another collection was under way at the end of the block: cyclic garbage could not be "
    "looked for."
)
UNCHANGED = (
    "No cycles, and as much memory in use as before: reference counting had done it all, or what "
    "was let go of is still referenced elsewhere."
)
FINALIZED = (
    "No cycles left: finalizers (__del__, generators that were closed) cut them in the collection, "
    "and {} was freed."
)
FEW = "Reference counting freed {} at once; the rest was cyclic garbage: {}, freed by collecting."
DONE = "No cycles, reference counting had done it all: it freed {} at once."
KEPT = " The allocator keeps {} for reuse, of which gcwise.trim() gives back what it can."
LIVE = "No cycles, nothing to collect: {} more in use than before, all of it still referenced."


class Account(NamedTuple):
    """Where the memory of a block went.

    Attributes:
        freed_at_once: Bytes by which memory in use fell within the block, by reference counting.
        cyclic: The cyclic garbage that was found, and freed by collecting.
        finalized: Bytes of cyclic garbage of which there was nothing left to look at, since
            finalizers had cut the cycles.
        kept: Bytes of what was freed that the allocator keeps, or None where that is unknown.
        live: Bytes in use more than before the block.
        resident: Resident memory in bytes, before and after.
        complete: False if no collection could be run.
        holders: Who is known to keep things alive on purpose, in words.
    """

    freed_at_once: int
    cyclic: Findings
    finalized: int
    kept: int | None
    live: int
    resident: tuple[int, int]
    complete: bool
    holders: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The most important of it in a sentence."""
        if not self.complete:
            return BUSY
        told = self._of_cycles() if self.cyclic.objects else self._of_none()
        freed = self.freed_at_once + self.finalized + self.cyclic.bytes
        kept = self.kept or 0
        return told + KEPT.format(_size(kept)) if kept > max(freed / 2, NOISE) else told

    def _of_cycles(self) -> str:
        found, freed = self.cyclic, self.freed_at_once
        garbage = f"{_size(found.bytes)} in {_objects(found.objects + found.held)}"
        if freed > max(found.bytes, NOISE):
            return FEW.format(_size(freed), garbage)
        return f"Cyclic garbage: {garbage}, which only a collection could free."

    def _of_none(self) -> str:
        if self.finalized > NOISE:
            return FINALIZED.format(_size(self.finalized))
        if self.freed_at_once > NOISE:
            return DONE.format(_size(self.freed_at_once))
        return LIVE.format(_size(self.live)) if self.live > NOISE else UNCHANGED

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from textwrap.wrap(self.answer, WIDTH)
        yield from self.holders
        yield from _table(self._figures())
        if self.cyclic.types:
            yield ""
            yield from _types(self.cyclic)
        for group in self.cyclic.groups[:GROUPS_TOLD]:
            yield ""
            yield from _group(group)

    def _figures(self) -> Iterator[tuple[str, str]]:
        found = self.cyclic
        before, after = map(_size, self.resident)
        yield "freed at once by reference counting", _size(self.freed_at_once)
        yield "cyclic garbage, freed by collecting", _size(found.bytes)
        if self.finalized > NOISE:
            yield "cut by finalizers meanwhile", _size(self.finalized)
        yield (
            "kept by the allocator for reuse",
            KEPT_UNKNOWN if self.kept is None else _size(self.kept),
        )
        yield "still live, more than before", _size(self.live)
        yield "resident memory", f"{before} before, {after} after"

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as dicts, lists, strings, numbers, booleans and None."""
        plain: dict[str, Any] = _plain(self)
        for group, told in zip(self.cyclic.groups, plain["cyclic"]["groups"], strict=True):
            told["path"] = str(group.circle)
        return {"answer": self.answer, **plain}


def _plain(value: Any) -> Any:
    fields = getattr(value, "_fields", None)
    if fields is not None:
        return {field: _plain(getattr(value, field)) for field in fields}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _table(rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    return (f"  {name:<36} {value}" for name, value in rows)


def _types(found: Findings) -> Iterator[str]:
    told, rest = found.types[:TYPES_TOLD], found.types[TYPES_TOLD:]
    rows = [(each.type, each.objects, each.bytes) for each in told]
    if rest:
        objects, size = (sum(numbers) for numbers in zip(*(each[1:] for each in rest), strict=True))
        rows.append((f"{len(rest)} more type{'s'[: len(rest) > 1]}", objects, size))
    width = max(26, *(len(name) for name, _, _ in rows))
    yield f"  {'garbage by type':<{width}} {'objects':>11} {'bytes':>15}"
    for name, objects, size in rows:
        yield f"  {name:<{width}} {objects:>11,} {size:>15,}"


def _group(group: Group) -> Iterator[str]:
    number = "A cycle" if group.groups == 1 else f"{group.groups:,} cycles of this kind"
    held = f", and {_size(group.holding)} that only these kept alive" if group.holding else ""
    yield f"{number}: {_objects(group.objects)}, {_size(group.bytes)}{held}"
    yield from _wrapped(str(group.circle))
    for place in group.circle.places:
        yield from _wrapped(place)
    yield from _wrapped(f"To cut it: {group.circle.advice.words}.")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _objects(number: int) -> str:
    return f"{number:,} object{'' if number == 1 else 's'}"


def _size(number: int) -> str:
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if number >= 2**power:
            return f"{number / 2**power:,.1f} {unit}"
    return f"{number} B"
