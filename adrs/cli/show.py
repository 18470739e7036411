"""`adrs show`: all about one trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from adrs.cli._options import Json, StoreUrl, TrialName

if TYPE_CHECKING:
    from adrs.cli._screen import Piece, Screen
    from adrs.model.evaluation import Evaluation
    from adrs.model.task import Task
    from adrs.model.trial import Trial
    from adrs.ports.store import Record

LINES = 8
"""Lines of a list or of printed text that are shown without --all."""


def show(
    trial: TrialName,
    program: Annotated[
        bool, typer.Option("--program", help="The program's files instead.")
    ] = False,
    calls: Annotated[
        bool, typer.Option("--calls", help="What models were asked and answered for it, instead.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every workload, and all of the output.")
    ] = False,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Show all about a trial.

    Lineage, plan, figures for each workload, feedback, output, isolation.
    """
    from adrs.cli._calls import show_calls
    from adrs.cli._looking import opened, trial_named
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    with opened(store) as record:
        info, found = trial_named(record, trial)
        if as_json:
            screen.json(_plain(record, info.name, found, program, calls))
        elif program:
            _show_program(screen, found)
        elif calls:
            show_calls(screen, record, info.name, found)
        else:
            base = record.trial(info.name, 0)
            task = record.task(info.name)
            _show_heading(screen, info.name, found, base, task)
            for evaluation in found.evaluations:
                _show_evaluation(screen, evaluation, task, None if everything else LINES)
            _show_surroundings(screen, found.evaluations)


def _show_heading(screen: Screen, run: str, trial: Trial, base: Trial, task: Task) -> None:
    from adrs.cli._looking import elsewhere, scored
    from adrs.cli._text import harmless, listed

    lineage, admission = trial.lineage, trial.admission
    screen.line((f"{run}/{trial.number}", "bold"), f"  {trial.status or 'in flight'}")
    origin = f"{harmless(lineage.proposer, 40)} {harmless(lineage.version, 20)}".strip()
    gaps = elsewhere(trial, base, task)
    kept = ""
    if admission is not None:
        kept = f"{'kept' if admission.kept else 'not kept'}: {harmless(admission.reason, 200)}"
    screen.fields(
        [
            ("proposer", origin),
            ("parents", listed([str(number) for number in lineage.parents])),
            ("inspired by", ", ".join(map(str, lineage.inspirations))),
            ("author", _author(trial)),
            ("plan", harmless(lineage.plan, 1000)),
            *_expectation(trial),
            ("score", scored(trial, base, task) + _repeats(trial)),
            ("elsewhere", ", ".join(f"{gap} on {on}" for on, gap in gaps.items())),
            ("archive", kept),
            ("displaced", ", ".join(map(str, admission.displaced)) if admission else ""),
            ("files", _files(trial)),
            ("program", trial.program.id),
            ("prompts", ", ".join(lineage.prompts)),
        ]
    )


def _author(trial: Trial) -> str:
    """The model or agent that wrote it, what it was asked for, and what that cost."""
    from adrs.cli._models import usd
    from adrs.cli._text import harmless

    lineage = trial.lineage
    words = [harmless(lineage.author, 80), lineage.operator]
    words += [usd(lineage.usd)] if lineage.usd else []
    return ", ".join(filter(None, words))


def _expectation(trial: Trial) -> list[tuple[str, str]]:
    """What it should bring, so that it can be held against what it brought."""
    from adrs.cli._text import harmless

    idea = trial.lineage.idea
    if idea is None:
        return []
    expected = f"{100 * idea.expected:.3g} % better {harmless(idea.metric, 40)}, since "
    return [
        ("expected", expected + harmless(idea.hypothesis, 500)),
        ("risk", harmless(idea.risk, 300)),
    ]


def _repeats(trial: Trial) -> str:
    repeats = 1 if trial.score is None else trial.score.repeats
    return f", measured {repeats} times" if repeats > 1 else ""


def _files(trial: Trial) -> str:
    from adrs.cli._text import harmless, listed

    files = trial.program.files
    names = [f"{harmless(path)} ({len(data):,} B)" for path, data in list(files.items())[:LINES]]
    return listed(names) + (f" and {len(files) - LINES} more" if len(files) > LINES else "")


