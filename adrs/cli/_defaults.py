"""What is used where nothing was asked for."""

from __future__ import annotations

import os

from adrs.model.run import RunSettings
from adrs.store.opening import DEFAULT_FOLDER

TRIALS = 200
PROPOSERS = ("tune", "mutate", "cross")
"""Those that need no model and no key."""


EXTERNAL = "external"
"""The proposer whose part agents take."""
PLANNER = "planner"
"""Joins them when there is a model."""


def default_settings(task: str, has_model: bool = False) -> RunSettings:
    """A run as it is when no option is given, or none but a model."""
    workers = len(os.sched_getaffinity(0))
    proposers = (*PROPOSERS, PLANNER) if has_model else PROPOSERS
    return RunSettings(task, TRIALS, proposers=proposers, workers=workers)


def store_place(url: str | None) -> tuple[str, str]:
    """Where the store is, and who says so."""
    if url is not None:
        return url, "--store"
    if os.environ.get("ADRS_STORE"):
        return os.environ["ADRS_STORE"], "ADRS_STORE"
    return DEFAULT_FOLDER, "default"
