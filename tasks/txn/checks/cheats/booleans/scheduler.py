"""Says False and True for 0 and 1, which are equal and yet others."""


def schedule(transactions):
    return [False, True, *range(2, len(transactions))]
