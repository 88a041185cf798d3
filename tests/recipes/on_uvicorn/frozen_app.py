"""The shop on Starlette, with what stays for good frozen."""

import gcwise

# begin
with gcwise.startup():
    from tests.recipes.on_uvicorn.starlette_app import app

    CATALOGUE = [[number] for number in range(10_000)]
# end
__all__ = ["CATALOGUE", "app"]
