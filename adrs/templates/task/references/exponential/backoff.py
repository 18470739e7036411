"""What libraries do: the time doubles at each attempt, up to a cap."""


def waits_s(count):
    return [min(60.0, 0.5 * 2.0**failed) for failed in range(count)]
