"""A trial as a patch that git and patch take, headed by a message that says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import format_datetime
from importlib.metadata import version

from adrs.errors import ConfigError
from adrs.exporting.ancestry import ancestors
from adrs.exporting.changes import changes
from adrs.model.text import gain, harmless
from adrs.model.trial import Trial
from adrs.ports.store import Record
from adrs.search import gains

_AUTHOR = "ADRS <adrs@adrs.invalid>"
_START = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
_WORDS = 240  # characters of untrusted text on a line
_STEPS = 20


def mailed_patch(record: Record, run: str, trial: Trial) -> bytes:
    """From the task's seed to a trial's program, in the form of `git format-patch`.

    Raises:
        ConfigError: the program is the seed.
    """
    patch = changes(record.task(run).seed, trial.program)
    if not patch:
        raise ConfigError(
            f"the program of {run}/{trial.number} is the seed, so there is nothing to patch; "
            "name another trial"
        )
    head = "\n".join([*_heading(record, run, trial), "", *_message(record, run, trial), "---", ""])
    return head.encode("utf-8", "replace") + patch


def _heading(record: Record, run: str, trial: Trial) -> Iterator[str]:
    """Date and author are the same whoever exports: the run's beginning, and nobody in person."""
    brief = record.task(run).brief
    shares = [f"{gain(share)} on {split}" for split, share in _gains(record, run, trial).items()]
    subject = ", ".join([f"{brief.name}: trial {run}/{trial.number}", *shares[-1:]])
    yield _START
    yield f"From: {_AUTHOR}"
    yield f"Date: {format_datetime(record.run(run).created_at)}"
    yield f"Subject: [PATCH] {harmless(subject, _WORDS).encode('ascii', 'replace').decode()}"
    yield "MIME-Version: 1.0"
    yield "Content-Type: text/plain; charset=UTF-8"
    yield "Content-Transfer-Encoding: 8bit"


def _message(record: Record, run: str, trial: Trial) -> Iterator[str]:
    """Each line begins with a word of ours, so that no untrusted one can pass for a patch."""
    task, lineage = record.task(run), trial.lineage
    yield f"Trial {trial.number} of the run {run}, found by ADRS {version('adrs-lab')}."
    yield ""
    idea = lineage.plan if lineage.idea is None else lineage.idea.hypothesis or lineage.plan
    if words := harmless(idea, _WORDS):
        yield f"Idea: {words}"
    yield f"Lineage: {_lineage(ancestors(record, run, trial))}"
    yield f"Program: {trial.program.id}"
    if trial.score is not None:
        metric = task.objective.metric
        words = f"{metric.name} {trial.score.value:.6g} {metric.unit} on {task.search_split}"
        yield f"Metric: {harmless(words, _WORDS)}"
    for split, share in _gains(record, run, trial).items():
        yield f"Against the seed: {gain(share)} on {split}"
    finding = record.finding(run)
    if finding is not None and finding.trial == trial.number:
        yield f"Verdict: {finding.verdict.replace('_', ' ')}: {harmless(finding.reason, _WORDS)}"


def _gains(record: Record, run: str, trial: Trial) -> dict[str, float]:
    found = gains(trial, record.trial(run, 0), record.task(run)) if trial.number else {}
    return {split.replace("_", "-"): share for split, share in found.items()}


def _lineage(chain: Sequence[Trial]) -> str:
    steps = [f"{one.number} ({harmless(one.lineage.proposer, 40)})" for one in chain]
    more = [f"and {len(steps) - _STEPS} more"] if len(steps) > _STEPS else []
    return ", ".join([*steps[:_STEPS], *more])
