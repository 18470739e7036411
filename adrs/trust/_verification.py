"""Whether a certified winner still wins, judged with what is installed here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adrs.errors import CertificateChanged
from adrs.model.evaluation import Evaluation, Status, WorkloadRef, set_digest
from adrs.model.isolation import Isolation
from adrs.model.metric import Metric
from adrs.model.program import Program
from adrs.model.scoring import violation
from adrs.model.surroundings import Description, unlikenesses
from adrs.model.task import Task
from adrs.model.verdict import Finding, Verdict
from adrs.model.verification import Standing, Verification
from adrs.ports.evaluator import Bench
from adrs.trust._certificate import Certificate
from adrs.trust._certificate_folder import task_faults
from adrs.trust._impersonal import Impersonal
from adrs.trust._remeasuring import Pair, Remeasuring, differences, workload_fault
from adrs.trust._task_files import digest_source, plain, read_task_files
from adrs.trust._verdict import MIN_UNITS, judge_held_out


@dataclass(frozen=True, slots=True)
class Claim:
    """A winner that somebody handed in, whole in itself.

    Attributes:
        place: where it was found, as the user named it.
        judge: "installed", or "bundled" if the task came along with the certificate.
        signature: whose it is, in words; "" if there is none.
    """

    place: str
    certificate: Certificate
    program: Program
    judge: str = "installed"
    signature: str = ""

    def answer(self, standing: Standing, reason: str) -> Verification:
        """What can be said without any new figure."""
        return Verification(
            certificate=self.certificate.id,
            place=self.place,
            task=self.certificate.task.name,
            standing=standing,
            reason=reason,
            judge=self.judge,
            signature=self.signature,
        )

    def changed(self, changes: Sequence[str]) -> Verification:
        """The answer where something is not as certified."""
        return replace(self.answer(Standing.CHANGED, _summary(changes)), changed=tuple(changes))

    def task_changes(self, task: Task, place: Path) -> list[str]:
        """What a task on this machine has otherwise than the certificate says, in words.

        Files are compared one by one. What the certificate repeats of them is compared as well,
        since its figures are made of what it repeats.

        Args:
            place: where the task is from.

        Raises:
            ConfigError: a file of the task cannot be read.
            ProgramError: a file name that a certificate cannot hold.
        """
        certificate, brief = self.certificate, task.brief
        faults = task_faults(certificate, read_task_files(task.folder))
        claimed = [
            Metric(one.name, one.direction, one.unit, one.timing, one.meter)
            for one in certificate.objective.metrics
        ]
        programs = {name: one.program for name, one in certificate.references.items()}
        pairs = {
            "title": (certificate.task.title, brief.title),
            "metrics": (claimed, list(brief.metrics)),
            "objective": (certificate.plain_objective(), brief.objective),
            "constraints": (certificate.plain_constraints(), brief.constraints),
            "seed": (certificate.baseline.program, task.seed.id),
            "references": (programs, {name: one.id for name, one in task.references.items()}),
        }
        unlike = [name for name, (certified, here) in pairs.items() if certified != here]
        return [
            *(f"{fault} (in the task here, {place})" for fault in faults),
            *(f"task: its {name}, by the certificate not those of task.toml" for name in unlike),
        ]

    def without_source(self, source: Path | None) -> Verification | None:
        """The answer where real workloads are needed and not at hand; None if there is none yet.

        Raises:
            ConfigError: they cannot be read.
        """
        certified = self.certificate.held_out.source
        if not certified:
            return None
        if source is None:
            reason = "was measured on real workloads; name them with --workloads"
            return self.answer(Standing.INCONCLUSIVE, reason)
        if digest_source(source) != certified:
            return self.changed([f"workloads: {source} has others than those measured on"])
        return None


def unread(place: str, error: CertificateChanged) -> Verification:
    """The answer where what was handed in is not even whole in itself."""
    certificate, task = error.claims
    reason = _summary(error.changed)
    return Verification(certificate, place, task, Standing.CHANGED, reason, error.changed, judge="")


def _summary(changes: Sequence[str]) -> str:
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"not as it was certified: {changes[0]}{more}"


def elsewhere(certificate: Certificate, here: Description) -> tuple[str, ...]:
    """What is otherwise here than where a winner was certified, each in words.

    It changes no standing. It may be why a figure is not the certified one.
    """
    plain_here = Impersonal(()).value(here)
    assert isinstance(plain_here, dict)
    return tuple(
        f"another {one.what} than where it was certified: {one.values[1]}, was {one.values[0]}"
        for one in unlikenesses([[certificate.fingerprint], [plain_here]])
    )


class Verifier:
    """Measures a claim again, with the task that is here and a bench opened for it.

    Args:
        repeats: of every workload, where figures vary.
        accept_isolation: "shared" or "process" if the user accepts that little, else "".
        describe: keeps what a measurement ran in, and names it.
    """

    def __init__(
        self,
        claim: Claim,
        task: Task,
        bench: Bench,
        *,
        repeats: int,
        accept_isolation: str,
        describe: Callable[[Isolation], str],
    ) -> None:
        self._claim = claim
        self._certificate = claim.certificate
        self._task = task
        self._again = Remeasuring(task, claim.program, bench, repeats)
        self._accept = accept_isolation
        self._describe = describe

    async def verify(self) -> Verification:
        """On the certified workloads first, then on fresh ones.

        Raises:
            ConfigError: the judge cannot make its workloads, or not twice the same.
            SandboxUnavailable: the sandbox broke.
        """
        held_out = self._certificate.held_out
        refs = await self._again.workloads(held_out.salt)
        faults = list(self._workload_faults(refs))
        if faults:
            return self._claim.changed(faults)
        reproduced: Pair | None = None
        remark = ""
        if self._again.deterministic:
            reproduced = await self._again.pair(held_out.salt)
            faults, remark = await self._compared(reproduced)
            if faults:
                print_of_here = self._describe(reproduced.best.isolation)
                return replace(self._claim.changed(faults), fingerprint=print_of_here)
            finding = self._judged(reproduced, held_out.salt, refs, self._certificate.finding.looks)
            if finding.verdict is not Verdict.WINNER:
                remark = f"; on the certified workloads{remark}"
                return self._answer(finding, reproduced, remark)
        salt = secrets.token_hex(16)
        fresh = await self._again.workloads(salt)
        if set_digest(fresh) != held_out.workloads:
            pair = await self._again.pair(salt)
            finding = self._judged(pair, salt, fresh, looks=1)
            return self._answer(finding, pair, f"; on fresh workloads{remark}")
        # One fixed set: there is nothing that nobody has seen, and no other level than its own.
        pair = reproduced or await self._again.pair(salt)
        finding = self._judged(pair, salt, fresh, self._certificate.finding.looks)
        remark = f"; on the certified workloads once more, since the judge has no others{remark}"
        return self._answer(finding, pair, remark)

    def _workload_faults(self, refs: Sequence[WorkloadRef]) -> Iterator[str]:
        certificate = self._certificate
        if set_digest(refs) != certificate.held_out.workloads:
            yield "salt or workloads: the judge makes other workloads of the recorded salt"
            return
        for name, evaluation in self._certified():
            if fault := workload_fault(evaluation.samples, refs):
                yield f"samples: of the {name}: {fault}"
        if _shares(refs) != certificate.finding.shares:
            words = plain(_shares(refs)) or "nothing"
            yield f"finding: units share {words}, unlike in the certificate"

    def _certified(self) -> tuple[tuple[str, Evaluation], tuple[str, Evaluation]]:
        certificate = self._certificate
        return (
            ("winner", certificate.evaluation(certificate.winner)),
            ("baseline", certificate.evaluation(certificate.baseline)),
        )

    async def _compared(self, pair: Pair) -> tuple[list[str], str]:
        """What differs from the certified samples, and a remark where that cannot be said.

        A program may throw dice although its judge does not: then it differs from itself, too.
        """
        metrics = self._task.brief.metrics
        measured = {"winner": pair.best, "baseline": pair.baseline}
        found = {
            name: list(differences(metrics, evaluation.samples, measured[name].samples))
            for name, evaluation in self._certified()
        }
        if not any(found.values()):
            return [], ""
        once_more = await self._again.pair(self._certificate.held_out.salt)
        again = {"winner": once_more.best, "baseline": once_more.baseline}
        varying = [
            name
            for name in found
            if any(differences(metrics, measured[name].samples, again[name].samples))
        ]
        faults = [
            f"samples: the {name}'s {words}"
            for name, all_words in found.items()
            for words in all_words
            if name not in varying
        ]
        if not varying:
            return faults, ""
        who = " and the ".join(varying)
        return faults, f"; figures of the {who} vary, so they were not compared with the certified"

    def _judged(self, pair: Pair, salt: str, refs: Sequence[WorkloadRef], looks: int) -> Finding:
        return judge_held_out(
            self._task.objective,
            self._task.brief.constraints,
            pair.baseline,
            pair.best,
            trial=self._certificate.finding.trial,
            salt=salt,
            looks=looks,
            shares=_shares(refs),
            accept_isolation=self._accept,
        )

    def _answer(self, finding: Finding, pair: Pair, remark: str) -> Verification:
        if self._claim.judge == "bundled":
            remark += "; judged by the copy of the task that came along, so by nobody else"
        return replace(
            self._claim.answer(self._standing(finding, pair), finding.reason + remark),
            baseline=finding.baseline,
            best=finding.best,
            effect=finding.effect,
            level=finding.level,
            units=finding.units,
            salt=finding.salt,
            workloads=finding.workloads,
            fingerprint=self._describe(pair.best.isolation),
        )

    def _standing(self, finding: Finding, pair: Pair) -> Standing:
        """A winner is refuted only if it fails, or lies wholly below the least effect that counts.

        Without a baseline, with too little isolation or with too few units nothing can be said.
        """
        if finding.verdict is Verdict.WINNER:
            return Standing.HOLDS
        if pair.baseline.status is not Status.SCORED:
            return Standing.INCONCLUSIVE
        scored = pair.best.status is Status.SCORED
        if not scored or violation(self._task.brief.constraints, pair.best) > 0.0:
            return Standing.DOES_NOT_HOLD
        if finding.verdict is Verdict.REFUSED or finding.units < MIN_UNITS:
            return Standing.INCONCLUSIVE
        high = None if finding.effect is None else finding.effect.high
        refuted = high is not None and high <= self._task.objective.min_effect
        return Standing.DOES_NOT_HOLD if refuted else Standing.INCONCLUSIVE


def _shares(refs: Sequence[WorkloadRef]) -> str:
    return ", ".join(sorted({ref.shares for ref in refs} - {""}))
