"""Whom a trial comes from."""

from __future__ import annotations

from collections import deque

from adrs.model.trial import Trial
from adrs.ports.store import Record


def ancestors(record: Record, run: str, trial: Trial) -> list[Trial]:
    """The trial and all that its program was made of, the nearest first."""
    waiting, found = deque([trial]), {trial.number: trial}
    while waiting:
        for number in waiting.popleft().lineage.parents:
            if number not in found:
                found[number] = record.trial(run, number)
                waiting.append(found[number])
    return list(found.values())
