"""`adrs runs`: what has been searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adrs.cli._options import Json, StoreUrl

if TYPE_CHECKING:
    from adrs.model.run import RunInfo
    from adrs.model.verdict import Finding


def runs(store: StoreUrl = None, as_json: Json = False) -> None:
    """List the runs of the store, the newest first."""
    from datetime import UTC, datetime

    from adrs.cli._looking import opened, standing
    from adrs.cli._screen import Screen
    from adrs.cli._text import ago, duration

    screen = Screen(as_json)
    with opened(store) as record:
        found = [(info, record.finding(info.name)) for info in record.runs()]
    if as_json:
        screen.json({"runs": [_plain(info, finding) for info, finding in found]})
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
            _verdict(finding),
        )
        for info, finding in found
    ]
    screen.table(["run", "status", "trials", "worked", "begun", "verdict"], rows)


def _verdict(finding: Finding | None) -> str:
    from adrs.cli._text import gain

    if finding is None:
        return "-"
    effect = "" if finding.effect is None else f", {gain(finding.effect.value)}"
    return f"{finding.verdict.replace('_', ' ')} (trial {finding.trial}{effect})"


def _plain(info: RunInfo, finding: Finding | None) -> dict[str, object]:
    from dataclasses import asdict

    from adrs.cli._looking import killed

    return {
        **asdict(info),
        "killed": killed(info),
        "finding": None if finding is None else asdict(finding),
    }
