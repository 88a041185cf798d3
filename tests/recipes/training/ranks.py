"""Each rank's program: `torchrun --nproc-per-node 2 ranks.py OUTPUT`."""

import json
import random
import sys
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

import gcwise
from tests.recipes.training.trees import TreeNet, functions

SAMPLES = functions(Path(random.__file__).read_text(encoding="utf-8"))
STEPS, EVERY = 20, gcwise.Policy.every(6, generation=1)


def train(rank, ranks):
    model = DistributedDataParallel(TreeNet())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    freed = {}
    with gcwise.paused("training"):  # Automatic collection would come at each rank's own time.
        for number in range(STEPS):
            optimizer.zero_grad()
            model([SAMPLES[(rank + ranks * number) % len(SAMPLES)]]).backward()
            optimizer.step()
            if decision := gcwise.maybe_collect("step", policy=EVERY):
                freed[number] = decision.collection.collected
    return freed


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", timeout=timedelta(seconds=30))
    try:
        rank = distributed.get_rank()
        freed = train(rank, distributed.get_world_size())
        Path(sys.argv[1], f"rank-{rank}.json").write_text(json.dumps(freed))
    finally:
        # The model is in cycles: as long as it waits to be collected it keeps the group, whose
        # threads, still there as the interpreter ends, now and then abort it.
        gcwise.maybe_collect("end", policy=gcwise.Policy.always())
        distributed.destroy_process_group()
