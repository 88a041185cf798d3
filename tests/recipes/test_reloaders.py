"""Real reloaders and workers: where a start is frozen, and where that is refused."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gcwise._runtime import Runtime
from tests.interpreters import real
from tests.recipes.orders import ITEMS, PORT, ask

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here"),
    pytest.mark.skipif(type(real) is not Runtime, reason="this gc freezes nothing anyway"),
]

ROOT = Path(__file__).parent.parent.parent
SECONDS = 20
REFUSED = "startup() froze nothing: this child of {}'s reloader ({}) ends with the next change"


def said(command, until):
    """Run a server until it says that; return all it has said, with none of its processes left."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        start_new_session=True,
    ) as server:
        killer = threading.Timer(SECONDS, os.killpg, (server.pid, signal.SIGKILL))
        killer.start()
        lines = []
        try:
            for line in server.stdout:
                lines.append(line)
                if until(line):
                    break
        finally:
            killer.cancel()
            os.killpg(server.pid, signal.SIGKILL)
    return "".join(lines)


def patiently(port):
    """Ask once; a child says that it is ready just before it listens."""
    until = time.monotonic() + SECONDS / 2
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            return ask(port)[0]
        time.sleep(0.05)
    return ask(port)[0]


def test_flask():
    """The child of Flask's reloader refuses, and says why."""
    pytest.importorskip("flask", reason="flask is not installed")
    command = ["flask", "--app", "tests.recipes.on_wsgi.frozen_flask", "run", "--debug", "-p", "0"]
    refused = REFUSED.format("Flask", "WERKZEUG_RUN_MAIN")

    assert refused in said(command, until=lambda line: "froze nothing" in line)


def test_django():
    """So does that of Django's."""
    pytest.importorskip("django", reason="django is not installed")
    command = ["tests.recipes.on_wsgi.frozen_django", "runserver", "127.0.0.1:0"]
    refused = REFUSED.format("Django", "RUN_MAIN")

    assert refused in said(command, until=lambda line: "froze nothing" in line)


@pytest.mark.parametrize("option", [[], ["--reload", "--reload-dir", "docs/tutorial"]])
def test_uvicorn(option):
    """Under uvicorn the start is frozen, in the child of its reloader as in any worker."""
    pytest.importorskip("uvicorn", minversion="0.36", reason="uvicorn is not installed")
    pytest.importorskip("starlette", reason="starlette is not installed")
    app = "tests.recipes.on_uvicorn.frozen_app:app"
    ports, ready, bodies = [], [], []

    def asked(line):
        ports.extend(PORT.findall(line))
        ready.extend(["startup complete"] * ("startup complete" in line))
        if ports and ready:
            bodies.extend(patiently(int(ports[0])))
        return bodies

    heard = said(["uvicorn", app, "--port", "0", "--ws", "none", *option], until=asked)

    assert bodies == [str(ITEMS).encode()], heard
    assert "froze nothing" not in heard
    assert "Traceback" not in heard


@pytest.mark.parametrize("module", ["on_uvicorn.frozen_app", "on_wsgi.frozen_flask"])
def test_frozen(module):
    """What these import and build is frozen."""
    pytest.importorskip("starlette" if "uvicorn" in module else "flask")
    count = "print(gc.get_freeze_count())"
    script = f"import gc; {count}; import tests.recipes.{module}; {count}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-c", script]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    before, after = map(int, done.stdout.split())
    assert before < 10_000 < after
