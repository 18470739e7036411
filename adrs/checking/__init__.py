"""What is wrong with a task, found out before a search is paid for."""

from adrs.checking.catalogue import CHECKS, Check
from adrs.checking.examination import Examination, examine
from adrs.checking.known import KnownPrograms
from adrs.checking.result import CheckResult, State

__all__ = ["CHECKS", "Check", "CheckResult", "Examination", "KnownPrograms", "State", "examine"]
