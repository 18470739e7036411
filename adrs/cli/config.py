"""`adrs config`: what is in effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._options import Json, StoreUrl

if TYPE_CHECKING:
    from adrs.cli._screen import Screen
    from adrs.model.task import Task

app = typer.Typer(help="What is in effect.", rich_markup_mode=None)


@app.callback()
def _config() -> None:
    """What is in effect."""


@app.command()
def show(
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="A task's folder, or its name.")
    ] = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Show what `adrs run` would use, and a task as it is read."""
    from dataclasses import asdict

    from adrs.cli._defaults import default_settings, store_place
    from adrs.cli._screen import Screen
    from adrs.config import load_task

    screen = Screen(as_json)
    read = None if task is None else load_task(task)
    settings = asdict(default_settings("" if read is None else str(read.folder)))
    place, origin = store_place(store)
    if as_json:
        about = {} if read is None else {"task": _plain(read)}
        screen.json({"settings": settings, "store": place, "store_from": origin, **about})
        return
    screen.line(("adrs run", "bold"))
    screen.fields(
        [
            *((name, _words(value)) for name, value in settings.items() if name != "task"),
            ("store", f"{place} ({origin})"),
        ]
    )
    if read is not None:
        _show_task(screen, read)


def _words(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)


def _show_task(screen: Screen, task: Task) -> None:
    from dataclasses import asdict

    brief, objective = task.brief, task.objective
    screen.line("")
    screen.line((task.name, "bold"), f"  {brief.title}")
    screen.fields(
        [
            ("folder", str(task.folder)),
            ("digest", task.digest),
            ("editable", _words(brief.editable)),
            ("entry", brief.entry),
            ("seed", f"{_words(tuple(task.seed.files))} ({task.seed.id})"),
            ("references", _words(tuple(task.references))),
            (
                "objective",
                f"{objective.metric.direction} {objective.metric.name}, {objective.aggregate}, "
                f"by at least {objective.min_effect:g}; compared with "
                f"{_words(objective.reference)}",
            ),
            ("metrics", ", ".join(f"{one.name} [{one.unit}]" for one in brief.metrics)),
            *(("constraint", _constraint(asdict(one))) for one in brief.constraints),
            ("stages", ", ".join(f"{one.split} x {one.repeats}" for one in task.stages)),
            *(("limit", f"{name} = {value:g}") for name, value in asdict(brief.limits).items()),
            *(("evaluator", f"{key} = {value}") for key, value in asdict(task.evaluator).items()),
            *(("generator", f"{name} = {value}") for name, value in task.generator.items()),
            *(
                ("environment", f"{name} = {_words(value)}")
                for name, value in asdict(task.environment).items()
                if value
            ),
        ]
    )


def _constraint(bounds: dict[str, object]) -> str:
    sides = [f"{name} {value}" for name, value in bounds.items() if name != "metric"]
    return f"{bounds['metric']}: {', '.join(side for side in sides if 'None' not in side)}"


def _plain(task: Task) -> dict[str, object]:
    from dataclasses import asdict

    return {
        **asdict(task.brief),
        "folder": str(task.folder),
        "digest": task.digest,
        "seed": task.seed.id,
        "references": {name: program.id for name, program in task.references.items()},
        "evaluator": asdict(task.evaluator),
        "stages": [asdict(stage) for stage in task.stages],
        "environment": asdict(task.environment),
        "generator": dict(task.generator),
    }
