"""`adrs trials`: what was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._options import Json, RunName, StoreUrl

if TYPE_CHECKING:
    from adrs.cli._screen import Piece
    from adrs.model.task import Task
    from adrs.model.trial import Trial


def trials(run: RunName = None, store: StoreUrl = None, as_json: Json = False) -> None:
    """List the trials of a run by number."""
    from adrs.cli._looking import elsewhere, opened, run_named, title_of, trial_record
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    with opened(store) as record:
        info = run_named(record, run)
        found = record.trials(info.name)
        task = record.task(info.name)
        best = record.best_number(info.name, task.objective.metric.direction)
    if as_json:
        listing = [trial_record(info.name, trial, found[0], task) for trial in found]
        screen.json({"run": info.name, "best": best, "trials": listing})
        return
    base = found[0] if found else None
    gaps = [elsewhere(trial, base, task) for trial in found]
    splits = [split for split in ("validation", "held-out") if any(split in gap for gap in gaps)]
    headers = ["trial", "from", "proposer", "status", title_of(task.objective), *splits]
    rows = [
        _row(trial, base, best, task, [gap.get(split, "") for split in splits])
        for trial, gap in zip(found, gaps, strict=True)
    ]
    screen.table([*headers, "kept", "plan"], rows)


def _row(
    trial: Trial, base: Trial | None, best: int | None, task: Task, gap: list[str]
) -> list[Piece]:
    from adrs.cli._looking import scored
    from adrs.cli._text import harmless

    lineage, admission = trial.lineage, trial.admission
    style = "bold green" if trial.number == best else ""
    return [
        (str(trial.number), style),
        ", ".join(map(str, lineage.parents)) or "-",
        harmless(lineage.proposer, 20),
        ("in flight", "")
        if admission is None
        else (str(trial.status), "" if trial.score else "yellow"),
        (scored(trial, base, task), style),
        *gap,
        "" if admission is None else "yes" if admission.kept else "no",
        harmless(lineage.plan, 120),
    ]
