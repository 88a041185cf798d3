"""A table in chunks, summed up by pandas, and turned into the program's own objects."""

from collections import Counter

import pandas as pd

import gcwise


def totals(path, rows):
    sums = Counter()
    for chunk in gcwise.each(pd.read_csv(path, chunksize=rows), "sums of chunks"):
        sums.update(chunk.groupby("customer").amount.sum().to_dict())
    return sums


class Customer:
    def __init__(self):
        self.orders = []


class Order:
    def __init__(self, customer, amount):
        self.customer, self.amount = customer, amount
        customer.orders.append(self)


@gcwise.batch("chunk of objects")
def largest_of(chunk):
    customers = {name: Customer() for name in chunk.customer.unique()}
    for name, amount in zip(chunk.customer, chunk.amount, strict=True):
        Order(customers[name], amount)
    return max(sum(order.amount for order in each.orders) for each in customers.values())


def largest(path, rows):
    return max(map(largest_of, pd.read_csv(path, chunksize=rows)))
