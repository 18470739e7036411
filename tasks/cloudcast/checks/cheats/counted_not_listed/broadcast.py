"""Gives the number of partitions in place of a list of their routes."""


def broadcast(job, links):
    return dict.fromkeys(job["destinations"], job["partitions"])
