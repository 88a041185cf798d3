"""gunicorn with preloading, its hooks and real forks, asked over the loopback interface."""

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.interpreters import needs_generations
from tests.recipes.orders import ITEMS, ask

pytest.importorskip("gunicorn", reason="gunicorn is not installed")
pytestmark = [needs_generations, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")]

ROOT = Path(__file__).parent.parent.parent
SECONDS = 20


@contextlib.contextmanager
def serving(*options):
    """Run gunicorn on a free port, which it yields with the process and what it says."""
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--chdir", str(ROOT)]
    config = Path(__file__).parent / "on_gunicorn" / "gunicorn.conf.py"
    command += ["-c", str(config), "--graceful-timeout", "3", *options]
    with subprocess.Popen(
        [*command, "tests.recipes.on_gunicorn.shop:app"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        start_new_session=True,
    ) as server:
        killer = threading.Timer(SECONDS, os.killpg, (server.pid, signal.SIGKILL))
        killer.start()
        said = []
        try:
            for line in server.stderr:
                said.append(line)
                if "Listening at" in line:
                    break
            port = int("".join(said).split("127.0.0.1:")[1].split()[0])
            yield server, port
        finally:
            server.terminate()
            rest = server.stderr.read()
            killer.cancel()
    assert "Traceback" not in "".join(said) + rest, rest


def state(port):
    """Return the state of the worker that happens to answer."""
    (body,), _ = ask(port, path="/state")
    return json.loads(body)


def place(found, site):
    """Return the report of one place."""
    return next(each for each in found["report"]["places"] if each["site"] == site)


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_workers(worker):
    """Workers find everything frozen, hold collection back, and free what requests leave."""
    with serving("--worker-class", worker, "--workers", "1", "--threads", "2") as (server, port):
        first = state(port)
        for _ in range(60):
            (body,), _ = ask(port)
            assert int(body) == ITEMS
        last = state(port)

    assert first["parent"] == last["parent"] == server.pid
    assert first["frozen"] > 10_000
    assert last["threshold"] != gc.get_threshold()[0]
    assert last["documents"] < 30
    assert place(last, "preload")["collections"] == [0, 0, 1]
    assert place(last, "request")["decisions"] >= 60
    assert place(last, "request")["collected"] > 30_000


def test_reload():
    """The configuration may be read again, which starts new workers but freezes nothing new."""
    with serving("--workers", "1") as (server, port):
        before = state(port)
        server.send_signal(signal.SIGHUP)
        after = before
        while after["pid"] == before["pid"]:
            with contextlib.suppress(OSError):
                after = state(port)

    assert after["parent"] == before["parent"]
    assert place(after, "preload")["decisions"] == 1
    assert after["frozen"] > 10_000
