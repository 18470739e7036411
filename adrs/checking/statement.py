"""The statement tells a proposer what it needs, and not the solution."""

from __future__ import annotations

import re

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.program import Program
from adrs.model.task import Limits, Task

_SHORTEST = 200  # characters
_PARTS = ("Problem", "Evaluation and constraints", "Context")
_TELLING = 20  # characters of a line of code that is no commonplace
_GIVEN_AWAY = 3  # such lines that are the program and no quotation


async def statement_is_whole(examination: Examination, report: Report) -> None:
    """Headings, names, limits; and that no solution is given away."""
    task = examination.task
    text = task.brief.statement
    if len(text) < _SHORTEST:
        report.fault(
            f"the statement has {len(text)} characters; a proposer knows nothing else",
            f"write README.md in three parts: {', '.join(_PARTS)}",
            characters=len(text),
        )
        return
    _gives_away(examination, report)
    missing = _missing(task)
    if missing:
        report.advice(
            f"the statement lacks {', '.join(missing)}",
            "add it above the line <!-- not for proposers -->: a proposer reads nothing else",
        )
    if not report.results:
        report.ok(f"the statement has its three parts, in {len(text)} characters")


def _missing(task: Task) -> list[str]:
    text, brief = task.brief.statement, task.brief
    headings = {one.strip().lower() for one in re.findall(r"^#+ +(.+)$", text, re.MULTILINE)}
    lacks = [f'the heading "{part}"' for part in _PARTS if part.lower() not in headings]
    if brief.objective.metric.name not in text:
        lacks.append(f"the objective's name, {brief.objective.metric.name}")
    module, _, called = brief.entry.partition(":")
    named = [*brief.editable, *([module, called] if module else [])]
    if not any(name and name in text for name in named):
        lacks.append(f"what may be edited ({', '.join(brief.editable)})")
    if not _names_a_limit(text, brief.limits):
        lacks.append(
            f"a limit ({brief.limits.cpu_s:g} s of CPU, or {brief.limits.wall_s:g} s in all)"
        )
    return lacks


def _names_a_limit(text: str, limits: Limits) -> bool:
    spellings = {f"{seconds:g}" for seconds in (limits.cpu_s, limits.wall_s)}
    minutes = {f"{seconds / 60:g}" for seconds in (limits.cpu_s, limits.wall_s)}
    return any(
        re.search(rf"(?<![\d.]){re.escape(number)}[\s-]*({unit})\b", text)
        for numbers, unit in ((spellings, "s|sec|seconds?"), (minutes, "min|minutes?"))
        for number in numbers
    )


def _gives_away(examination: Examination, report: Report) -> None:
    text = examination.task.brief.statement
    for folder in ("checks/", "references/"):
        if folder in text:
            report.fault(
                f"the statement names {folder}, which proposers must not know of",
                "move that below the line <!-- not for proposers -->",
            )
    lines = {line.strip() for line in text.splitlines()}
    for name, program in examination.honest:
        shown = _own_lines(program, examination.task.seed) & lines
        if len(shown) >= _GIVEN_AWAY:
            report.fault(
                f"the statement holds {len(shown)} lines of {name}",
                "describe the idea in words, below the line <!-- not for proposers --> if it is "
                "the solution",
                lines=len(shown),
            )


def _own_lines(program: Program, seed: Program) -> set[str]:
    """Lines of a program that are not the seed's and could not be anybody's."""

    def lines(one: Program) -> set[str]:
        stripped = {line.strip() for path in one.files for line in one.text(path).splitlines()}
        return {line for line in stripped if len(line) >= _TELLING}

    return lines(program) - lines(seed)
