"""What is otherwise here than where a run was recorded: versions, machine, sandbox."""

from __future__ import annotations

from collections.abc import Iterable

from adrs.errors import NotInStore
from adrs.model.evaluation import Evaluation
from adrs.model.isolation import Isolation
from adrs.model.surroundings import Description, unlikenesses
from adrs.model.task import Task
from adrs.model.trial import Lineage
from adrs.ports.proposer import Proposer
from adrs.ports.store import Record
from adrs.search.fingerprint import describe

# What a proposal may depend on.
_SOFTWARE = frozenset({"version of ADRS", "version of Python"})


class Surroundings:
    """Compares where something was recorded with where it is done again.

    None of it is a difference of the run. It may be the cause of one.
    """

    def __init__(self, record: Record, task: Task, seed: int) -> None:
        self._record = record
        self._task = task
        self._seed = seed
        self._compared: set[str] = set()
        self._proposers: list[str] = []
        self._found: dict[str, str] = {}
        self._more: dict[str, None] = {}

    @property
    def notes(self) -> list[str]:
        """Everything that is otherwise, in words."""
        return [*self._proposers, *self._found.values(), *self._more]

    def note(self, words: str) -> None:
        """Something else that is worth knowing."""
        self._more[words] = None

    def compare_proposers(self, proposers: Iterable[Proposer], recorded: Iterable[Lineage]) -> None:
        """Versions of proposers."""
        known: dict[str, dict[str, None]] = {}
        for lineage in recorded:
            known.setdefault(lineage.proposer, {})[lineage.version] = None
        for one in proposers:
            others = [version for version in known.get(one.name, {}) if version != one.version]
            if others:
                self._proposers.append(
                    f"another version of the proposer {one.name}: {one.version}, recorded is "
                    f"{' and '.join(others)}"
                )

    def compare_engine(self, evaluations: Iterable[Evaluation]) -> None:
        """Versions and machine, of all places where a run was measured."""
        places = {one.fingerprint: one for one in evaluations if one.fingerprint}
        recorded = [self._described(one) for one in places.values()]
        here = [self._here(one.isolation) for one in places.values()]
        self._compare([one for one in recorded if one], here)

    def compare_room(self, recorded: Evaluation, isolation: Isolation) -> None:
        """Sandbox and libraries, now that something was measured again."""
        if recorded.fingerprint and recorded.fingerprint not in self._compared:
            self._compared.add(recorded.fingerprint)
            if (known := self._described(recorded)) is not None:
                self._compare([known], [self._here(isolation)])

    def _compare(self, recorded: list[Description], here: list[Description]) -> None:
        for one in unlikenesses([recorded, here]):
            was, now = one.values
            words = f"another {one.what} than in the record: {now}, recorded is {was}"
            self._found.setdefault(one.what, words)

    def _described(self, evaluation: Evaluation) -> Description | None:
        try:
            return self._record.fingerprint(evaluation.fingerprint)
        except NotInStore:
            return None

    def _here(self, isolation: Isolation) -> Description:
        return describe(self._task, isolation, self._seed)

    def cause_of_proposal(self) -> str:
        """Why a proposal may be another."""
        software = [words for what, words in self._found.items() if what in _SOFTWARE]
        return "; ".join([*self._proposers, *software]) or (
            "none of the recorded inputs has changed, so the proposer, the archive or a library "
            "that they use does something else than it did, or the record was edited"
        )

    def cause_of_figure(self) -> str:
        """Why a figure may be another."""
        return "; ".join(self._found.values()) or (
            "task, machine, sandbox and versions are those of the record, so the program or the "
            "judge does not always do the same, or the record was edited"
        )
