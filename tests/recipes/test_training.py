"""Training loops: trees that keep their states are gone, and ranks collect at the same steps."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import gcwise
from gcwise.testing import forced, recorded
from tests.interpreters import real


@pytest.fixture
def torch():
    """Return PyTorch, which is not imported before it has to be: its heap slows each collection."""
    return pytest.importorskip("torch", reason="the training recipes need PyTorch")


@pytest.fixture
def sources(torch):
    """Return the source of each function of a module."""
    from tests.recipes.training.trees import functions

    return functions(Path(random.__file__).read_text(encoding="utf-8"))[:30]


@pytest.fixture
def states(torch, monkeypatch):
    """Return weak references to the states of all trees, in the order of their parsing."""
    from tests.recipes.training.trees import TreeNet

    found, state = [], TreeNet.state

    def noting(self, node):
        made = state(self, node)
        if node.parent is None:
            found.append(weakref.ref(made))
        return made

    monkeypatch.setattr(TreeNet, "state", noting)
    return found


def alive(states):
    """Return how many of these objects are left."""
    return sum(state() is not None for state in states)


@pytest.fixture
def train(torch, sources):
    """Return a function that trains for so many steps, two samples each."""
    from tests.recipes.training import loop
    from tests.recipes.training.trees import TreeNet

    model = TreeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [sources[at : at + 2] for at in range(0, 30, 2)]
    return lambda steps: loop.train(model, optimizer, (batches * 4)[:steps])


def test_a_step_leaves_cycles_that_its_decision_frees(states, train):
    """Trees hold on to their states until the decision after the step, and no longer."""
    with forced(False), gcwise.paused():
        train(1)
        assert alive(states) == 2
    with forced(True), recorded() as decisions:
        train(10)
    assert len(states) == 22
    assert alive(states) == 0
    assert len(decisions) == 10


def test_a_loop_learns(states, train):
    """With nothing forced, few of the trees are left at the end."""
    gcwise.reset()
    assert len(train(60)) == 60
    assert len(states) == 120
    assert alive(states) < 60
    assert gcwise.report().total.collected > 5_000


@pytest.fixture
def lightning(torch):
    """Return Lightning."""
    return pytest.importorskip("pytorch_lightning", reason="this recipe needs pytorch-lightning")


@pytest.fixture
def fit(torch, sources, lightning):
    """Return a function that trains by Lightning with a callback."""
    from tests.recipes.training.trees import TreeNet

    class Module(lightning.LightningModule):
        def __init__(self, *, failing):
            super().__init__()
            self.net, self.failing = TreeNet(), failing

        def training_step(self, batch, number):
            if self.failing and number == 5:
                raise ArithmeticError("the loss is not a number")
            return self.net(batch)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fit(callback, *, failing=False):
        batches = torch.utils.data.DataLoader(sources[:20], batch_size=2, collate_fn=list)
        trainer = lightning.Trainer(
            accelerator="cpu", barebones=True, max_epochs=1, callbacks=[callback]
        )
        trainer.fit(Module(failing=failing), batches)

    return fit


@pytest.mark.filterwarnings("ignore")
def test_lightning_decides_after_each_step(fit, states):
    """The callback collects after every third of ten steps, and frees the trees."""
    from tests.recipes.training.lightning_callback import DecideBetweenSteps

    before = real.get_threshold()
    with recorded() as decisions:
        fit(DecideBetweenSteps(gcwise.Policy.every(3)))
    assert [at for at, each in enumerate(decisions, 1) if each] == [3, 6, 9]
    assert all(each.collection.collected > 100 for each in decisions if each)
    assert alive(states[:16]) == 0
    assert real.get_threshold() == before


@pytest.mark.filterwarnings("ignore")
def test_lightning_gives_automatic_collection_back_after_an_error(fit):
    """A step that fails ends the window, too."""
    from tests.recipes.training.lightning_callback import DecideBetweenSteps

    before = real.get_threshold()
    with recorded() as decisions, pytest.raises(ArithmeticError):
        fit(DecideBetweenSteps(), failing=True)
    assert len(decisions) == 6
    assert real.get_threshold() == before


def test_ranks_collect_at_the_same_steps(torch, tmp_path):
    """Two processes that train together collect at the same steps, each its own garbage."""
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    ranks = [_rank(number, tmp_path, port) for port in [_free_port()] for number in range(2)]
    try:
        for rank in ranks:
            assert rank.wait(60) == 0
    finally:
        for rank in ranks:
            rank.send_signal(signal.SIGKILL)  # Nothing, once it has ended.
            rank.wait()
    first, second = (json.loads((tmp_path / f"rank-{n}.json").read_text()) for n in range(2))
    assert list(first) == list(second) == ["5", "11", "17"]
    assert first != second
    assert min(*first.values(), *second.values()) > 50


def _rank(number, folder, port):
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.recipes.training.ranks", folder],
        env={**os.environ, **where, "RANK": str(number), "WORLD_SIZE": "2"},
        cwd=Path(__file__).parents[2],
    )


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
