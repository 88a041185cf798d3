"""A recursive network over syntax trees: does a function's body return a value?"""

import ast

import torch

KINDS = {kind: n for n, kind in enumerate(k for k in vars(ast).values() if isinstance(k, type))}


def functions(source):
    """Return the source of each function in a module."""
    found = ast.walk(ast.parse(source))
    return [ast.unparse(each) for each in found if isinstance(each, ast.FunctionDef)]


class Node:
    """A node of a tree: parent and children refer to each other."""

    def __init__(self, tree, parent=None):
        self.kind, self.parent = KINDS[type(tree)], parent
        self.children = [Node(child, self) for child in ast.iter_child_nodes(tree)]


def returns(tree):
    """Tell whether there is a return of a value."""
    return any(isinstance(node, ast.Return) and node.value for node in ast.walk(tree))


class TreeNet(torch.nn.Module):
    """The state of a node comes from its kind and its children's states, and stays with it."""

    def __init__(self, width=16):
        super().__init__()
        self.kinds = torch.nn.Embedding(len(KINDS), width)
        self.merge = torch.nn.Linear(width, width)
        self.judge = torch.nn.Linear(width, 1)

    def forward(self, sources):
        """Return the loss."""
        trees = [ast.parse(source) for source in sources]
        answers = torch.stack([self.judge(self.state(Node(tree)))[0] for tree in trees])
        wanted = torch.tensor([float(returns(tree)) for tree in trees])
        return torch.nn.functional.binary_cross_entropy_with_logits(answers, wanted)

    def state(self, node):
        """Work out the state of a node, and leave it there."""
        state = self.kinds.weight[node.kind]
        for child in node.children:
            state = state + self.merge(self.state(child))
        node.state = torch.tanh(state)
        return node.state
