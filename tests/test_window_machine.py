"""Any interleaving of windows and of code that sets gc itself, held against a simple model.

The model: windows leave no trace. What `gc.isenabled()` and `gc.get_threshold()` tell once all are
closed is what they would tell had there never been a window.
"""

import gc

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

import gcwise
from gcwise import Policy
from gcwise._collector import collector
from tests.interpreters import needs_settings

pytestmark = needs_settings

# Few enough to meet again, none that a nursery comes to by itself, and the first ones so high that
# automatic collections come only where they are asked for.
FIRST, OTHER = st.sampled_from([0, 20_011, 30_011, 40_009]), st.sampled_from([0, 3, 11, 101])
SETTINGS = st.tuples(FIRST) | st.tuples(FIRST, OTHER) | st.tuples(FIRST, OTHER, OTHER)
KINDS = st.sampled_from([gcwise.batch, gcwise.paused])
POLICIES = st.sampled_from([Policy.never(), Policy.always(0)])
ENDINGS = st.sampled_from([None, ValueError, GeneratorExit, KeyboardInterrupt])
ALLOCATED, MOST_OPEN = 50_000, 4


class Windows(RuleBasedStateMachine):
    """Open and close windows in any order while other code sets gc as it likes."""

    saved = Bundle("saved")

    def __init__(self):
        super().__init__()
        self.found = gc.isenabled(), gc.get_threshold()
        self.open = []
        # How often all windows were closed, or came to know something new.
        self.moment = 0
        # Whether other code has set the first and the third threshold inside the open windows.
        self.foreign = [False, False]
        collector.window.__init__(collector.runtime)

    @initialize(enabled=st.booleans(), thresholds=st.tuples(FIRST, OTHER, OTHER))
    def begin(self, enabled, thresholds):
        """Start from any settings."""
        self.own = list(thresholds)
        self.enabled = enabled
        gc.set_threshold(*thresholds)
        (gc.enable if enabled else gc.disable)()

    @precondition(lambda self: len(self.open) < MOST_OPEN)
    @rule(kind=KINDS, policy=POLICIES)
    def enter(self, kind, policy):
        """Open a window."""
        scope = kind("machine", policy=policy)
        if any(self.foreign):
            # A window may take over what other code has set since as the program's own.
            self.moment += 1
        scope.__enter__()
        self.open.append(scope)

    @precondition(lambda self: self.open)
    @rule(number=st.integers(0, MOST_OPEN - 1), ending=ENDINGS)
    def leave(self, number, ending):
        """Close any of the windows, with or without an exception."""
        scope = self.open.pop(number % len(self.open))
        error = None if ending is None else ending()
        scope.__exit__(ending, error, None)
        if not self.open:
            self.moment += 1
            self.foreign = [False, False]

    @rule(oldest_first=st.booleans())
    def leave_all(self, oldest_first):
        """Close all windows."""
        while self.open:
            self.leave(0 if oldest_first else len(self.open) - 1, None)

    @rule(on=st.booleans())
    def switch(self, on):
        """Enable or disable gc, as other code does."""
        (gc.enable if on else gc.disable)()
        self.enabled = on

    @rule(thresholds=SETTINGS)
    def set_threshold(self, thresholds):
        """Set one, two or three thresholds, as other code does."""
        gc.set_threshold(*thresholds)
        self.own[: len(thresholds)] = thresholds
        if self.open:
            self.foreign[0] = True
            self.foreign[1] |= len(thresholds) == 3

    @precondition(lambda self: len(self.open) < MOST_OPEN)
    @rule(kind=KINDS, thresholds=SETTINGS)
    def set_threshold_in_a_block(self, kind, thresholds):
        """Set thresholds in the middle of a block."""
        self.enter(kind, Policy.never())
        self.set_threshold(thresholds)
        self.leave(len(self.open) - 1, None)

    @rule(target=saved)
    def save(self):
        """Take note of the thresholds, as naive code does before it sets its own."""
        moment = self.moment if self.open else None
        return gc.get_threshold(), list(self.own), list(self.foreign), moment

    @rule(saved=consumes(saved))
    def restore(self, saved):
        """Set the thresholds as they were found, as naive code does afterwards.

        What was found inside a window is good only while that one is open and nothing new is
        known; after that nobody can tell whose thresholds these were.
        """
        thresholds, own, foreign, moment = saved
        if moment is None:
            self.set_threshold(thresholds)
        elif moment == self.moment:
            gc.set_threshold(*thresholds)
            self.own, self.foreign = list(own), list(foreign)

    @rule(generation=st.integers(0, 1))
    def collect(self, generation):
        """Run an explicit collection, as other code does."""
        gc.collect(generation)

    @rule()
    def allocate(self):
        """Make enough objects for automatic collections to come, where they may."""
        gc.collect(0)
        before = [generation["collections"] for generation in gc.get_stats()]
        made = [[number] for number in range(ALLOCATED)]
        after = [generation["collections"] for generation in gc.get_stats()]
        del made
        self.moment += 1
        if self.paused() and not self.foreign[0]:
            assert after == before, "a pause is open, and automatic collection ran"
        if self.open and not self.foreign[1]:
            assert after[2] == before[2], "a window is open, and the oldest was collected"

    @invariant()
    def own_switch(self):
        """Windows never touch the switch."""
        assert gc.isenabled() == getattr(self, "enabled", gc.isenabled())

    @invariant()
    @precondition(lambda self: hasattr(self, "own") and not self.open)
    def no_trace(self):
        """With no window open, all is as if there had never been one."""
        assert gc.get_threshold() == tuple(self.own)
        assert collector.window._callback not in gc.callbacks

    @invariant()
    @precondition(lambda self: hasattr(self, "own") and self.open)
    def one_entry(self):
        """However many windows are open, one callback serves them."""
        assert gc.callbacks.count(collector.window._callback) == 1

    def paused(self):
        """Tell whether a pause is open."""
        return any(isinstance(scope, gcwise.paused) for scope in self.open)

    def teardown(self):
        """Close what is open, look once more, and put the settings back."""
        try:
            self.leave_all(oldest_first=True)
            if hasattr(self, "own"):
                assert gc.get_threshold() == tuple(self.own)
                assert gc.isenabled() == self.enabled
        finally:
            collector.window.reset()
            enabled, thresholds = self.found
            gc.set_threshold(*thresholds)
            (gc.enable if enabled else gc.disable)()


TestWindows = Windows.TestCase
TestWindows.__doc__ = "Any interleaving of windows and foreign settings leaves gc as it should be."
TestWindows.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
