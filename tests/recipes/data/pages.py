"""Real pages that name each other: modules of the standard library, as pydoc shows them."""

import asyncio  # noqa: F401  # To have more of them.
import pydoc
import sys


def pages(most):
    """Return so many pages by their names, `index.html` among them."""
    names = [name for name in sorted(sys.modules) if name.partition(".")[0] in PUBLIC][:most]
    links = "".join(f'<a href="{name}.html">{name}</a>' for name in names)
    shown = {f"{name}.html": pydoc.HTMLDoc().document(sys.modules[name]) for name in names}
    return {**shown, "index.html": f"<html><body>{links}</body></html>"}


PUBLIC = {name for name in sys.stdlib_module_names if not name.startswith("_")}
