"""Closes its end of every channel before it answers."""

import os


def broadcast(job, links):
    os.closerange(3, 64)
    return {d: [[]] * job["partitions"] for d in job["destinations"]}