def _show_evaluation(screen: Screen, evaluation: Evaluation, task: Task, limit: int | None) -> None:
    screen.line("")
    screen.line(
        (str(evaluation.split), "bold"),
        f"  {evaluation.status}",
        (f"  {evaluation.wall_s:.2f} s, {evaluation.cpu_s:.2f} s CPU", "dim"),
    )
    _show_text(screen, "reason", evaluation.reason, limit)
    headers, rows = _samples(evaluation, task)
    screen.table(headers, rows[:limit])
    if limit is not None and len(rows) > limit:
        screen.line((f"and {len(rows) - limit} more; --all shows them", "dim"))
    for name, text in (("feedback", evaluation.feedback), ("output", evaluation.output)):
        _show_text(screen, name, text, limit)


def _show_surroundings(screen: Screen, evaluations: Sequence[Evaluation]) -> None:
    """Where it was measured; said once where that did not change."""
    from adrs.cli._text import harmless, listed

    places = {one.fingerprint: one.isolation for one in evaluations}
    for fingerprint, isolation in places.items():
        enforced = listed([f"{one} ({how})" for one, how in isolation.enforced.items()])
        missing = "; ".join(f"{one}: {why}" for one, why in isolation.missing.items())
        installed = "; ".join(f"{one}: {what}" for one, what in isolation.root.items())
        fields = [
            ("isolation", f"{isolation.level}, {isolation.sandbox}"),
            ("enforced", enforced),
            ("missing", missing),
            ("installed", installed),
            ("fingerprint", fingerprint),
        ]
        screen.line("")
        screen.fields([(name, harmless(words)) for name, words in fields])


def _samples(evaluation: Evaluation, task: Task) -> tuple[list[str], list[Sequence[Piece]]]:
    from adrs.cli._text import harmless, significant
    from adrs.model.evaluation import Status

    there = {name for sample in evaluation.samples for name in sample.metrics}
    metrics = [metric.name for metric in task.brief.metrics if metric.name in there]
    repeated = any(sample.repeat for sample in evaluation.samples)
    headers = ["workload", *(["repeat"] if repeated else []), *metrics, "CPU s", "peak MiB"]
    scored = evaluation.status is Status.SCORED
    headers += [] if scored else ["status", "reason"]
    rows: list[Sequence[Piece]] = []
    for sample in evaluation.samples:
        figures = [sample.metrics.get(name) for name in metrics]
        first = sample.reason == evaluation.reason  # shown in full above
        trouble = "" if first else harmless(sample.reason, 200)
        more: list[Piece] = [] if scored else [str(sample.status), (trouble, "yellow")]
        rows.append(
            [
                harmless(sample.workload, 40),
                *([str(sample.repeat)] if repeated else []),
                *("-" if figure is None else significant(figure) for figure in figures),
                f"{sample.cpu_s:.2f}",
                f"{sample.peak_mb:.0f}",
                *more,
            ]
        )
    return headers, rows


def _show_text(screen: Screen, name: str, text: str, limit: int | None) -> None:
    from adrs.cli._text import harmless_lines

    if not text.strip():
        return
    lines = harmless_lines(text.strip("\n"))
    shown = lines if limit is None else lines[-limit:]
    hidden = len(lines) - len(shown)
    screen.line((f"{name}:" + (f" (the last {len(shown)} lines)" if hidden else ""), "dim"))
    for line in shown:
        screen.verbatim(("  | ", "dim"), line if limit is None else line[:500])


def _show_program(screen: Screen, trial: Trial) -> None:
    from adrs.cli._text import harmless, harmless_lines

    for path, data in trial.program.files.items():
        if len(trial.program.files) > 1:
            screen.line((f"==> {harmless(path)} <==", "dim"))
        if not screen.is_terminal:
            typer.echo(data, nl=False)
            continue
        for line in harmless_lines(trial.program.text(path).removesuffix("\n")):
            screen.verbatim(line)


def _plain(record: Record, run: str, trial: Trial, program: bool, calls: bool) -> dict[str, object]:
    from dataclasses import asdict

    from adrs.cli._calls import plain_calls
    from adrs.cli._looking import trial_record

    evaluations = []
    for evaluation in trial.evaluations:
        described = record.fingerprint(evaluation.fingerprint) if evaluation.fingerprint else None
        evaluations.append({**asdict(evaluation), "fingerprint_of": described})
    files = {path: trial.program.text(path) for path in trial.program.files}
    return {
        **trial_record(run, trial, record.trial(run, 0), record.task(run)),
        "evaluations": evaluations,
        **({"calls": plain_calls(record, run, trial)} if calls else {}),
        "files": files if program else {path: len(text) for path, text in files.items()},
    }
