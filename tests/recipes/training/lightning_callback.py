"""The same for Lightning, as a callback."""

import pytorch_lightning

import gcwise


class DecideBetweenSteps(pytorch_lightning.Callback):
    def __init__(self, policy=None):
        self._loop = gcwise.batch("step", policy=policy)

    def on_train_start(self, trainer, pl_module):
        self._loop.__enter__()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self._loop.checkpoint()

    def on_train_end(self, trainer, pl_module):
        self._loop.__exit__(None, None, None)

    def on_exception(self, trainer, pl_module, exception):
        self._loop.__exit__(type(exception), exception, None)
