"""For the tests of programs that use gcwise: see, force, and simulate its decisions.

>>> import gcwise, gcwise.testing
>>> with gcwise.testing.recorded() as decisions:
...     with gcwise.batch("parse"):
...         pass
>>> len(decisions)
1
"""

from gcwise.testing._forced import forced
from gcwise.testing._no_cycles import no_cycles
from gcwise.testing._recorded import recorded
from gcwise.testing._simulated import Objects, SimulatedRuntime, simulated

__all__ = ["Objects", "SimulatedRuntime", "forced", "no_cycles", "recorded", "simulated"]
