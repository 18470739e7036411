"""`adrs check`: what is wrong with a task, before a search is paid for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._options import Json, NoBuild
from adrs.errors import ConfigError

if TYPE_CHECKING:
    from adrs.checking import CheckResult
    from adrs.cli._screen import Screen
    from adrs.model.task import Task

_STYLE = {"ok": "green", "advice": "yellow", "fault": "bold red", "skipped": "dim"}


def check(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="A task's folder, or the name of one installed.")
    ],
    workloads: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Real workloads, for judges that can use them."),
    ] = None,
    sandbox: Annotated[
        str, typer.Option(metavar="NAME", help="auto, bubblewrap, docker or process.")
    ] = "auto",
    no_build: NoBuild = False,
    as_json: Json = False,
) -> None:
    """Find out what is wrong with a task before a search is paid for.

    Measures the seed, the references and the programs of checks/, and some that misbehave. Exit 1
    if there is a fault; advice is not one.
    """
    import asyncio
    import time

    from adrs.checking import State
    from adrs.cli._interrupts import ended_in_order
    from adrs.cli._screen import Screen
    from adrs.config import load_task

    screen = Screen(as_json)
    if workloads is not None and not workloads.exists():
        raise ConfigError(f"--workloads {workloads}: there is no such file or folder")
    started = time.monotonic()
    checked = load_task(task)
    source = None if workloads is None else workloads.resolve()
    with ended_in_order():
        results = asyncio.run(_results(checked, source, sandbox, not no_build, screen))
    wall_s = time.monotonic() - started
    ok = all(result.state is not State.FAULT for result in results)
    _show_sum(screen, checked.name, results, wall_s)
    if as_json:
        screen.json(_plain(checked.name, ok, results, wall_s))
    if not ok:
        raise typer.Exit(1)


async def _results(
    task: Task, source: Path | None, sandbox: str, may_build: bool, screen: Screen
) -> list[CheckResult]:
    """Makes all checks, and shows each as it is done."""
    from typing import cast

    from adrs import plugins
    from adrs.checking import CHECKS, examine
    from adrs.ports.evaluator import Evaluator, Setting
    from adrs.search import choose_sandbox, prepare_environment

    evaluator = cast("Evaluator", plugins.load("adrs.evaluators", task.evaluator.use)())
    setting = Setting(task, await choose_sandbox(sandbox), source)
    await prepare_environment(setting.sandbox, task.environment, may_build, screen.line)
    width = max(len(one.name) for one in CHECKS)
    results: list[CheckResult] = []
    async with examine(evaluator, setting) as examination:
        for one in CHECKS:
            with _doing(screen, f"{one.name}: {one.about}"):
                found = await one.run(examination)
            for result in found:
                _show(screen, result, width)
            results += found
    return results


def _doing(screen: Screen, words: str) -> AbstractContextManager[object]:
    """Says on a terminal what is looked at, for as long as it is."""
    return screen.console.status(words) if screen.is_terminal else nullcontext()


def _show(screen: Screen, result: CheckResult, width: int) -> None:
    from adrs.cli._text import harmless

    state = (f"{result.state:<7}", _STYLE[result.state])
    screen.fields([(f"{result.check:<{width}}", [state, f"  {harmless(result.found, 1500)}"])])
    if result.cure:
        screen.fields([(" " * (width + 9), [(f"cure: {harmless(result.cure, 1500)}", "cyan")])])


def _show_sum(screen: Screen, task: str, results: list[CheckResult], wall_s: float) -> None:
    from collections import Counter

    from adrs.cli._text import duration

    counts = Counter(str(result.state) for result in results)
    listed = ", ".join(f"{counts[state]} {state}" for state in _STYLE if counts[state])
    screen.line("")
    verdict = (
        "has faults: mend them before it is searched" if counts["fault"] else "can be searched"
    )
    style = "bold red" if counts["fault"] else "bold green"
    screen.line((f"{task} {verdict}", style), f" ({listed}; took {duration(wall_s)})")


def _plain(task: str, ok: bool, results: list[CheckResult], wall_s: float) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "task": task,
        "ok": ok,
        "results": [asdict(result) for result in results],
        "wall_s": wall_s,
    }
