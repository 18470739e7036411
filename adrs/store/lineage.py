"""Every program of every run as a commit, in a bare git repository beside the record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from adrs.store.lineage_checking import faults
from adrs.store.lineage_git import Repository
from adrs.store.lineage_history import BLOCK, History, Ledger
from adrs.store.lineage_objects import IDENTITY, Commit, branch_of
from adrs.store.lineage_record import LineageRecord
from adrs.store.opening import FILE_NAME, store_file

FOLDER = "lineage.git"
BATCH = 5 * BLOCK
"""Trials that are written at once: then another writer may have its turn."""

_PAGE = 25
_OURS = re.compile(r"([^/]+)/(all|best|winner|island-\d+)")


class GitLineage:
    """Follows a record: told trials become commits whose parents are those of their lineage.

    It is made of the record alone, so it may be deleted at any time, and each state of the record
    has one lineage, to the last id. Which trials are in is read from the repository itself.

    Branches of a run: `all` reaches every trial; `best`, and `island-N` for the best that was made
    on an island; `winner`, the trial that was certified last.

    Args:
        file: of the record, which is there.

    Raises, from any method:
        Unavailable: git is missing or fails, or the repository cannot be written.
        StoreUnavailable: the record cannot be read.
        NotInStore: there is no such run.
    """

    def __init__(self, file: Path) -> None:
        file = file.absolute()
        beside = FOLDER if file.name == FILE_NAME else f"{file.name}.{FOLDER}"
        self.folder = file.with_name(beside)
        self._record = LineageRecord(file)
        self._repository = Repository(self.folder, file.with_name(f"{file.name}.locks") / "lineage")
        self._histories: dict[str, History] = {}

    def close(self) -> None:
        """Ends what it has open of the record."""
        self._record.close()

    def exists(self) -> bool:
        """Whether there is a repository."""
        return self._repository.exists()

    def follow(self, run: str) -> bool:
        """Writes told trials that are missing, BATCH at most; whether there are more."""
        if not self._record.run(run).told:
            return False
        with self._repository.writing():
            if not self._repository.exists():
                self._repository.make()
                self._histories.clear()
            history = self._histories.pop(run, None)  # lost if anything goes wrong
            branches = self._repository.branches(f"{branch_of(run)}/")
            if history is None or history.tip != branches.get("all"):
                history = self._resumed(run, "all" in branches)
            told = self._record.run(run).told
            if history.told < told or not self._targets(run, history).items() <= branches.items():
                self._repository.import_stream(self._stream(run, history))
            self._histories[run] = history
            return history.told < told

    def catch_up(self, run: str) -> None:
        """Writes all told trials that are missing."""
        while self.follow(run):
            pass

    def commits(self, run: str) -> dict[int, str]:
        """Trial to commit, of all told trials; it catches up first if that is necessary."""
        found = self._written(run)
        if found is None:
            self.catch_up(run)
            found = self._written(run)
        return found or {}

    def forget(self, run: str) -> None:
        """Removes what belongs to a run, which the record has forgotten."""
        if not self.exists():
            return
        with self._repository.writing():
            prefix = f"{branch_of(run)}/"
            self._histories.pop(run, None)
            branches = self._repository.branches(prefix)
            self._repository.delete_branches(f"{prefix}{name}" for name in branches)
            self._repository.pack()

    def tidy(self) -> int:
        """Packs tightly and removes what is left of runs that are gone; bytes that it freed."""
        if not self.exists():
            return 0
        with self._repository.writing():
            before = self._repository.size()
            known = {branch_of(info.name) for info in self._record.runs()}
            ours = (_OURS.fullmatch(name) for name in self._repository.branches())
            self._repository.delete_branches(one[0] for one in ours if one and one[1] not in known)
            self._repository.pack()
            return before - self._repository.size()

    def faults(self) -> Sequence[str]:
        """What in the repository is not as the record has it, in words.

        That trials are missing which nobody has written yet is no fault.
        """
        if not self.exists():
            return []
        with self._repository.writing():
            return [
                f"{self.folder.name}: {fault}; delete {self.folder}, it is made again from the "
                "record"
                for fault in faults(self._repository, self._record)
            ]

    def _written(self, run: str) -> dict[int, str] | None:
        """Trial to commit; None if something is missing."""
        if not self.exists():
            return None
        branches = self._repository.branches(f"{branch_of(run)}/")
        ledgers = self._ledgers(run) if "all" in branches else []
        found = {number: commit for ledger in ledgers for number, commit in ledger.holds.items()}
        certified = self._record.certified(run)
        winner = found.get(certified[-1]) if certified else None
        whole = len(found) == self._record.run(run).told and branches.get("winner") == winner
        return found if whole else None

    def _resumed(self, run: str, begun: bool) -> History:
        """What is in the repository; nothing where that cannot be a state of this record."""
        history = History(run, self._record.task(run))
        ledgers = self._ledgers(run) if begun else []
        held = sum(len(ledger.holds) for ledger in ledgers)
        if held <= self._record.run(run).told and all(ledger.full for ledger in ledgers[:-1]):
            history.resume(ledgers, self._record.standings(run))
        return history

    def _ledgers(self, run: str) -> list[Ledger]:
        return Ledger.among(self._repository.first_parents(f"{branch_of(run)}/all"))

    def _targets(self, run: str, history: History) -> dict[str, str]:
        """Where the branches of a run should point."""
        if history.tip is None:
            return {}
        trials = dict(history.heads)
        for number in self._record.certified(run)[-1:]:
            trials["winner"] = number
        known = ((name, history.commits.get(number)) for name, number in trials.items())
        return {"all": history.tip, **{name: commit for name, commit in known if commit}}

    def _stream(self, run: str, history: History) -> Iterator[bytes]:
        """What `git fast-import` reads, for the next trials that were told."""
        branch = f"refs/heads/{branch_of(run)}/"
        marks: dict[str, str] = {}
        end = history.told + BATCH
        while steps := self._record.steps(run, history.told, min(_PAGE, end - history.told)):
            for step in steps:
                for commit in history.add(step):
                    yield from _described(commit, f"{branch}all", marks)
        if marks and history.open:
            yield from _described(history.ledger(), f"{branch}all", marks)
        for name, target in self._targets(run, history).items():
            yield f"reset {branch}{name}\nfrom {marks.get(target, target)}\n\n".encode()
        yield b"done\n"


def open_lineage(url: str | Path | None = None) -> GitLineage:
    """The git lineage of a store that is there; `url` as for `open_store`.

    Raises:
        ConfigError: a kind of store that there is not.
    """
    return GitLineage(store_file(url))


def _described(commit: Commit, branch: str, marks: dict[str, str]) -> Iterator[bytes]:
    """A commit in the language of fast-import, which knows it by a mark from then on."""
    for content in commit.fresh.values():
        yield b"blob\ndata %d\n%s\n" % (len(content), content)
    marks[commit.id] = mark = f":{len(marks) + 1}"
    parents = [marks.get(parent, parent) for parent in commit.parents]
    message = commit.message.encode()
    time = f"{IDENTITY} {commit.at} +0000"
    lines = [
        *([] if parents else [f"reset {branch}"]),
        f"commit {branch}",
        f"mark {mark}",
        f"author {time}",
        f"committer {time}",
        f"data {len(message)}",
    ]
    yield "\n".join(lines).encode() + b"\n" + message
    changes = [
        *(f"{'merge' if index else 'from'} {parent}" for index, parent in enumerate(parents)),
        "deleteall",
        *(f"M 100644 {blob} {_quoted(path)}" for path, blob in commit.files.items()),
    ]
    yield "\n".join(changes).encode() + b"\n"


def _quoted(path: str) -> str:
    return '"' + path.replace('"', '\\"') + '"'
