"""Counts the last transactions from the end, so that they are named twice under two names."""


def schedule(transactions):
    count = len(transactions)
    return [*range(count // 2), *range(-count, -count + (count + 1) // 2)]
