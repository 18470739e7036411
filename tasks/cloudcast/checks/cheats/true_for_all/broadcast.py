"""Answers true where routes are expected."""


def broadcast(job, links):
    return dict.fromkeys(job["destinations"], True)
