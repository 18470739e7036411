"""Delivers the first partition and forgets the others."""


def broadcast(job, links):
    return {d: [[[job["source"], d]]] for d in job["destinations"]}
