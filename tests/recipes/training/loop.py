"""A plain PyTorch loop whose steps are batches."""

import gcwise


@gcwise.batch("step")
def step(model, optimizer, samples):
    optimizer.zero_grad()
    loss = model(samples)
    loss.backward()
    optimizer.step()
    return loss.item()


def train(model, optimizer, batches):
    return [step(model, optimizer, samples) for samples in batches]
