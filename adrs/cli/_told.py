"""What an agent is shown of a trial."""

from __future__ import annotations

from adrs.cli._screen import Piece, Screen
from adrs.cli._text import significant
from adrs.search.views import Measurement, TrialView

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


def _show_measured(screen: Screen, measured: Measurement) -> None:
    screen.line("")
    screen.line((measured["split"], "bold"), f"  {measured['status']}")
    if measured["reason"]:
        screen.line((measured["reason"], "yellow"))
    metrics = sorted({name for one in measured["workloads"] for name in one["metrics"]})
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
