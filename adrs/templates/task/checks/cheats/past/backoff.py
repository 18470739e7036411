"""Wants to be served before it asked."""


def waits_s(count):
    return [-10.0] * count
