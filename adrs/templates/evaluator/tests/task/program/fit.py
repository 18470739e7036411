"""The seed: a straight line."""


def kelvin(counts):
    return 250.0 + 0.08 * counts
