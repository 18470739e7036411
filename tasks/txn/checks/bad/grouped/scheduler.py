"""Runs transactions that write the same keys right after each other, as a cache would like it."""


def schedule(transactions):
    """The indices of all transactions, in the order of the keys that they write."""
    return sorted(
        range(len(transactions)),
        key=lambda one: sorted(key for kind, key in transactions[one] if kind == "w"),
    )
