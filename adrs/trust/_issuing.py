"""From the record of a run to the certificate of its winner."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from adrs.errors import ConfigError
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Status
from adrs.model.isolation import Isolation
from adrs.model.run import RunSettings
from adrs.model.task import Split, Task
from adrs.model.trial import Trial
from adrs.model.verdict import Finding, Verdict
from adrs.ports.store import Record
from adrs.trust._certificate import (
    MAX_BYTES,
    MAX_SAMPLES,
    Ancestor,
    CalibrationPart,
    Certificate,
    Comparison,
    ConstraintPart,
    FindingPart,
    HeldOutPart,
    IsolationPart,
    Measurement,
    MetricPart,
    ObjectivePart,
    ProgramPart,
    RunPart,
    SamplePart,
    Span,
    TaskPart,
)
from adrs.trust._figures import figures_fault
from adrs.trust._guide import guide
from adrs.trust._impersonal import Impersonal
from adrs.trust._intervals import objective_interval
from adrs.trust._reading import contradictions
from adrs.trust._task_files import (
    digest_source,
    digests_of,
    judge_digest,
    program_root,
    read_task_files,
    task_digest,
)

MAX_ANCESTORS = 200
_PLAN = 400


def issue_certificate(record: Record, run: str, confined: Mapping[str, bool]) -> Certificate:
    """The certificate of a run's winner, made of what is recorded and of the task's files.

    Absolute paths, and the names of machine and user, are taken out of everything but what task
    and judge say themselves.

    Args:
        confined: whether a proposer, by name, sees nothing of the machine but what it is given;
            one that is not named counts as not confined.

    Raises:
        ValueError: the run has no WINNER, or its samples do not give its own finding.
        ConfigError: the task's files or its real workloads are gone, changed or too large.
        NotInStore: there is no such run.
    """
    finding = record.finding(run)
    if finding is None or finding.verdict is not Verdict.WINNER:
        stands = "no verdict" if finding is None else finding.verdict
        raise ValueError(f"a certificate is for a WINNER, and run {run} has {stands}")
    draft = _Issue(record, run, finding).certificate(confined)
    draft = draft.model_copy(update={"how_to_verify": guide(draft)})
    certificate = draft.model_copy(update={"id": draft.own_id()})
    faults = contradictions(certificate) + figures_fault(certificate)
    if faults:
        raise ValueError(f"the record of run {run} contradicts itself: {'; '.join(faults)}")
    if len(certificate.canonical()) > MAX_BYTES:
        raise ConfigError(
            f"the certificate of run {run} has more than {MAX_BYTES >> 20} MiB; measure fewer "
            "workloads, or print shorter names of workloads and units"
        )
    return certificate


class _Issue:
    """One certificate in the making."""

    def __init__(self, record: Record, run: str, finding: Finding) -> None:
        self._record = record
        self._finding = finding
        self._info = record.run(run)
        self._task = record.task(run)
        self._seed = record.trial(run, 0)
        self._winner = record.trial(run, finding.trial)
        settings = self._info.settings
        places: list[str | Path] = [
            self._task.folder,
            self._task.folder.parent,
            settings.task,
            settings.workloads,
        ]
        self._impersonal = Impersonal(places)

    def certificate(self, confined: Mapping[str, bool]) -> Certificate:
        """Everything but the text of VERIFY.md and the id."""
        finding, run = self._finding, self._info.name
        best = self._held_out(self._winner.evaluations)
        calibration = self._record.calibration(run)
        ancestors = self._ancestors(inspirations=False)
        unconfined = self._unconfined(confined)
        return Certificate(
            format="adrs-certificate/1",
            id="0" * 64,
            made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            adrs=version("adrs-lab"),
            task=self._task_part(),
            program=_program(self._winner),
            objective=_objective(self._task),
            held_out=HeldOutPart(
                salt=finding.salt,
                workloads=finding.workloads,
                source=_source(self._info.settings),
            ),
            winner=self._measurement(self._winner.program.id, best),
            baseline=self._measurement(self._task.seed.id, self._held_out(self._seed.evaluations)),
            references=self._references(),
            finding=_finding(finding),
            search=self._search(),
            accepted_isolation=_accepted(self._info.settings),
            fingerprint=self._fingerprint(best),
            lineage=tuple(map(self._ancestor, ancestors[:MAX_ANCESTORS])),
            lineage_omitted=max(0, len(ancestors) - MAX_ANCESTORS),
            proposer_confined=not unconfined,
            unconfined=unconfined,
            run=RunPart(
                name=run,
                seed=str(self._info.settings.seed),
                told=self._info.told,
                proposers=self._info.settings.proposers,
            ),
            calibration=None if calibration is None else self._calibration(calibration),
            how_to_verify="",
        )

    def _task_part(self) -> TaskPart:
        task = self._task
        files = digests_of(read_task_files(task.folder))
        if task_digest(files) != task.digest:
            raise ConfigError(
                f"the task in {task.folder} was changed since run {self._info.name} was started, "
                "so its winner cannot be certified; put the folder back as it was"
            )
        root = program_root(task.folder)
        return TaskPart(
            name=task.name,
            title=task.brief.title,
            digest=task.digest,
            root=root,
            judge=judge_digest(files, root),
            files=files,
        )

    def _held_out(self, evaluations: Sequence[Evaluation]) -> Evaluation:
        """The last one on the workloads that decided."""
        found = _on_set(evaluations, self._finding.workloads)
        if not found:
            raise ValueError(f"run {self._info.name} has a WINNER without held-out samples")
        return found[-1]

    def _references(self) -> dict[str, Measurement]:
        measured: dict[str, list[Evaluation]] = {}
        for name, evaluation in self._record.references(self._info.name):
            measured.setdefault(name, []).append(evaluation)
        return {
            name: self._measurement(self._task.references[name].id, found[-1])
            for name, evaluations in measured.items()
            if (found := _on_set(evaluations, self._finding.workloads))
        }

    def _measurement(self, program: str, evaluation: Evaluation) -> Measurement:
        if len(evaluation.samples) > MAX_SAMPLES:
            raise ConfigError(
                f"a certificate holds {MAX_SAMPLES} samples of a program, and "
                f"{len(evaluation.samples)} were taken; make fewer held-out workloads"
            )
        return Measurement(
            program=program,
            isolation=self._isolation(evaluation.isolation),
            samples=tuple(
                SamplePart(
                    workload=one.workload,
                    unit=one.unit,
                    repeat=one.repeat,
                    status=one.status,
                    metrics=dict(one.metrics),
                    cpu_s=one.cpu_s,
                    wall_s=one.wall_s,
                    peak_mb=one.peak_mb,
                )
                for one in evaluation.samples
            ),
        )

    def _isolation(self, isolation: Isolation) -> IsolationPart:
        return IsolationPart(
            sandbox=isolation.sandbox,
            level=isolation.level,
            enforced=self._impersonal.texts(isolation.enforced),
            missing=self._impersonal.texts(isolation.missing),
        )

    def _search(self) -> tuple[Comparison, ...]:
        objective = self._task.objective
        compared = []
        for split in (self._task.search_split, Split.VALIDATION):
            seed, winner = _on_split(self._seed, split), _on_split(self._winner, split)
            if seed is None or winner is None or seed.workloads != winner.workloads:
                continue
            spans = [Span.of(objective_interval(objective, one, seed)) for one in (seed, winner)]
            compared.append(Comparison(split=split, baseline=spans[0], winner=spans[1]))
        return tuple(compared)

    def _fingerprint(self, evaluation: Evaluation) -> dict[str, JsonValue]:
        if not evaluation.fingerprint:
            return {}
        description = self._record.fingerprint(evaluation.fingerprint)
        return {key: self._impersonal.value(one) for key, one in description.items()}

    def _ancestors(self, *, inspirations: bool) -> list[Trial]:
        """The winner and the trials that it comes from, the nearest first."""
        waiting, found = deque([self._winner]), {self._winner.number: self._winner}
        while waiting:
            lineage = waiting.popleft().lineage
            for number in lineage.parents + (lineage.inspirations if inspirations else ()):
                if number not in found:
                    found[number] = self._record.trial(self._info.name, number)
                    waiting.append(found[number])
        return list(found.values())

    def _unconfined(self, confined: Mapping[str, bool]) -> tuple[str, ...]:
        """Proposers of the winner, and of all that its proposers were shown on the way."""
        trials = self._ancestors(inspirations=True)
        names = {trial.lineage.proposer for trial in trials if trial.number != 0}
        return tuple(sorted(name for name in names if not confined.get(name, False)))

    def _ancestor(self, trial: Trial) -> Ancestor:
        lineage = trial.lineage
        return Ancestor(
            trial=trial.number,
            program=trial.program.id,
            proposer=lineage.proposer,
            version=self._impersonal.text(lineage.version, _PLAN),
            parents=lineage.parents,
            plan=self._impersonal.text(lineage.plan, _PLAN),
            prompts=lineage.prompts,
        )

    def _calibration(self, calibration: Calibration) -> CalibrationPart:
        return CalibrationPart(
            repeats=calibration.repeats,
            deterministic=calibration.deterministic,
            spread=calibration.spread,
            cpu_spread=calibration.cpu_spread,
            wall_spread=calibration.wall_spread,
            contradiction=self._impersonal.text(calibration.contradiction, _PLAN),
        )


def _program(trial: Trial) -> ProgramPart:
    return ProgramPart(id=trial.program.id, files=dict(trial.program.digests))


def _objective(task: Task) -> ObjectivePart:
    objective = task.objective
    return ObjectivePart(
        metric=objective.metric.name,
        direction=objective.metric.direction,
        unit=objective.metric.unit,
        aggregate=objective.aggregate,
        min_effect=objective.min_effect,
        reference=objective.reference,
        metrics=tuple(
            MetricPart(
                name=one.name,
                direction=one.direction,
                unit=one.unit,
                timing=one.timing,
                meter=one.meter,
            )
            for one in task.brief.metrics
        ),
        constraints=tuple(
            ConstraintPart(metric=one.metric, at_most=one.at_most, at_least=one.at_least)
            for one in task.brief.constraints
        ),
    )


def _finding(finding: Finding) -> FindingPart:
    effect = Span.of(finding.effect)
    assert effect is not None
    return FindingPart(
        trial=finding.trial,
        verdict="WINNER",
        reason=finding.reason,
        effect=effect,
        level=finding.level,
        looks=finding.looks,
        units=finding.units,
        shares=finding.shares,
        baseline=Span.of(finding.baseline),
        best=Span.of(finding.best),
    )


def _source(settings: RunSettings) -> str:
    return digest_source(Path(settings.workloads)) if settings.workloads else ""


def _accepted(settings: RunSettings) -> Literal["", "shared", "process"]:
    levels: dict[str, Literal["shared", "process"]] = {"shared": "shared", "process": "process"}
    return levels.get(settings.accept_isolation, "")


def _on_set(evaluations: Sequence[Evaluation], workloads: str) -> list[Evaluation]:
    return [e for e in evaluations if e.split is Split.HELD_OUT and e.workloads == workloads]


def _on_split(trial: Trial, split: Split) -> Evaluation | None:
    """The last SCORED evaluation on a split."""
    fitting = [e for e in trial.evaluations if e.split is split and e.status is Status.SCORED]
    return fitting[-1] if fitting else None
