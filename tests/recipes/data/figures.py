"""One picture after the other."""

import matplotlib.pyplot as plt

import gcwise


@gcwise.batch("figure")
def draw(values, target):
    figure, axes = plt.subplots()
    axes.plot(values)
    figure.savefig(target)
    plt.close(figure)
