"""Writes links as text, of which each character could pass for a region."""


def broadcast(job, links):
    return {d: ["->"] * job["partitions"] for d in job["destinations"]}
