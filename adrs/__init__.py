"""ADRS: AI-driven research for systems. The public door.

Names are resolved when they are first used, so that `import adrs` is cheap and has no effect.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adrs.archives import Greedy as Greedy
    from adrs.archives import Islands as Islands
    from adrs.config import load_task as load_task
    from adrs.config import read_options as read_options
    from adrs.config import read_program as read_program
    from adrs.errors import AdrsError as AdrsError
    from adrs.errors import BudgetSpent as BudgetSpent
    from adrs.errors import CertificateChanged as CertificateChanged
    from adrs.errors import ConfigError as ConfigError
    from adrs.errors import LeaseOver as LeaseOver
    from adrs.errors import ModelUnavailable as ModelUnavailable
    from adrs.errors import NotInStore as NotInStore
    from adrs.errors import PluginError as PluginError
    from adrs.errors import ProgramError as ProgramError
    from adrs.errors import RunIsLive as RunIsLive
    from adrs.errors import SandboxUnavailable as SandboxUnavailable
    from adrs.errors import SeedFailed as SeedFailed
    from adrs.errors import StoreUnavailable as StoreUnavailable
    from adrs.errors import StoreVersionError as StoreVersionError
    from adrs.errors import TrialStateError as TrialStateError
    from adrs.errors import Unavailable as Unavailable
    from adrs.errors import UnusableInput as UnusableInput
    from adrs.model.attack import Attack as Attack
    from adrs.model.attack import Counterexample as Counterexample
    from adrs.model.attack import Region as Region
    from adrs.model.calibration import Calibration as Calibration
    from adrs.model.call import Answer as Answer
    from adrs.model.call import AnswerStatus as AnswerStatus
    from adrs.model.call import Message as Message
    from adrs.model.call import ModelRequest as ModelRequest
    from adrs.model.call import Price as Price
    from adrs.model.call import Prompt as Prompt
    from adrs.model.call import RecordedCall as RecordedCall
    from adrs.model.call import Spending as Spending
    from adrs.model.evaluation import Evaluation as Evaluation
    from adrs.model.evaluation import Sample as Sample
    from adrs.model.evaluation import Score as Score
    from adrs.model.evaluation import Status as Status
    from adrs.model.evaluation import WorkloadRef as WorkloadRef
    from adrs.model.evaluation import set_digest as set_digest
    from adrs.model.facts import Asked as Asked
    from adrs.model.facts import Attacked as Attacked
    from adrs.model.facts import Beat as Beat
    from adrs.model.facts import Begun as Begun
    from adrs.model.facts import Calibrated as Calibrated
    from adrs.model.facts import Called as Called
    from adrs.model.facts import Calling as Calling
    from adrs.model.facts import Certified as Certified
    from adrs.model.facts import Ended as Ended
    from adrs.model.facts import Fact as Fact
    from adrs.model.facts import Found as Found
    from adrs.model.facts import Looked as Looked
    from adrs.model.facts import Measured as Measured
    from adrs.model.facts import Noted as Noted
    from adrs.model.facts import Refused as Refused
    from adrs.model.facts import Rehearsed as Rehearsed
    from adrs.model.facts import Started as Started
    from adrs.model.facts import Told as Told
    from adrs.model.isolation import NEEDED_FOR_WINNER as NEEDED_FOR_WINNER
    from adrs.model.isolation import Guarantee as Guarantee
    from adrs.model.isolation import Isolation as Isolation
    from adrs.model.isolation import IsolationLevel as IsolationLevel
    from adrs.model.isolation import Probe as Probe
    from adrs.model.metric import Aggregate as Aggregate
    from adrs.model.metric import Constraint as Constraint
    from adrs.model.metric import Direction as Direction
    from adrs.model.metric import Meter as Meter
    from adrs.model.metric import Metric as Metric
    from adrs.model.metric import Objective as Objective
    from adrs.model.moment import Moment as Moment
    from adrs.model.moment import MomentKind as MomentKind
    from adrs.model.program import Program as Program
    from adrs.model.round import Lease as Lease
    from adrs.model.round import Rehearsal as Rehearsal
    from adrs.model.round import Round as Round
    from adrs.model.round import Submission as Submission
    from adrs.model.run import RunInfo as RunInfo
    from adrs.model.run import RunSettings as RunSettings
    from adrs.model.run import RunStatus as RunStatus
    from adrs.model.task import Brief as Brief
    from adrs.model.task import Environment as Environment
    from adrs.model.task import EvaluatorChoice as EvaluatorChoice
    from adrs.model.task import Limits as Limits
    from adrs.model.task import Split as Split
    from adrs.model.task import Stage as Stage
    from adrs.model.task import Task as Task
    from adrs.model.text import harmless as harmless
    from adrs.model.trial import Admission as Admission
    from adrs.model.trial import Candidate as Candidate
    from adrs.model.trial import Idea as Idea
    from adrs.model.trial import Lineage as Lineage
    from adrs.model.trial import Rejection as Rejection
    from adrs.model.trial import RejectionKind as RejectionKind
    from adrs.model.trial import Selection as Selection
    from adrs.model.trial import Trial as Trial
    from adrs.model.verdict import Finding as Finding
    from adrs.model.verdict import Interval as Interval
    from adrs.model.verdict import Verdict as Verdict
    from adrs.model.verification import Standing as Standing
    from adrs.model.verification import Verification as Verification
    from adrs.plugins import Plugin as Plugin
    from adrs.plugins import installed_plugins as installed_plugins
    from adrs.ports.archive import Archive as Archive
    from adrs.ports.evaluator import NO_FEEDBACK as NO_FEEDBACK
    from adrs.ports.evaluator import Bench as Bench
    from adrs.ports.evaluator import Evaluator as Evaluator
    from adrs.ports.evaluator import Executor as Executor
    from adrs.ports.evaluator import Request as Request
    from adrs.ports.evaluator import Setting as Setting
    from adrs.ports.evaluator import Showing as Showing
    from adrs.ports.model import Models as Models
    from adrs.ports.model import ModelServer as ModelServer
    from adrs.ports.proposer import Context as Context
    from adrs.ports.proposer import Door as Door
    from adrs.ports.proposer import Proposer as Proposer
    from adrs.ports.sandbox import Exit as Exit
    from adrs.ports.sandbox import ExitReason as ExitReason
    from adrs.ports.sandbox import Job as Job
    from adrs.ports.sandbox import Preparing as Preparing
    from adrs.ports.sandbox import Process as Process
    from adrs.ports.sandbox import Room as Room
    from adrs.ports.sandbox import Sandbox as Sandbox
    from adrs.ports.sandbox import Session as Session
    from adrs.ports.sandbox import Sweeping as Sweeping
    from adrs.ports.store import Record as Record
    from adrs.ports.store import Store as Store
    from adrs.search import LocalExecutor as LocalExecutor
    from adrs.search import Observer as Observer
    from adrs.search import Run as Run
    from adrs.search import Search as Search
    from adrs.search import assemble as assemble
    from adrs.search import check_settings as check_settings
    from adrs.search import choose_sandbox as choose_sandbox
    from adrs.search import gains as gains
    from adrs.search import new_run as new_run
    from adrs.search import summarize as summarize
    from adrs.search.editing import edit_fault as edit_fault
    from adrs.search.outside import assignment as assignment
    from adrs.search.outside import briefing as briefing
    from adrs.search.outside import standings as standings
    from adrs.search.outside import told_of as told_of
    from adrs.store import open_store as open_store
    from adrs.trust import judge_held_out as judge_held_out
    from adrs.trust import mean_interval as mean_interval

_HOMES = {
    "adrs.archives": "Greedy Islands",
    "adrs.config": "load_task read_options read_program",
    "adrs.errors": (
        "AdrsError BudgetSpent CertificateChanged ConfigError LeaseOver ModelUnavailable "
        "NotInStore PluginError ProgramError RunIsLive SandboxUnavailable SeedFailed "
        "StoreUnavailable StoreVersionError TrialStateError Unavailable UnusableInput"
    ),
    "adrs.model.attack": "Attack Counterexample Region",
    "adrs.model.calibration": "Calibration",
    "adrs.model.call": (
        "Answer AnswerStatus Message ModelRequest Price Prompt RecordedCall Spending"
    ),
    "adrs.model.evaluation": "Evaluation Sample Score Status WorkloadRef set_digest",
    "adrs.model.facts": (
        "Asked Attacked Beat Begun Calibrated Called Calling Certified Ended Fact Found Looked "
        "Measured Noted Refused Rehearsed Started Told"
    ),
    "adrs.model.isolation": "Guarantee Isolation IsolationLevel NEEDED_FOR_WINNER Probe",
    "adrs.model.metric": "Aggregate Constraint Direction Meter Metric Objective",
    "adrs.model.moment": "Moment MomentKind",
    "adrs.model.program": "Program",
    "adrs.model.round": "Lease Rehearsal Round Submission",
    "adrs.model.run": "RunInfo RunSettings RunStatus",
    "adrs.model.task": "Brief Environment EvaluatorChoice Limits Split Stage Task",
    "adrs.model.text": "harmless",
    "adrs.model.trial": "Admission Candidate Idea Lineage Rejection RejectionKind Selection Trial",
    "adrs.model.verdict": "Finding Interval Verdict",
    "adrs.model.verification": "Standing Verification",
    "adrs.plugins": "Plugin installed_plugins",
    "adrs.ports.archive": "Archive",
    "adrs.ports.evaluator": "Bench Evaluator Executor NO_FEEDBACK Request Setting Showing",
    "adrs.ports.model": "ModelServer Models",
    "adrs.ports.proposer": "Context Door Proposer",
    "adrs.ports.sandbox": "Exit ExitReason Job Preparing Process Room Sandbox Session Sweeping",
    "adrs.ports.store": "Record Store",
    "adrs.search": (
        "LocalExecutor Observer Run Search assemble check_settings choose_sandbox gains new_run "
        "summarize"
    ),
    "adrs.search.editing": "edit_fault",
    "adrs.search.outside": "assignment briefing standings told_of",
    "adrs.store": "open_store",
    "adrs.trust": "judge_held_out mean_interval",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'adrs' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
