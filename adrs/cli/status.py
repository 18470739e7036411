"""`adrs status`: how a run stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adrs.cli._options import Json, RunName, StoreUrl

if TYPE_CHECKING:
    from adrs.model.round import Round
    from adrs.model.run import RunInfo


def status(run: RunName = None, store: StoreUrl = None, as_json: Json = False) -> None:
    """Say how a run stands, and what it found so far."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from adrs.cli._closing import show_findings
    from adrs.cli._looking import killed, opened, resume_command, run_named, standing
    from adrs.cli._models import spending_words
    from adrs.cli._screen import Screen
    from adrs.cli._text import harmless
    from adrs.search import summarize

    screen = Screen(as_json)
    with opened(store) as record:
        info = run_named(record, run)
        task = record.task(info.name)
        summary = summarize(record, info.name, task)
        rounds = record.rounds(info.name)
    beat_s = max(0.0, (datetime.now(UTC) - info.heartbeat_at).total_seconds())
    if as_json:
        more = {
            "live": info.live,
            "killed": killed(info),
            "stop_requested": info.stop_requested,
            "heartbeat_age_s": round(beat_s, 3),
            "asked": info.settings.trials,
            "in_flight": info.asked - info.told,
            "max_minutes": info.settings.max_minutes,
            "max_usd": info.settings.max_usd,
            "max_tokens": info.settings.max_tokens,
            "last_round": asdict(rounds[-1]) if rounds else None,
        }
        screen.json({**summary, **more})
        return
    screen.fields(
        [
            ("run", [(info.name, "bold")]),
            ("status", standing(info)),
            ("reason", harmless(info.reason, 500)),
            ("heartbeat", f"{beat_s:.1f} s ago" if info.live else ""),
            ("trials", f"{max(0, info.told - 1)} of {info.settings.trials}{_in_flight(info)}"),
            ("outcomes", ", ".join(f"{n} {one}" for one, n in info.by_status.items())),
            ("rejections", str(info.rejections)),
            ("time", _time(info)),
            *spending_words(summary, info.settings),
            ("chosen", _chosen(rounds)),
        ]
    )
    show_findings(screen, summary, task.objective)
    if killed(info):
        screen.line("")
        screen.line(
            ("its engine was killed; ", "yellow"),
            "nothing that was told is lost. Go on with: ",
            (resume_command(info.name, store), "cyan"),
        )


def _in_flight(info: RunInfo) -> str:
    count = info.asked - info.told
    return f", {count} {'in flight' if info.live else 'to measure again'}" if count else ""


def _chosen(rounds: Sequence[Round]) -> str:
    """What the last round of a proposer that waits is about, and why."""
    from adrs.cli._text import harmless

    if not rounds:
        return ""
    last = rounds[-1]
    return f"{last.operator} from trial {last.parent}: {harmless(last.reason, 400)}"


def _time(info: RunInfo) -> str:
    from adrs.cli._text import duration

    limit = info.settings.max_minutes
    left = "" if limit is None else f", {duration(60 * limit - info.elapsed_s)} left"
    return f"{duration(info.elapsed_s)} worked{left}"
