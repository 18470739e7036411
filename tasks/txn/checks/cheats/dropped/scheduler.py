"""Leaves out every second transaction."""


def schedule(transactions):
    return list(range(0, len(transactions), 2))
