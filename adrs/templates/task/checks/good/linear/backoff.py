"""Better than the seed: a little longer each time."""


def waits_s(count):
    return [2.0 + 0.5 * failed for failed in range(count)]
