"""`adrs runs`: what has been searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._options import Json, StoreUrl

if TYPE_CHECKING:
    from adrs.model.run import RunInfo
    from adrs.model.verdict import Finding
    from adrs.ports.store import Record


def runs(store: StoreUrl = None, as_json: Json = False) -> None:
    """List the runs of the store, the newest first."""
    from datetime import UTC, datetime

    from adrs.cli._looking import opened, standing
    from adrs.cli._screen import Screen
    from adrs.cli._text import ago, duration

    screen = Screen(as_json)
    with opened(store) as record:
        found = [
            (info, finding, _gap(record, info.name, finding))
            for info in record.runs()
            for finding in [record.finding(info.name)]
        ]
    if as_json:
        screen.json({"runs": [_plain(*row) for row in found]})
        return
    if not found:
        screen.line("no run yet; `adrs run TASK` makes one")
        return
    now = datetime.now(UTC)
    rows = [
        (
            info.name,
            standing(info),
            f"{max(0, info.told - 1)}/{info.settings.trials}",
            duration(info.elapsed_s),
            ago(info.created_at, now),
            _verdict(finding, gap),
        )
        for info, finding, gap in found
    ]
    screen.table(["run", "status", "trials", "worked", "begun", "verdict"], rows)


def _gap(record: Record, run: str, finding: Finding | None) -> dict[str, float]:
    """What the frozen program is worth on each split."""
    from adrs.search import gains

    if finding is None:
        return {}
    trial, seed = record.trial(run, finding.trial), record.trial(run, 0)
    return {split.value: share for split, share in gains(trial, seed, record.task(run)).items()}


def _verdict(finding: Finding | None, gap: dict[str, float]) -> str:
    from adrs.cli._text import gain

    if finding is None:
        return "-"
    words = [f"trial {finding.trial}"]
    words += [f"{gain(share)} on {split.replace('_', '-')}" for split, share in gap.items()]
    return f"{finding.verdict.replace('_', ' ')} ({', '.join(words)})"


def _plain(info: RunInfo, finding: Finding | None, gap: dict[str, float]) -> dict[str, object]:
    from dataclasses import asdict

    from adrs.cli._looking import killed

    return {
        **asdict(info),
        "killed": killed(info),
        "finding": None if finding is None else asdict(finding),
        "gains": gap,
    }
