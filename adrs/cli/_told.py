"""What an agent is shown of a trial."""

from __future__ import annotations

from adrs.cli._screen import Piece, Screen
from adrs.cli._text import significant
from adrs.search.views import Measurement, TrialSummary, TrialView

_ROWS = 8
"""Workloads that are shown; scripts get all with --json."""


def show_told(screen: Screen, run: str, trial: TrialView) -> None:
    """Writes a trial with its figures on smoke and train."""
    figure, on_validation = trial["figure"], trial["gain_on_validation"]
    worth = "" if figure is None else f"{significant(figure['value'])} ({figure['words']})"
    status = trial["status"] or "in flight"
    screen.line((f"{run}/{trial['number']}", "bold"), f"  {status}")
    screen.fields(
        [
            ("author", trial["author"] or trial["proposer"]),
            ("plan", trial["plan"]),
            ("score", worth),
            ("validation", "" if on_validation is None else f"{100 * on_validation:+.3g} %"),
            ("archive", trial["admission"]),
        ]
    )
    for measured in trial["measurements"]:
        _show_measured(screen, measured)


def standing(trial: TrialSummary) -> str:
    """A trial among others, in a line."""
    worth = trial["figure"]["words"] if trial["figure"] else "without a figure"
    return f"trial {trial['number']}: {worth}" + (f". {trial['plan']}" if trial["plan"] else "")


def metrics_of(measured: Measurement) -> list[str]:
    """Names of what was measured, in the order that the judge gave them in."""
    return list(dict.fromkeys(name for one in measured["workloads"] for name in one["metrics"]))


def _show_measured(screen: Screen, measured: Measurement) -> None:
    screen.line("")
    screen.line((measured["split"], "bold"), f"  {measured['status']}")
    if measured["reason"]:
        screen.line(("reason: ", "dim"), (measured["reason"], "yellow"))
    metrics = metrics_of(measured)
    rows: list[list[Piece]] = []
    for one in measured["workloads"]:
        figures = [one["metrics"].get(name) for name in metrics]
        cells = ["-" if figure is None else significant(figure) for figure in figures]
        rows.append([one["workload"], *cells, one["status"]])
    screen.table(["workload", *metrics, "status"], rows[:_ROWS])
    if len(rows) > _ROWS:
        screen.line((f"and {len(rows) - _ROWS} more", "dim"))
    for name, text in (("feedback", measured["feedback"]), ("output", measured["output"])):
        if text:
            screen.line((f"{name}:", "dim"))
            for line in text.split("\n"):
                screen.verbatim(("  | ", "dim"), line)
