"""Sphinx configuration: `python -m sphinx -W -b html docs docs/_build/html`."""

from importlib.metadata import version as version_of

project = "gcwise"
author = "The gcwise developers"
copyright = "2026, The gcwise developers"  # noqa: A001  # Sphinx's name for it.
version = release = version_of("gcwise")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "gcwise"
html_static_path = ["_static"]
html_css_files = ["gcwise.css"]
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
default_role = "code"  # As docstrings mean it.
# What is referred to and has no page here.
nitpicky = True
nitpick_ignore = [
    ("py:class", "gcwise._scope.Teardown"),  # A Scope like any other.
    ("py:class", "F"),  # A decorated function keeps its type,
    ("py:class", "T"),  # and a loop's items theirs.
    ("py:class", "MeterProvider"),  # OpenTelemetry's.
    ("py:class", "CollectorRegistry"),  # Prometheus's.
]
