"""Every exception that ADRS raises on purpose.

    AdrsError                     exit status
    ├── UnusableInput             2   something handed in cannot be used as it is
    │   ├── ConfigError           2   a task.toml, an option or a setting is wrong
    │   ├── ProgramError          2   files that are not a program (names, links, size)
    │   ├── PluginError           2   a named plug-in is missing or does not load
    │   ├── SeedFailed            2   the seed program does not score, so a search has no start
    │   ├── NotInStore            2   no such run, trial or blob
    │   ├── StoreVersionError     2   the store was written by a newer ADRS
    │   ├── CertificateChanged    2   a certificate, or what lies beside it, is not what it says
    │   ├── LeaseOver             2   an agent answers a proposal that is not its own any more
    │   └── RunIsLive             2   another engine holds this run
    ├── Unavailable               3   something outside is missing or broken; the store is kept
    │   ├── SandboxUnavailable    3   the sandbox is broken, never the candidate's fault
    │   ├── ModelUnavailable      3   a model's server is down, or declines every call
    │   └── StoreUnavailable      3   the store cannot be used (full disk, locked, damaged)
    ├── BudgetSpent               0   money or tokens for models are over; the search ends in order
    └── TrialStateError           1   a caller broke the ask/tell protocol

Messages say what was expected, what came, and the cure.
"""

from __future__ import annotations

from typing import ClassVar


class AdrsError(Exception):
    """The root of the tree; `exit_status` is what the command line ends with."""

    exit_status: ClassVar[int] = 1


class UnusableInput(AdrsError):
    """Something handed in cannot be used as it is."""

    exit_status = 2


class ConfigError(UnusableInput):
    """A task.toml, an option or a setting is wrong."""


class ProgramError(UnusableInput):
    """Files that are not a program: a bad name, a link, too many, too large."""


class PluginError(UnusableInput):
    """A named plug-in is missing or does not load."""


class SeedFailed(UnusableInput):
    """The seed program does not score, so a search has no start."""


class NotInStore(UnusableInput):
    """No such run, trial or blob in this store."""


class StoreVersionError(UnusableInput):
    """The store was written by a newer ADRS than this one."""


class CertificateChanged(UnusableInput):
    """A certificate, or what lies beside it, is not what it says.

    Attributes:
        changed: every fault found, each in words.
        claims: the id and the task that it claims, as far as it could be read.
    """

    def __init__(
        self, message: str, changed: tuple[str, ...] = (), claims: tuple[str, str] = ("", "")
    ) -> None:
        super().__init__(message)
        self.changed = changed
        self.claims = claims


class LeaseOver(UnusableInput):
    """An agent answers a proposal that is not its own any more."""


class RunIsLive(UnusableInput):
    """Another engine holds this run."""


class Unavailable(AdrsError):
    """Something outside is missing or broken; what was stored is kept."""

    exit_status = 3


class SandboxUnavailable(Unavailable):
    """The sandbox is broken. Never the candidate's fault, and never a score."""


class ModelUnavailable(Unavailable):
    """A model's server is down or declines every call. Never a failed trial."""


class StoreUnavailable(Unavailable):
    """The store cannot be written or read: full disk, locked, damaged."""


class BudgetSpent(AdrsError):
    """A call of a model could cost more than what is left of the money or the tokens."""

    exit_status = 0


class TrialStateError(AdrsError):
    """A caller broke the ask/tell protocol, for instance told a trial twice."""
