"""Answers with what compares false to everything."""


def broadcast(job, links):
    return {d: [float("nan")] * job["partitions"] for d in job["destinations"]}
