"""Run (ask/tell), the engine that drives it, and what it found."""

from adrs.search.assembly import assemble, check_settings, choose_sandbox, new_run
from adrs.search.comparing import compare
from adrs.search.estimate import estimate
from adrs.search.executor import LocalExecutor
from adrs.search.gap import gains
from adrs.search.preparing import prepare_environment
from adrs.search.run import Run
from adrs.search.search import Observer, Search
from adrs.search.summary import summarize

__all__ = [
    "LocalExecutor",
    "Observer",
    "Run",
    "Search",
    "assemble",
    "check_settings",
    "choose_sandbox",
    "compare",
    "estimate",
    "gains",
    "new_run",
    "prepare_environment",
    "summarize",
]
