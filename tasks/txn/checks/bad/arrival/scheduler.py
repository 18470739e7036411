"""First come, first served: the published sequential baseline."""


def schedule(transactions):
    """The indices of all transactions, in the order in which they arrived."""
    return list(range(len(transactions)))
