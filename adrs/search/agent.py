"""Somebody outside of the engine who takes a proposer's part in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from adrs.errors import (
    AdrsError,
    ConfigError,
    LeaseOver,
    NotInStore,
    ProgramError,
    Unavailable,
)
from adrs.model.facts import Noted
from adrs.model.program import Program
from adrs.model.round import Lease, Submission
from adrs.model.run import RunStatus
from adrs.model.text import harmless
from adrs.ports.store import Record, Store
from adrs.search.editing import edit_fault
from adrs.search.outside import LINE, NAME

LONGEST_NOTE = 2000
LONGEST_LEASE_MINUTES = 7 * 24 * 60


class Agent:
    """A script or a coding agent, and all that it may do to a run.

    It answers rounds that it holds a lease on, notes what it found under its own name, and asks the
    engine to end. It measures nothing and tells nothing.

    Args:
        name: how it calls itself; untrusted, and kept within bounds.
        proposer: the name of the proposer whose rounds it answers.

    Raises:
        ConfigError: the name is empty.
        NotInStore: there is no such run.
    """

    def __init__(self, store: Store, run: str, name: str, proposer: str) -> None:
        self.name = harmless(name, NAME)
        self.run = store.run(run).name
        self._store = store
        self._proposer = proposer
        if not self.name:
            raise ConfigError("an agent needs a name, which its trials are shown with")

    # --- leases --------------------------------------------------------------------------

    def take(self, minutes: float) -> Lease | None:
        """A lease on the oldest open round that nobody holds; None if there is none now.

        Args:
            minutes: how long the round is kept for this agent.

        Raises:
            ConfigError: not a time that a lease may have.
            ConfigError: nobody outside can propose in this run.
        """
        if not 0 < minutes <= LONGEST_LEASE_MINUTES:
            raise ConfigError(
                f"a lease takes more than 0 and at most {LONGEST_LEASE_MINUTES} minutes, "
                f"not {minutes:g}"
            )
        proposers = self._store.run(self.run).settings.proposers
        if self._proposer not in proposers:
            raise ConfigError(
                f"run {self.run} takes no proposals from outside, only from "
                f"{', '.join(proposers)}; start one that does: "
                f"adrs run TASK --proposer {self._proposer}"
            )
        return self._store.lease(self.run, self._proposer, self.name, 60 * minutes)

    def give_back(self, lease: str) -> None:
        """Leaves a round to others.

        Raises:
            NotInStore: there is no such lease.
            LeaseOver: it was answered.
        """
        if lease_named(self._store, self.run, lease).submitted:
            raise LeaseOver(f"lease {lease} was answered already, so there is nothing to give back")
        self._store.release(self.run, lease)

    @property
    def over(self) -> bool:
        """Whether the last engine ended in order and none is at work, so that waiting is vain."""
        info = self._store.run(self.run)
        return info.status is not RunStatus.RUNNING and not info.live

    def idle(self) -> AdrsError:
        """Why there is no round to take, with the cure."""
        info = self._store.run(self.run)
        if not info.live:
            more = " --trials N" if info.told > info.settings.trials else ""
            return Unavailable(
                f"no engine is at work on {self.run}, so it has no open proposal; "
                f"start one: adrs run --resume {self.run}{more}"
            )
        held = self._held()
        mine = [one.id for one in held if one.agent == self.name]
        words = f"{self.run} has no proposal that is free"
        if mine:
            words += f"; {self.name} holds {', '.join(mine)}: answer one or give it back first"
        elif held:
            words += f"; others hold {len(held)}: wait longer, or let more be open at the same time"
            words += " (adrs run --calls-in-flight N)"
        else:
            words += " now: its engine is busy with evaluations, or about to end; wait longer"
        return Unavailable(words)

    def _held(self) -> list[Lease]:
        open_now = {one.ordinal for one in self._store.open_rounds(self.run)}
        now = datetime.now(UTC)
        return [
            one
            for one in self._store.leases(self.run)
            if one.round.ordinal in open_now and not one.submitted and one.expires_at > now
        ]

    # --- answers -------------------------------------------------------------------------

    def parent(self, lease: Lease) -> Program:
        """The program that the holder of a lease is to change.

        Raises:
            NotInStore: the run was deleted meanwhile.
        """
        return self._store.trial(self.run, lease.round.parent).program

    def hand_in(self, lease: Lease, program: Program, plan: str = "") -> None:
        """Answers a round. What is refused leaves the lease as it is.

        Raises:
            ProgramError: it changes nothing, or what it may not.
            LeaseOver: another agent has the round now, or it was answered.
        """
        if program == self.parent(lease):
            raise ProgramError(
                f"nothing was changed in the program of trial {lease.round.parent}; the lease "
                "still holds, so change it and hand it in again"
            )
        task = self._store.task(self.run)
        if fault := edit_fault(program, task.seed, task.brief):
            raise ProgramError(
                f"{fault}; the lease still holds, so put it right and hand it in again"
            )
        submission = Submission(lease.agent, program, harmless(plan, LINE))
        self._store.submit(self.run, lease.id, submission)

    # --- the run -------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Puts a finding into the run's notebook.

        Raises:
            ConfigError: see `checked_note`.
        """
        self._store.append(self.run, [checked_note(f"agent:{self.name}", text)])

    def ask_to_stop(self, reason: str = "") -> None:
        """Asks the engine to end in order, and notes who did."""
        self.note(f"asked the run to stop: {reason[:LINE]}" if reason else "asked the run to stop")
        self._store.request_stop(self.run)


def lease_named(record: Record, run: str, lease: str) -> Lease:
    """A lease by its id.

    Raises:
        NotInStore: there is no such run, or no lease of that id in it.
    """
    found = next((one for one in record.leases(run) if one.id == lease), None)
    if found is None:
        raise NotInStore(f"run {run} gave no lease {lease[:40]!a}; take one with: adrs ask {run}")
    return found


def checked_note(origin: str, text: str) -> Noted:
    """A note that may be recorded.

    Raises:
        ConfigError: it is empty, or longer than LONGEST_NOTE characters.
    """
    text = text.strip()
    if not text:
        raise ConfigError("a note needs some words")
    if len(text) > LONGEST_NOTE:
        raise ConfigError(
            f"a note has at most {LONGEST_NOTE:,} characters, this one {len(text):,}; say less, "
            "or several notes"
        )
    return Noted(origin, text)


def changed(program: Program, files: Mapping[str, str], deletions: Sequence[str] = ()) -> Program:
    """A program with files replaced or added as text, and others taken away.

    Raises:
        ProgramError: a file to be taken away is not there, or is replaced at the same time.
        ProgramError: text that UTF-8 cannot carry.
        ProgramError: what comes of it is not a program.
    """
    kept = dict(program.files)
    for path in deletions:
        if path in files or kept.pop(path, None) is None:
            raise ProgramError(
                f"{path!a} cannot be deleted: the parent has no such file, it is named twice, or "
                "it is among the files too"
            )
    try:
        return Program({**kept, **{path: text.encode() for path, text in files.items()}})
    except UnicodeEncodeError:
        raise ProgramError(
            "a file has half of a surrogate pair, which UTF-8 cannot carry; write the character"
        ) from None
