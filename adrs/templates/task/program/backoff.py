"""The seed: a program that works, however plainly. The search starts from it."""

WAIT_S = 1.0


def waits_s(count):
    """Seconds to wait after each of the first `count` requests of a client has failed."""
    return [WAIT_S] * count
