"""Ends the process at once and hopes that silence costs nothing."""

import os


def broadcast(job, links):
    os._exit(0)
