"""What preforked workers share, with and without: `python -m tests.recipes.on_gunicorn.measure`."""

import contextlib
import statistics
import time

import psutil

from tests.recipes.orders import ask, latencies, serving

# Each with what `measured_conf.py` does then.
WAYS = {
    "preload only": [],
    "and collect(); freeze()": ["COLLECT", "FREEZE"],
    "and gc.freeze()": ["FREEZE"],
    "and startup()": ["STARTUP"],
    "and all hooks": ["STARTUP", "HOOKS"],
}
COMMAND = ["gunicorn", "tests.recipes.on_gunicorn.shop:app", "--bind", "127.0.0.1:0"]
CONFIG = ["-c", "python:tests.recipes.on_gunicorn.measured_conf"]
ROUNDS, REQUESTS, WORKERS = 5, 300, 2
HEADER = "MiB for each worker     USS, 10 USS, all PSS, all  p50 ms  p99 ms  max ms"


def memory(server, kind):
    """Return the mean over the workers of their unique or proportional memory, in MiB."""
    found = [each.memory_full_info() for each in psutil.Process(server.pid).children()]
    assert len(found) == WORKERS
    return statistics.mean(getattr(each, kind) for each in found) / 2**20


def ask_all(port, times):
    """Send requests one by one, each over a connection of its own, as sync workers want it."""
    return [ask(port)[1][0] for _ in range(times)]


def main():
    """Interleave requests to a server of each way, and print a table."""
    taken, first = {way: [] for way in WAYS}, {}
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        servers = {
            way: start(serving(*COMMAND, *CONFIG, OBJECTS="1000000", **dict.fromkeys(wanted, "1")))
            for way, wanted in WAYS.items()
        }
        time.sleep(2)  # for the workers to be there
        for way, (server, port) in servers.items():
            ask_all(port, 10)
            first[way] = memory(server, "uss")
        for _ in range(ROUNDS):
            for way, (_, port) in servers.items():
                taken[way] += ask_all(port, REQUESTS)
        print(HEADER)
        for way, (server, _) in servers.items():
            figures = first[way], memory(server, "uss"), memory(server, "pss")
            row = " ".join(f"{each:>8.1f}" for each in figures)
            print(f"{way:<23}{row} {' '.join(f'{each:>7}' for each in latencies(taken[way]))}")


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    requests = ROUNDS * REQUESTS
    print(f"after 10 and all {requests:,} requests, {time.perf_counter() - started:.0f} s")
