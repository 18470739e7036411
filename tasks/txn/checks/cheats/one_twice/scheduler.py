"""Runs all transactions but the one that writes most, and another one twice for it."""


def schedule(transactions):
    count = len(transactions)
    worst = max(range(count), key=lambda one: sum(kind == "w" for kind, _ in transactions[one]))
    return [one for one in range(count) if one != worst] + [(worst + 1) % count]
