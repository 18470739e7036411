"""Whether a git lineage is what the record makes of its trials."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from adrs.store.lineage_git import Repository
from adrs.store.lineage_history import History, Ledger
from adrs.store.lineage_objects import branch_of
from adrs.store.lineage_record import LineageRecord

_PAGE = 25
_MOST = 20
_OURS = re.compile(r"best|winner|island-\d+")


def faults(repository: Repository, record: LineageRecord) -> Iterator[str]:
    """Yield what is wrong, in words.

    An id says all about a commit: its files, its message and the whole of its past. So the ids are
    made again from the record, and only where one differs is git asked for more than branches.
    """
    broken = repository.broken()
    yield from (f"git fsck says: {line}" for line in broken[:_MOST])
    if not broken:
        for info in record.runs():
            yield from _Check(repository, record, info.name).faults()


class _Check:
    """The branches of one run."""

    def __init__(self, repository: Repository, record: LineageRecord, run: str) -> None:
        self._repository = repository
        self._record = record
        self._run = run
        self._branches = repository.branches(f"{branch_of(run)}/")
        self._trees: dict[int, str] = {}
        self._targets: dict[str, set[str]] = defaultdict(set)

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with them; without any, nobody has written the run yet."""
        ours = {name for name in self._branches if _OURS.fullmatch(name)}
        if not ours and "all" not in self._branches:
            return
        held = self._held() if "all" in self._branches else {}
        history, ledger = self._again(len(held))
        if len(held) > history.told:
            yield f"it holds {len(held)} trials of {self._run}, of which {history.told} are told"
        elif self._branches.get("all") != ledger:
            yield self._difference(held, history)
        for name in sorted(ours):
            if self._branches[name] not in self._targets[name]:
                yield f"the branch {self._run}/{name} is not where it was at any time of the run"

    def _held(self) -> dict[int, str]:
        """Trial to commit, as the ledgers say."""
        ledgers = Ledger.among(self._repository.first_parents(f"{branch_of(self._run)}/all"))
        return {number: commit for ledger in ledgers for number, commit in ledger.holds.items()}

    def _again(self, held: int) -> tuple[History, str | None]:
        """All that was told so far, and the last ledger when as many trials were told as are held.

        A killed writer may leave a branch behind the others, so each may be where it once was.
        """
        history, ledger = History(self._run, self._record.task(self._run)), None
        while steps := self._record.steps(self._run, history.told, _PAGE):
            for step in steps:
                commit = history.add(step)[0]
                self._trees[step.trial.number] = commit.tree
                for name, number in history.heads.items():
                    self._targets[name].add(history.commits[number])
                if history.told == held:
                    ledger = history.ledger().id if history.open else history.tip
        certified = self._record.certified(self._run)
        self._targets["winner"] = {history.commits[n] for n in certified if n in history.commits}
        return history, ledger

    def _difference(self, held: dict[int, str], history: History) -> str:
        """The first trial, in the order of tells, whose commit is another one."""
        for number, commit in held.items():
            if history.commits.get(number) != commit:
                same = self._repository.tree_of(commit) == self._trees.get(number)
                what = "says something else than" if same else "does not have the files of"
                return f"the commit of trial {self._run}/{number} {what} the record"
        return f"the branch {self._run}/all does not reach what the record has"
