"""The port for the durable record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.call import RecordedCall, Spending
from adrs.model.evaluation import Evaluation
from adrs.model.facts import Fact, Noted
from adrs.model.metric import Direction
from adrs.model.moment import Moment
from adrs.model.program import Program
from adrs.model.round import Lease, Rehearsal, Round, Submission
from adrs.model.run import RunInfo, RunSettings
from adrs.model.task import Task
from adrs.model.trial import Rejection, Trial
from adrs.model.verdict import Finding
from adrs.model.verification import Verification


@runtime_checkable
class Record(Protocol):
    """The read side: what other processes, dashboards and scripts look at.

    Every method that takes a run raises NotInStore if there is none of that name.
    """

    def runs(self) -> Sequence[RunInfo]:
        """All runs, newest first."""
        ...

    def run(self, name: str) -> RunInfo: ...

    def task(self, run: str) -> Task:
        """The task as it was when the run was created, whatever became of its folder since."""
        ...

    def trials(self, run: str, first: int = 0, count: int | None = None) -> Sequence[Trial]:
        """Asked trials by number, from `first` on."""
        ...

    def trial(self, run: str, number: int) -> Trial:
        """Raises NotInStore if there is no such trial."""
        ...

    def told(self, run: str) -> Sequence[Trial]:
        """Trials whose result was accepted, in the order of tells: what a resume replays.

        Their evaluations are those of the search stages.
        """
        ...

    def in_flight(self, run: str) -> Sequence[Trial]:
        """Trials that were asked and not told, in the order of asks."""
        ...

    def best_number(self, run: str, direction: Direction) -> int | None:
        """The told trial with the best score, feasible before infeasible, the earlier of equals.

        None if no trial has a score.
        """
        ...

    def last_ordinal(self, run: str) -> int:
        """The highest recorded proposal ordinal; -1 if there is none."""
        ...

    def rejections(self, run: str) -> Sequence[tuple[int, Rejection]]:
        """Rejections with their ordinals, in the order of asks."""
        ...

    def references(self, run: str) -> Sequence[tuple[str, Evaluation]]:
        """Evaluations of reference programs, in the order they were made."""
        ...

    def finding(self, run: str) -> Finding | None:
        """The last verdict."""
        ...

    def calibration(self, run: str) -> Calibration | None:
        """The last calibration."""
        ...

    def attack(self, run: str) -> Attack | None:
        """What the last adversary of the run found."""
        ...

    def certificate(self, run: str, trial: int | None = None) -> str | None:
        """The canonical JSON of the run's last certificate, or of the last one of a trial."""
        ...

    def verifications(self, certificate: str = "") -> Sequence[Verification]:
        """Attempts to verify a certificate (its id), or all there were; in order."""
        ...

    def notes(self, run: str) -> Sequence[Noted]: ...

    def calls(self, run: str) -> Sequence[RecordedCall]:
        """Every call of a model, in the order they were made."""
        ...

    def prompt(self, digest: str) -> bytes:
        """The words of a prompt: `Prompt.content`. Raises NotInStore if it was never stored."""
        ...

    def spending(self, run: str) -> Spending:
        """What the run's model calls cost."""
        ...

    def rounds(self, run: str) -> Sequence[Round]:
        """Every round of a proposer that waits, in the order they began."""
        ...

    def open_rounds(self, run: str) -> Sequence[Round]:
        """Those that neither a trial nor a rejection answered, in the order they began."""
        ...

    def rehearsals(self, run: str) -> Sequence[Rehearsal]:
        """Drafts that were tried before they were proposed, in order."""
        ...

    def leases(self, run: str) -> Sequence[Lease]:
        """All leases that agents were given, in order."""
        ...

    def submission(self, run: str, ordinal: int) -> Submission | None:
        """What an agent handed in for a round."""
        ...

    def outcome(self, run: str, ordinal: int) -> Trial | Rejection | None:
        """What became of a proposal; None while it is in the making."""
        ...

    def looks(self, workloads: str, run: str = "") -> int:
        """How often the held-out set with this hash was looked at, by any run in the store.

        Looks of `run` count whatever set they were at: a run that draws a fresh set after each
        verdict would else try until it wins.
        """
        ...

    def moments(self, run: str) -> Sequence[Moment]:
        """Rounds begun, proposals asked or refused and trials told, in the order they came."""
        ...

    def damages(self, run: str) -> Sequence[str]:
        """Bytes of a run that do not match their hash, in words that name trial, file or call."""
        ...

    def program(self, program_id: str) -> Program:
        """Raises NotInStore if it was never stored."""
        ...

    def fingerprint(self, digest: str) -> dict[str, object]:
        """The description behind an evaluation's fingerprint."""
        ...


@runtime_checkable
class Store(Record, Protocol):
    """The write side. A fact is durable against kill -9 when the method returns.

    Raises, from any method: StoreUnavailable if the medium is full, locked or damaged.
    """

    def create_run(self, task: Task, settings: RunSettings) -> RunInfo:
        """Records a new run and the programs of its task."""
        ...

    def amend_run(self, run: str, settings: RunSettings) -> None:
        """Records new settings, as a resume with more trials does."""
        ...

    def claim(self, run: str) -> AbstractContextManager[None]:
        """Holds the run for one engine; released even by kill -9.

        Raises:
            RunIsLive: another engine holds it.
        """
        ...

    def append(self, run: str, facts: Sequence[Fact]) -> None:
        """Records facts in order, all or none."""
        ...

    def keep_fingerprint(self, description: dict[str, object]) -> str:
        """Stores a description once; returns its digest."""
        ...

    def keep_verification(self, verification: Verification) -> None:
        """Records an attempt to verify a certificate, as well as its look at the held-out set."""
        ...

    def lease(self, run: str, proposer: str, agent: str, seconds: float) -> Lease | None:
        """Gives an agent the oldest open round of a proposer that no other holds.

        A lease that is over gives its round back. None if there is no such round.
        """
        ...

    def submit(self, run: str, lease: str, submission: Submission) -> Lease:
        """Hands a program in under a lease.

        Raises:
            NotInStore: there is no such lease.
            LeaseOver: its time is over and another agent has the round, or it was answered before.
        """
        ...

    def release(self, run: str, lease: str) -> None:
        """Gives a round back before its time.

        Raises:
            NotInStore: there is no such lease.
        """
        ...

    def request_stop(self, run: str) -> None:
        """Asks the engine of a live run to end; it sees `RunInfo.stop_requested`."""
        ...

    def delete_run(self, run: str) -> None:
        """Forgets a run and what only it used. Looks at held-out sets are never forgotten.

        Raises:
            RunIsLive: an engine holds it.
        """
        ...

    def check(self) -> Sequence[str]:
        """Faults found in the store, in words; empty if it is whole."""
        ...

    def close(self) -> None: ...
