"""The shop on Flask, with what stays for good frozen."""

import gcwise

# begin
with gcwise.startup():
    from tests.recipes.on_wsgi.flask_shop import app

    CATALOGUE = [[number] for number in range(10_000)]
# end
__all__ = ["CATALOGUE", "app"]
