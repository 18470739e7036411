"""Valid, and worse than the seed: the server is never left alone."""


def waits_s(count):
    return [0.4] * count
