"""What the commit of a trial says: for people first, and in its last paragraph for machines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from adrs.model.evaluation import Evaluation, Status
from adrs.model.text import harmless, harmless_lines, percent
from adrs.model.trial import Trial

_LINE = 200
_TEXT = 2000
_INDENT = "    "


def commit_message(run: str, trial: Trial, told: int, units: Mapping[str, str]) -> str:
    """The message of a trial's commit, made of what was recorded when it was told.

    Text of others is indented, so that no line of it is taken for a comment, for a trailer or for
    another commit's subject.

    Args:
        told: its place in the order of tells.
        units: metric to the symbol of its unit.
    """
    paragraphs = [
        [_subject(run, trial)],
        _plan(trial),
        [_measured(evaluation, units) for evaluation in trial.evaluations],
        [f"{name}: {value}" for name, value in _trailers(run, trial, told) if value],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _subject(run: str, trial: Trial) -> str:
    name = f"{harmless(run)}/{trial.number}"
    words = f"{name} {harmless(trial.lineage.proposer, 40)}: {trial.status or 'not measured'}"
    if trial.score is not None:
        words += f" {_figure(trial.score.value)}"
        words += "" if trial.score.feasible else ", violates a constraint"
    return words


def _plan(trial: Trial) -> list[str]:
    pieces, idea = [trial.lineage.plan], trial.lineage.idea
    if idea is not None:
        expected = f"{idea.metric} better by {percent(idea.expected)}" if idea.metric else ""
        for title, text in (
            ("why", idea.hypothesis),
            ("change", idea.change),
            ("expected", expected),
            ("risk", idea.risk),
        ):
            pieces.append(f"{title}: {text}" if text.strip() else "")
    return [line for piece in pieces for line in _quoted(piece)]


def _quoted(text: str) -> Iterator[str]:
    cut = text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
    for line in harmless_lines(cut.strip()):
        if line.strip():
            yield _INDENT + line.rstrip()


def _measured(evaluation: Evaluation, units: Mapping[str, str]) -> str:
    if evaluation.status is not Status.SCORED:
        reason = f": {harmless(evaluation.reason, _LINE)}" if evaluation.reason.strip() else ""
        return f"{evaluation.split}: {evaluation.status}{reason}"
    workloads = len({sample.workload for sample in evaluation.samples})
    where = f"on {workloads} {'workload' if workloads == 1 else 'workloads'}"
    if evaluation.repeats > 1:
        where += f", {evaluation.repeats} times"
    figures = (
        f"{harmless(name, 60)} {_figure(mean)}{_unit(units.get(name, '1'))}"
        for name, mean in _means(evaluation).items()
    )
    return f"{evaluation.split}: {', '.join(figures)} ({where})"


def _means(evaluation: Evaluation) -> dict[str, float]:
    figures: dict[str, list[float]] = {}
    for sample in evaluation.samples:
        for name, value in sample.metrics.items():
            figures.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in figures.items()}


def _unit(symbol: str) -> str:
    return "" if symbol == "1" else f" {harmless(symbol, 20)}"


def _figure(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "beyond reckoning"


def _trailers(run: str, trial: Trial, told: int) -> Iterator[tuple[str, str]]:
    lineage, score, admission = trial.lineage, trial.score, trial.admission
    yield "Adrs-Run", harmless(run)
    yield "Adrs-Trial", f"{harmless(run)}/{trial.number}"
    yield "Adrs-Program", trial.program.id
    yield "Adrs-Proposer", harmless(f"{lineage.proposer} {lineage.version}", _LINE)
    yield "Adrs-Operator", harmless(lineage.operator, _LINE)
    yield "Adrs-Author", harmless(lineage.author, _LINE)
    yield "Adrs-Parents", _numbers(lineage.parents)
    yield "Adrs-Inspirations", _numbers(lineage.inspirations)
    yield "Adrs-Island", str(trial.island)
    yield "Adrs-Status", trial.status or ""
    yield "Adrs-Score", "" if score is None else repr(score.value)
    yield "Adrs-Violation", "" if score is None or score.feasible else repr(score.violation)
    yield "Adrs-Kept", "" if admission is None else "yes" if admission.kept else "no"
    yield "Adrs-Told", str(told)


def _numbers(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
