"""What the shops of the recipes serve, and how they are asked for it."""

import contextlib
import functools
import http.client
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time

import psutil

# Its document takes about 1,600 objects, all of them in cycles: nodes refer to their parents.
ORDERS = "<orders>" + "<order><item>tea</item><item>cups</item></order>" * 200 + "</orders>"
ITEMS = 400
PORT = re.compile(r"http://127\.0\.0\.1:(\d+)")


def ask(port, times=1, path="/orders", *, think=lambda: 0.0, paths=()):
    """Send requests over one connection; return the bodies, and the seconds that each took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    bodies, seconds = [], []
    try:
        for number in range(times):
            time.sleep(think())
            started = time.perf_counter()
            connection.request("GET", paths[number % len(paths)] if paths else path)
            response = connection.getresponse()
            bodies.append(response.read())
            seconds.append(time.perf_counter() - started)
            assert response.status == 200, bodies[-1]
    finally:
        connection.close()
    return bodies, seconds


def latencies(seconds):
    """Return the median, the 99th percentile and the maximum in milliseconds, for a table."""
    cuts = statistics.quantiles(seconds, n=100)
    return tuple(f"{1e3 * each:.1f}" for each in (cuts[49], cuts[98], max(seconds)))


@contextlib.contextmanager
def serving(*arguments, **environment):
    """Run a module that serves in a process of its own; yield the process and its port."""
    command, variables = [sys.executable, "-m", *arguments], {**os.environ, **environment}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as server:
        try:
            port = next(PORT.search(line) for line in server.stderr if PORT.search(line))
            yield server, int(port.group(1))
        finally:
            server.terminate()


def table(taken, servers):
    """Print latencies, and what each server took of processor and memory."""
    print(f"{'':<27} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'CPU s':>7} {'RSS MiB':>8}")
    for way, (server, _) in servers.items():
        processes = psutil.Process(server.pid).children() or [psutil.Process(server.pid)]
        cpu = sum(sum(each.cpu_times()[:2]) for each in processes)
        resident = sum(each.memory_info().rss for each in processes) / 2**20
        row = " ".join(f"{each:>7}" for each in latencies(taken[way]))
        print(f"{way:<27} {row} {cpu:>7.1f} {resident:>8.0f}")


def burst(port, clients, requests, think, paths):
    """Let clients send requests, up to `think` seconds apart; return what each took."""
    chance, seconds = random.Random(port), []

    def client():
        pause = functools.partial(chance.uniform, 0, think)
        seconds.extend(ask(port, requests, think=pause, paths=paths)[1])

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return seconds


def interleaved(servers, rounds, *, clients=2, requests=150, think=0.01, paths=()):
    """Send bursts of requests to the servers in turn, and print a table."""
    started, ways = time.perf_counter(), list(servers)
    taken = {way: [] for way in ways}
    for _, port in servers.values():
        burst(port, clients, requests, think, paths)
    for number in range(rounds):
        first = number % len(ways)
        for way in ways[first:] + ways[:first]:
            taken[way] += burst(servers[way][1], clients, requests, think, paths)
    table(taken, servers)
    total = rounds * clients * requests
    print(f"{total:,} requests each, {time.perf_counter() - started:.0f} s")
