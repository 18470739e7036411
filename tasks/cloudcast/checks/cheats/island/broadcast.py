"""Feeds the destinations in a ring from one another, and the ring from nobody."""


def broadcast(job, links):
    wanted = job["destinations"]
    return {
        end: [[[start, end]]] * job["partitions"]
        for start, end in zip([wanted[-1], *wanted], wanted, strict=False)
    }
