"""Tries to answer nothing: no interfaces, no error."""


def repair(interfaces, routers):
    return {}
