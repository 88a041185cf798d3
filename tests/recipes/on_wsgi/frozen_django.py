"""The shop on Django, with what stays for good frozen, and Django's commands for it."""

import sys

import gcwise

with gcwise.startup():
    from tests.recipes.on_wsgi.django_shop import application

    CATALOGUE = [[number] for number in range(10_000)]

__all__ = ["CATALOGUE", "application"]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
