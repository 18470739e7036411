"""The order in which a batch of transactions runs."""

RECENT = 4  # how many of the transactions just before count
FADE = 0.9  # how much less a conflict counts for each further transaction in between
READ_WRITE = 1.0  # a key that one transaction reads and the other writes
WRITE_WRITE = 2.0  # a key that both write


def schedule(transactions):
    """Takes, again and again, the transaction that conflicts least with the last few.

    Returns:
        The indices of all transactions, in the order in which they are to run.
    """
    reads = [{key for kind, key in one if kind == "r"} for one in transactions]
    writes = [{key for kind, key in one if kind == "w"} for one in transactions]

    def conflict(one, other):
        mixed = len(reads[one] & writes[other]) + len(writes[one] & reads[other])
        return READ_WRITE * mixed + WRITE_WRITE * len(writes[one] & writes[other])

    def crowding(one):
        total = 0.0
        for distance, other in enumerate(reversed(order[-RECENT:])):
            total += FADE**distance * conflict(one, other)
        return total

    waiting = list(range(len(transactions)))
    order = []
    while waiting:
        best = min(waiting, key=crowding)
        waiting.remove(best)
        order.append(best)
    return order
