"""Delivers the first partition; the others have routes without links."""


def broadcast(job, links):
    hollow = [[]] * (job["partitions"] - 1)
    return {d: [[[job["source"], d]], *hollow] for d in job["destinations"]}
