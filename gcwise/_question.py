"""The questions that a program may ask where no block fits."""

from __future__ import annotations

from gcwise._collector import collector
from gcwise._decision import Decision, Reason, refused
from gcwise._naming import caller, check
from gcwise.instrumentation._hooks import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gcwise._policy import Policy

__all__ = ["maybe_collect", "request", "should_collect"]

# Looked up once, as for scopes: with nothing to do it is nearly the whole cost.
seen, skipped = collector.quiet.seen, collector.quiet.skipped


def should_collect(name: str | None = None, *, policy: Policy | None = None) -> Decision:
    """Tell whether a collection is worth it now, and of which generation; change nothing.

    `if d := gcwise.should_collect("idle"): gc.collect(d.generation)`. Such a collection is noticed
    by `gc.get_stats` and learned from at the next decision. A schedule (`Policy.every`) does not
    count a look as a decision. Leaves automatic collection alone.

    Args:
        name: What to call this place; by default file and line of the caller.
        policy: The price of memory here; by default that of `set_policy`.

    Returns:
        The decision, true if a collection is worth it.

    Raises:
        TypeError: `name` is no string, or `policy` no policy.
        ValueError: `name` is empty.

    Cost with nothing to do: at most that of three calls of `gc.get_stats()`; 20 us for a look.
    """
    site = _site(name, policy, "should_collect")
    young = seen(policy)
    if young is not None:
        return refused(Reason.NOTHING_NEW, site, young)
    return collector.look(site, policy)


def maybe_collect(name: str | None = None, *, policy: Policy | None = None) -> Decision:
    """Collect if it is worth it, in place of a blind `gc.collect()`, and say what was decided.

    Leaves automatic collection alone. Arguments, errors and cost are those of `should_collect`,
    and the collection's own time where there is one.

    Returns:
        The decision, whose `collection` tells what was done, or is None.
    """
    return request(_site(name, policy, "maybe_collect"), policy)


def request(site: str, policy: Policy | None, most: int = 2) -> Decision:
    """Collect if it is worth it, generation `most` at most."""
    young = skipped(policy, site)
    if young is not None:
        return refused(Reason.NOTHING_NEW, site, young)
    decision = collector.end(site, policy, most=most)
    tell(decision)
    return decision


def _site(name: str | None, policy: Policy | None, spelling: str) -> str:
    if type(name) is not str or not name or policy is not None:
        check(name, policy, spelling)
    return caller(2) if name is None else name
