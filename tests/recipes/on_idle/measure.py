"""How well idle moments were used: `python -m tests.recipes.on_idle.measure`."""

import contextlib
import json
import statistics

from tests.recipes.orders import ask, interleaved, serving

COMMAND = ["uvicorn", "tests.recipes.on_idle.measured:app", "--port", "0", "--ws", "none"]
OPTIONS = ["--http", "h11", "--no-access-log", "--loop"]
IDLE = "tests.recipes.on_idle.selector:new_event_loop"
WAYS = {"automatic": "asyncio", "idle": IDLE, "startup and idle": IDLE}
SIZES = [5, 20, 100, 300]


def judge(way, noted):
    """Print how the predictions for the collections of one server came out."""
    by_generation = [sum(each[0] == number for each in noted) for number in range(3)]
    print(f"{way}: {len(noted)} collections, of generations 0, 1, 2: {by_generation}")
    for name, column in (("cost alone", 1), ("with freeing", 2)):
        ratios = sorted(each[3] / each[column] for each in noted)
        held = sum(each <= 1.5 for each in ratios)
        tenths = statistics.quantiles(ratios, n=10)
        shown = " ".join(f"{tenths[number]:.1f}" for number in (0, 4, 8))
        print(f"  real / predicted, {name}: at most 1.5 in {held}; 10, 50, 90 %: {shown}")
    for number in range(3):
        if ratios := [each[3] / each[2] for each in noted if each[0] == number]:
            held, median = sum(each <= 1.5 for each in ratios), statistics.median(ratios)
            print(
                f"  generation {number}: at most 1.5 in {held} of {len(ratios)}; 50 %: {median:.1f}"
            )


if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        servers = {
            way: start(serving(*COMMAND, *OPTIONS, loop, WAY=way, OBJECTS="1000000"))
            for way, loop in WAYS.items()
        }
        interleaved(servers, rounds=8, think=0.04, paths=[f"/orders/{size}" for size in SIZES])
        for way, (_, port) in servers.items():
            (body,), _ = ask(port, path="/noted")
            if way != "automatic":
                judge(way, json.loads(body))
