"""What somebody outside of the engine may see of a run: plain data, bounded and harmless.

Of a trial that is the smoke and train workloads, and on validation one figure. Nothing that was
measured on held-out workloads is in here, no salt, no reference program and no file of the judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

from adrs.archives import rank
from adrs.model.evaluation import Evaluation, Sample, Status
from adrs.model.metric import Aggregate, Objective
from adrs.model.program import Program
from adrs.model.round import Lease
from adrs.model.scoring import improvement
from adrs.model.task import Split, Task
from adrs.model.text import gain, harmless, harmless_lines
from adrs.model.trial import Rejection, Trial
from adrs.ports.store import Record
from adrs.search.gap import gains
from adrs.search.views import (
    Assignment,
    Briefing,
    Figure,
    Measurement,
    Note,
    ObjectiveView,
    Outcome,
    ProgramView,
    TrialSummary,
    TrialView,
    WorkloadView,
)

SEEN = frozenset({Split.SMOKE, Split.TRAIN})
NAME = 100
LINE = 500
PASSAGE = 4000
NOTES = 50
WORKLOADS = 200
PROGRAM = 1_000_000
"""Most characters of a name, of one line, of several, most notes and workloads, and most bytes of
the files of a program that are given as text."""


def briefing(record: Record, run: str) -> Briefing:
    """The task of a run and how far the search is.

    Raises:
        NotInStore: there is no such run.
    """
    info, task = record.run(run), record.task(run)
    brief = task.brief
    seed = record.trial(run, 0) if info.asked else None
    best = record.best_number(run, task.objective.metric.direction)
    return {
        "run": run,
        "task": brief.name,
        "title": brief.title,
        "statement": brief.statement,
        "editable": list(brief.editable),
        "entry": brief.entry,
        "objective": _objective(task.objective),
        "metrics": [
            {"name": one.name, "direction": one.direction.value, "unit": one.unit}
            for one in brief.metrics
        ],
        "constraints": [
            {"metric": one.metric, "at_most": one.at_most, "at_least": one.at_least}
            for one in brief.constraints
        ],
        "limits": asdict(brief.limits),
        "split": task.search_split.value,
        "trials": max(0, info.told - 1),
        "trials_asked": info.settings.trials,
        "seed": None if seed is None else _figure(seed, seed, task),
        "best": None if best is None else _standing(record.trial(run, best), seed, task),
    }


def assignment(record: Record, lease: Lease) -> Assignment:
    """What the holder of a lease is asked to do, and what it may know for that.

    Raises:
        NotInStore: its run, or its round's parent, is not there any more.
    """
    run, task = lease.run, record.task(lease.run)
    seed = record.trial(run, 0)
    return {
        "lease": lease.id,
        "run": run,
        "agent": harmless(lease.agent, NAME),
        "expires_at": lease.expires_at.isoformat(timespec="seconds"),
        "parent": told_of(record, run, lease.round.parent, program=True),
        "inspirations": [
            _standing(record.trial(run, number), seed, task) for number in lease.round.inspirations
        ],
        "notebook": notebook(record, run),
    }


def told_of(record: Record, run: str, number: int, program: bool = False) -> TrialView:
    """One trial.

    Args:
        program: whether its files are wanted too.

    Raises:
        NotInStore: there is no such run or trial.
    """
    task, seed, trial = record.task(run), record.trial(run, 0), record.trial(run, number)
    seen = [one for one in trial.evaluations if one.split in SEEN]
    admission = trial.admission
    return {
        **_standing(trial, seed, task),
        "state": "in flight" if admission is None else "told",
        "status": str(seen[-1].status) if seen else "",
        "kept": admission is not None and admission.kept,
        "admission": "" if admission is None else harmless(admission.reason, LINE),
        "gain_on_validation": gains(trial, seed, task).get(Split.VALIDATION) if number else None,
        "measurements": [_measurement(one) for one in seen],
        "program": program_view(trial.program) if program else None,
    }


def standings(record: Record, run: str, count: int) -> list[TrialSummary]:
    """The best of those trials that the archive keeps, best first.

    Raises:
        NotInStore: there is no such run.
    """
    task, told = record.task(run), record.told(run)
    gone = {number for one in told if one.admission for number in one.admission.displaced}
    kept = [
        one
        for one in told
        if one.admission and one.admission.kept and one.score and one.number not in gone
    ]
    kept.sort(key=lambda one: (*rank(one, task.objective.metric.direction), one.number))
    seed = next((one for one in told if one.number == 0), None)
    return [_standing(one, seed, task) for one in kept[:count]]


def outcome_of(record: Record, run: str, ordinal: int) -> Outcome:
    """What became of a proposal.

    Raises:
        NotInStore: there is no such run.
    """
    found = record.outcome(run, ordinal)
    if found is None:
        return {"state": "waiting", "trial": None, "rejection": "", "reason": ""}
    if isinstance(found, Rejection):
        reason = harmless(found.reason, LINE)
        return {"state": "rejected", "trial": None, "rejection": found.kind, "reason": reason}
    trial = told_of(record, run, found.number)
    state = "told" if trial["state"] == "told" else "waiting"
    return {"state": state, "trial": trial, "rejection": "", "reason": ""}


def notebook(record: Record, run: str) -> list[Note]:
    """The latest notes of a run, oldest first.

    Raises:
        NotInStore: there is no such run.
    """
    return [
        {
            "origin": harmless(note.origin, NAME),
            "from_user": note.origin == "user",
            "text": harmless(note.text, LINE),
        }
        for note in record.notes(run)[-NOTES:]
    ]


def program_view(program: Program) -> ProgramView:
    """The files of a program as text, with what does not fit in said."""
    files: dict[str, str] = {}
    left_out: dict[str, str] = {}
    room = PROGRAM
    for path, data in program.files.items():
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            left_out[path] = f"{len(data):,} bytes that are not UTF-8"
            continue
        if len(data) > room:
            left_out[path] = f"{len(data):,} bytes are too many, with the files before it"
            continue
        room -= len(data)
        files[path] = text
    return {"files": files, "left_out": left_out}


def _objective(objective: Objective) -> ObjectiveView:
    metric = objective.metric
    of = metric.name if metric.unit == "1" else f"{metric.name} in {metric.unit}"
    ratio = objective.aggregate is Aggregate.GEOMEAN_RATIO
    return {
        "metric": metric.name,
        "direction": metric.direction.value,
        "unit": metric.unit,
        "aggregate": objective.aggregate.value,
        "figure": f"geometric mean of {metric.name} / the seed's" if ratio else f"mean {of}",
    }


def _figure(trial: Trial, seed: Trial | None, task: Task) -> Figure | None:
    score = trial.score
    if score is None or seed is None or seed.score is None:
        return None
    share = improvement(score.value, seed.score.value, task.objective.metric.direction)
    words = "the seed" if trial.number == 0 else f"{gain(share)} than the seed"
    if trial.number and gain(share) == gain(0.0):
        words = "as good as the seed"
    return {
        "value": score.value,
        "error": score.error,
        "repeats": score.repeats,
        "feasible": score.feasible,
        "gain": share,
        "words": words if score.feasible else f"{words}, but it breaks a constraint",
    }


def _standing(trial: Trial, seed: Trial | None, task: Task) -> TrialSummary:
    lineage = trial.lineage
    return {
        "number": trial.number,
        "figure": _figure(trial, seed, task),
        "proposer": harmless(lineage.proposer, NAME),
        "author": harmless(lineage.author, NAME),
        "plan": harmless(lineage.plan, LINE),
        "parents": list(lineage.parents),
    }


def _measurement(evaluation: Evaluation) -> Measurement:
    failed = evaluation.status is not Status.SCORED
    workloads: dict[str, list[Sample]] = {}
    for sample in evaluation.samples:
        workloads.setdefault(sample.workload, []).append(sample)
    return {
        "split": evaluation.split.value,
        "status": evaluation.status.value,
        "reason": harmless(evaluation.reason, LINE),
        "feedback": _passage(evaluation.feedback)[:PASSAGE],
        "output": _passage(evaluation.output)[-PASSAGE:] if failed else "",
        "workloads": [_workload(name, workloads[name]) for name in list(workloads)[:WORKLOADS]],
    }


def _workload(name: str, samples: Sequence[Sample]) -> WorkloadView:
    failed = next((one for one in samples if one.status is not Status.SCORED), None)
    return {
        "workload": harmless(name, NAME),
        "repeats": len(samples),
        "status": (failed or samples[0]).status.value,
        "metrics": _means([one.metrics for one in samples if one.status is Status.SCORED]),
        "reason": "" if failed is None else harmless(failed.reason, LINE),
        "cpu_s": fmean(one.cpu_s for one in samples),
        "peak_mb": max(one.peak_mb for one in samples),
    }


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each metric; what one sample has, all that were SCORED have."""
    names = figures[0] if figures else ()
    return {name: fmean(one[name] for one in figures) for name in names}


def _passage(text: str) -> str:
    return "\n".join(harmless_lines(text)).strip("\n")
