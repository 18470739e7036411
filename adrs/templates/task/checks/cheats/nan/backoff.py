"""Hopes that no comparison with it is true."""


def waits_s(count):
    return [float("nan")] * count
