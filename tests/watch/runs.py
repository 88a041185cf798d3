"""Runs made up for the tests of what is said about them."""

from array import array

from gcwise._watch.run import Run

APP = "/home/me/app.py"
LIBRARY = "/venv/lib/python3.12/site-packages/lib/core.py"
DEFAULTS = {
    "folder": "/home/me",
    "arguments": ["python", "app.py", "an argument"],
    "version": "3.12.1",
    "clock": 1000.0,
    "elapsed": 10.0,
    "cpu": 9.0,
    "memory": (10 << 20, 40 << 20, 50 << 20),
    "enabled": True,
    "thresholds": (700, 10, 10),
    "counts": (1, 2, 3),
    "stats": [{"collections": 0, "collected": 0, "uncollectable": 0}] * 3,
    "garbage": 0,
    "present": True,
    "forks": 0,
    "objects": (1000, 100, [("builtins.dict", 60), ("builtins.list", 40)]),
}


class Maker:
    """What a recorder would hand over, put together collection by collection."""

    def __init__(self, **changes):
        self.data = {**DEFAULTS, **changes}
        self.collections, self.samples = [], []
        self.functions, self.stacks, self.places = [("", "", 0)], [], []

    def add(self, seconds=0.01, generation=0, freed=0, *, at=None, explicit=False):
        """Add a collection, by default 20 ms after the last one began."""
        if at is None:
            at = self.collections[-1][0] + 0.02 if self.collections else 0.02
        self.collections.append((at, seconds, generation + 4 * explicit, freed))
        return self

    def sample(self, *calls, line=0, resident=0, thread=0, place=True):
        """Add a sample at the last collection: names of functions, innermost first.

        A name with a plus sign stands for a call that was not met before.
        """
        numbers = [self._number(call) for call in calls]
        where = -1
        if place and numbers:
            innermost = numbers[0] if numbers[0] >= 0 else ~numbers[0]
            self.places.append((innermost, line))
            where = len(self.places) - 1
        stack = -1
        if calls and place != "only":
            self.stacks.append(tuple(numbers))
            stack = len(self.stacks) - 1
        self.samples += [len(self.collections) - 1, thread, stack, where, resident]
        return self

    def _number(self, call):
        name = call.removeprefix("+")
        file = LIBRARY if name.startswith("lib_") else APP
        if name.startswith("std_"):
            file = "<frozen importlib._bootstrap>"
        described = (file, name, 10)
        if described not in self.functions:
            self.functions.append(described)
        number = self.functions.index(described)
        return ~number if call.startswith("+") else number

    def run(self, own=APP):
        """Return the run."""
        columns = list(zip(*self.collections, strict=True)) or [()] * 4
        clock = self.data["clock"]
        began = array("d", [clock + at for at in columns[0]])
        rest = [array(code, values) for code, values in zip("fBI", columns[1:], strict=True)]
        made = {
            "events": [each.tobytes() for each in (began, *rest)],
            "samples": array("q", self.samples).tobytes(),
            "stacks": self.stacks,
            "places": self.places,
            "functions": self.functions,
        }
        return Run({**self.data, **made}, own)
