"""Tries to hang up on the judge instead of answering."""

import os


def repair(interfaces, routers):
    os.closerange(3, 10)
    return {}
