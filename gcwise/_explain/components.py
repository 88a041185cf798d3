"""Groups of objects that all refer to one another, by way of others or directly."""

from __future__ import annotations

import gc
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["components"]

# No position of an object is as large.
DONE = 2**62


def components(  # noqa: C901, PLR0912  # A call for each object would take as long again.
    objects: list[Any], index: dict[int, int]
) -> list[list[int]]:
    """Return the positions of objects that form cycles, those of each group together.

    Strongly connected components, by Pearce's variant of Tarjan's algorithm, without recursion and
    with as much of the work as possible in C.
    """
    referents, position = gc.get_referents, index.get
    groups: list[list[int]] = []
    to_themselves: dict[int, None] = {}
    # In which order objects were met, lowered to the earliest that leads back to them.
    order = [0] * (len(index) + 1)
    waiting: list[int] = []
    counter = 0
    for root in range(1, len(order)):
        if order[root]:
            continue
        path: list[tuple[int, Any, int, int]] = []
        node, ahead, low, number = root, None, 0, 0
        while True:
            if ahead is None:
                counter += 1
                order[node] = low = number = counter
                ahead = filter(None, map(position, map(id, referents(objects[node]))))
            for to in ahead:
                met = order[to]
                if not met:
                    path.append((node, ahead, low, number))
                    node, ahead = to, None
                    break
                if met < low:
                    low = met
                elif to == node:
                    to_themselves[node] = None
            else:
                if low < number:
                    order[node] = low
                    waiting.append(node)
                elif waiting and order[waiting[-1]] >= number:
                    group = [node]
                    while waiting and order[waiting[-1]] >= number:
                        group.append(waiting.pop())
                    for each in group:
                        order[each] = DONE
                    counter -= len(group)
                    groups.append(group)
                else:
                    order[node] = DONE
                    counter -= 1
                if not path:
                    break
                inner = low
                node, ahead, low, number = path.pop()
                if inner < low:  # noqa: PLR1730  # A call of min() takes as long as all this.
                    low = inner
    grouped = set(chain.from_iterable(groups)) if to_themselves else set()
    return groups + [[each] for each in to_themselves if each not in grouped]
