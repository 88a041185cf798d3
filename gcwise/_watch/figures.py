"""Everything that was found, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gcwise._watch.advice import advice
from gcwise._watch.attribution import callers, longest
from gcwise._watch.run import total

if TYPE_CHECKING:
    from gcwise._watch.run import Run

__all__ = ["as_dict"]


def as_dict(run: Run) -> dict[str, Any]:
    """Return all figures in types that JSON knows; seconds, bytes, objects."""
    data = run.data
    first, last, _ = data["memory"]
    tracked, looked_at, types = data["objects"]
    return {
        "program": data["arguments"],
        "python": data["version"],
        "elapsed_s": run.elapsed,
        "cpu_s": run.cpu,
        "memory": {"start": first, "end": last, "peak": run.peak},
        "memory_samples": [[round(at, 6), resident] for at, resident in run.memory()],
        "totals": [
            {
                "explicit": explicit,
                "generation": generation,
                **total(run.of(explicit=explicit, generation=generation))._asdict(),
            }
            for explicit in (False, True)
            for generation in (0, 1, 2)
        ],
        "longest": [
            {
                **each._asdict(),
                "interrupted": place and place._asdict(),
                "own_function": own and own._asdict(),
            }
            for each, place, own in longest(run)
        ],
        "callers": [
            {"place": each.place._asdict(), **each.total._asdict()} for each in callers(run)
        ],
        "advice": advice(run),
        "settings": {
            "enabled": data["enabled"],
            "thresholds": data["thresholds"],
            "counts": data["counts"],
        },
        "objects": {
            "tracked": tracked,
            "looked_at": looked_at,
            "types": dict(types),
            "garbage": data["garbage"],
        },
        "stats": data["stats"],
        "observer_removed": not data["present"],
        "forks": data["forks"],
        "collections": [each._asdict() for each in run.collections],
    }
