"""`adrs compare`: what several runs found, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adrs.cli._options import Json, StoreUrl

if TYPE_CHECKING:
    from adrs.cli._screen import Screen

_SPLITS = (("train", None), ("validation", "validation"), ("held-out", "held_out"))
_WIDTH, _HEIGHT = 48, 3


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more.")],
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Show what several runs found, side by side.

    And what may explain a difference: settings, machine, sandbox, versions.
    """
    from adrs.cli._looking import opened
    from adrs.cli._screen import Screen
    from adrs.search import compare as compare_runs

    screen = Screen(as_json)
    with opened(store) as record:
        found = compare_runs(record, runs)
    if as_json:
        screen.json(found)
        return
    screen.table(["run", *(one["run"] for one in found["runs"])], _rows(found))
    if screen.is_terminal:
        _show_curves(screen, found["runs"])
    _show_differences(screen, found)


def _rows(found: Mapping[str, Any]) -> list[list[str]]:
    """What runs found, a row for each thing; things that no run has are left out."""
    from adrs.cli._closing import figure_of, gain_on
    from adrs.cli._text import duration

    runs = found["runs"]
    rows: list[list[str]] = []

    def row(title: str, cells: Sequence[str]) -> None:
        if any(cell not in ("", "-") for cell in cells):
            rows.append([title, *(cell or "-" for cell in cells)])

    row("task", [_task(one, found["same_task"]) for one in runs])
    row("status", [one["status"] for one in runs])
    for title, key in _SPLITS:
        figures = [one if key is None else one[key] or {} for one in runs]
        row(f"baseline, {title}", [figure_of(one.get("baseline")) for one in figures])
        row(f"best, {title}", [figure_of(one.get("best")) for one in figures])
        row("  is", [gain_on(one, title) for one in runs])
    row("unit", [_unit(one) for one in runs])
    row("verdict", [_verdict(one) for one in runs])
    row("best trial", [str((one["best"] or {}).get("trial", "")) for one in runs])
    row("trials", [str(one["trials"]) for one in runs])
    row("within 1 % of best", [_until(one) for one in runs])
    row("rejections", [str(one["rejections"]) for one in runs])
    row("outcomes", [", ".join(f"{n} {s}" for s, n in one["by_status"].items()) for one in runs])
    if any(one["models"] is not None for one in runs):
        row("models", [f"{one['usd']:.4g} USD, {one['tokens']:,} tokens" for one in runs])
    row("evaluating", [duration(one["evaluation_s"]) for one in runs])
    row("worked", [duration(one["wall_s"]) for one in runs])
    return rows


def _task(run: Mapping[str, Any], same: bool) -> str:
    return str(run["task"]) if same else f"{run['task']} ({run['task_digest'][:8]})"


def _unit(run: Mapping[str, Any]) -> str:
    from adrs.cli._text import harmless

    objective = (run["baseline"] or {}).get("objective")
    if objective is None:
        return ""
    words = f"{objective['name']}, {objective['direction']}"
    return harmless(words if objective["unit"] == "1" else f"{words}, {objective['unit']}", 60)


def _verdict(run: Mapping[str, Any]) -> str:
    held_out = run["held_out"]
    return "none" if held_out is None else held_out["verdict"].replace("_", " ")


def _until(run: Mapping[str, Any]) -> str:
    count = run["trials_until_near"]
    return "" if count is None else f"after {count} trials"


def _show_curves(screen: Screen, runs: Sequence[Mapping[str, Any]]) -> None:
    """The best score over trials; all runs are drawn to the length of the longest."""
    from adrs.cli._curve import steps
    from adrs.cli._text import harmless, significant

    longest = max(one["trials"] for one in runs)
    for one in runs:
        if len(one["curve"]) < 2:
            continue
        values = [value for _, value in one["curve"]]
        marks = [significant(max(values)), *[""] * (_HEIGHT - 2), significant(min(values))]
        lines = steps(one["curve"], one["trials"], longest, _WIDTH, _HEIGHT)
        screen.line("")
        screen.line((harmless(one["run"]), "bold"))
        for mark, line in zip(marks, lines, strict=True):
            screen.verbatim((f"{mark:>10} ", "dim"), (line, "green"))


def _show_differences(screen: Screen, found: Mapping[str, Any]) -> None:
    from adrs.cli._text import harmless

    names = [one["run"] for one in found["runs"]]
    if found["settings"]:
        screen.line("")
        rows = [
            [name, *(_setting(value) for value in values)]
            for name, values in found["settings"].items()
        ]
        screen.table(["asked otherwise", *names], rows)
    if found["surroundings"]:
        screen.line("")
        rows = [
            [harmless(one["what"], 60), *(harmless(value, 200) for value in one["values"])]
            for one in found["surroundings"]
        ]
        screen.table(["measured with another", *names], rows)
        screen.line(("this may be why figures differ, above all those of time", "dim"))
    for remark in found["remarks"]:
        screen.line("")
        screen.line((harmless(remark, 1000), "yellow"))


def _setting(value: object) -> str:
    from adrs.cli._text import harmless

    if isinstance(value, tuple):
        value = ", ".join(
            "=".join(map(str, one)) if isinstance(one, tuple) else one for one in value
        )
    return harmless("none" if value is None or value == "" else str(value), 80)
