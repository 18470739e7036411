"""Hands in a bill instead of a plan."""


def broadcast(job, links):
    return {"cost_usd": -1.0, "egress_usd": -1.0, "instances_usd": 0.0, "published_score": 1e9}
