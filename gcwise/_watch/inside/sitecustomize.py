"""Run first thing in the watched program, in place of its own `sitecustomize` if there is one.

Python imports a module of this name before the program. To be found is what `PYTHONPATH` was set
for, and every trace of that is taken back here before the program's own code runs.
"""

import os
import sys

FOLDER = os.path.dirname(__file__)
# Set by `launch`: what the recorder hands on to the reporter, and the PYTHONPATH before.
CONFIG, PATH = "GCWISE_WATCH", "GCWISE_WATCH_PYTHONPATH"


def take_back() -> str:
    """Leave environment and import path as they are without us; return the configuration."""
    config, path = os.environ.pop(CONFIG), os.environ.pop(PATH, None)
    if path is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = path
    sys.path.remove(FOLDER)
    sys.path_importer_cache.pop(FOLDER, None)
    return config


def give_way() -> None:
    """Import the program's own `sitecustomize`, or fail as if there were none."""
    del sys.modules["sitecustomize"]
    import sitecustomize  # noqa: F401, PLC0415


if __name__ == "sitecustomize":
    # The package is not imported: the program may have another release of it, or none.
    from gcwise_recorder import start

    start(take_back())
    give_way()
