"""Answers with lists nested deeper than a decoder likes."""


def broadcast(job, links):
    deep = []
    for _ in range(900):
        deep = [deep]
    return {d: [deep] * job["partitions"] for d in job["destinations"]}
