"""What the commits of a run are: a function of its record, trial by trial in the order of tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adrs.model.evaluation import Score
from adrs.model.metric import Direction
from adrs.model.program import Program
from adrs.model.task import Task
from adrs.model.text import harmless
from adrs.model.trial import Trial
from adrs.store.lineage_objects import Commit, accepted, blob_id
from adrs.store.lineage_words import commit_message

BLOCK = 100
"""Trials after which a ledger is final and another begins."""

_HOLDS = re.compile(r"^Adrs-Holds: (\d+) ([0-9a-f]{40})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """A told trial.

    Attributes:
        trial: with the evaluations that it had when it was told.
        told: its place in the order of tells.
        at: when it was told, in whole seconds since 1970.
    """

    trial: Trial
    told: int
    at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides which of two trials is the better one."""

    number: int
    island: int
    told: int
    score: Score


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a commit says that reaches all the trials of a block.

    Attributes:
        id: of the commit.
        holds: trial to commit, in the order of tells.
    """

    id: str
    holds: Mapping[int, str]

    @classmethod
    def among(cls, commits: Iterable[tuple[str, str]]) -> list[Ledger]:
        """Reads those of these commits, id and message, that are ledgers.

        Along the first parents of a ledger there are others, and before them trials.
        """
        ledgers = [
            cls(name, {int(number): held for number, held in _HOLDS.findall(message)})
            for name, message in commits
        ]
        return [ledger for ledger in ledgers if ledger.holds]

    @property
    def full(self) -> bool:
        """Whether no further trial belongs to its block."""
        return len(self.holds) == BLOCK


class History:
    """The commits of a run so far, and where its branches point.

    No trial is lost although none has a branch: every BLOCK of them has a ledger, a commit without
    files whose parents are the ledger before it and those of its trials that are no parent of
    another. So the last ledger reaches them all. While its block is not full, each state of the
    record has a ledger of its own.

    Attributes:
        told: how many trials are in.
        commits: trial to commit.
        heads: the best trial, and that of each island: branch to trial.
        tip: the ledger made last; None before there is one.
    """

    def __init__(self, run: str, task: Task) -> None:
        self.told = 0
        self.commits: dict[int, str] = {}
        self.heads: dict[str, int] = {}
        self.tip: str | None = None
        self._run = run
        self._direction = task.objective.metric.direction
        self._units = {metric.name: metric.unit for metric in task.brief.metrics}
        self._ranks: dict[str, tuple[float, float, int]] = {}
        self._blobs: dict[str, str] = {}
        self._at = 0
        self._full: str | None = None
        self._block: dict[int, str] = {}
        self._tips: dict[str, None] = {}

    def resume(self, ledgers: Iterable[Ledger], standings: Iterable[Standing]) -> None:
        """Goes on after those full blocks at the start that are in a repository.

        Args:
            ledgers: in order.
            standings: of all scored trials.
        """
        for ledger in ledgers:
            if ledger.full:
                self.commits |= ledger.holds
                self.told += BLOCK
                self.tip = self._full = ledger.id
        for standing in standings:
            if standing.told < self.told:
                self._compare(standing)

    @property
    def open(self) -> bool:
        """Whether the block of the last trial is not full, so that it has no final ledger."""
        return bool(self._block)

    def add(self, step: Step) -> list[Commit]:
        """The commit of the next told trial, and the ledger of its block if that is full now."""
        trial = step.trial
        files, fresh = self._content(trial.program)
        known = dict.fromkeys(n for n in trial.lineage.parents if n in self.commits)
        parents = [self.commits[number] for number in known]
        message = commit_message(self._run, trial, step.told, self._units)
        commit = Commit(files, parents, step.at, message, fresh)
        for parent in parents:
            self._tips.pop(parent, None)
        self._tips[commit.id] = None
        self.commits[trial.number] = self._block[trial.number] = commit.id
        self.told += 1
        self._at = step.at
        if trial.score is not None:
            self._compare(Standing(trial.number, trial.island, step.told, trial.score))
        if len(self._block) < BLOCK:
            return [commit]
        ledger = self.ledger()
        self._full = ledger.id
        self._block, self._tips = {}, {}
        return [commit, ledger]

    def ledger(self) -> Commit:
        """The ledger of the block that is open, for what is in it now."""
        last = self.told - 1
        lines = [
            f"{harmless(self._run)}: trials told {self.told - len(self._block)} to {last}",
            "",
            f"Adrs-Run: {harmless(self._run)}",
            *(f"Adrs-Holds: {number} {commit}" for number, commit in self._block.items()),
            "",
        ]
        before = [] if self._full is None else [self._full]
        ledger = Commit({}, [*before, *self._tips], self._at, "\n".join(lines))
        self.tip = ledger.id
        return ledger

    def _content(self, program: Program) -> tuple[dict[str, str], dict[str, bytes]]:
        files: dict[str, str] = {}
        fresh: dict[str, bytes] = {}
        for path, digest in program.digests.items():
            blob = self._blobs.get(digest)
            if blob is None:
                content = program.files[path]
                blob = self._blobs[digest] = blob_id(content)
                fresh[blob] = content
            files[accepted(path)] = blob
        return files, fresh

    def _compare(self, one: Standing) -> None:
        """Moves the branches of the best."""
        sign = 1.0 if self._direction is Direction.MINIMIZE else -1.0
        rank = (one.score.violation, sign * one.score.cautious(self._direction), one.told)
        for branch in ("best", f"island-{one.island}"):
            if branch not in self._ranks or rank < self._ranks[branch]:
                self._ranks[branch] = rank
                self.heads[branch] = one.number
