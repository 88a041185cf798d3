"""Sphinx configuration: `python -m sphinx -W -b html docs docs/_build/html`."""

from importlib.metadata import version as version_of

project = "gcwise"
author = "The gcwise developers"
copyright = "2026, The gcwise developers"  # noqa: A001  # Sphinx's name for it.
version = release = version_of("gcwise")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "gcwise"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False
