"""Gives one index more than there are transactions."""


def schedule(transactions):
    return [*range(len(transactions)), 0]
