"""All checks, in the order in which they are made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adrs.checking.cheats import cheats_gain_nothing
from adrs.checking.costs import stages_are_affordable
from adrs.checking.determinism import is_deterministic
from adrs.checking.direction import good_beats_bad
from adrs.checking.editable import editable_is_right
from adrs.checking.examination import Examination, Unscored
from adrs.checking.feedback import feedback_tells_nothing
from adrs.checking.headroom import limits_leave_room
from adrs.checking.metrics import metrics_make_sense
from adrs.checking.misbehaving import misbehaving_gains_nothing
from adrs.checking.noise import tells_effects
from adrs.checking.result import CheckResult, Report
from adrs.checking.seed import seed_scores
from adrs.checking.splits import splits_are_apart
from adrs.checking.state import keeps_no_state
from adrs.checking.statement import statement_is_whole
from adrs.checking.units import units_are_enough
from adrs.errors import ConfigError
from adrs.model.task import Split
from adrs.model.text import harmless

_SPLIT = re.compile("|".join(Split))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        about: what is looked at, in words.
    """

    name: str
    about: str
    look: Callable[[Examination, Report], Awaitable[None]]

    async def run(self, examination: Examination) -> tuple[CheckResult, ...]:
        """What there is to say; at least one result.

        Raises:
            SandboxUnavailable: the sandbox broke; nothing is known about the task.
        """
        report = Report(self.name)
        try:
            await self.look(examination, report)
        except Unscored as unscored:
            report.skipped(str(unscored))
        except ConfigError as error:
            words = harmless(str(error), 1000)
            reason = _SPLIT.sub("", words)  # one fault of a judge, whatever split shows it
            if reason in examination.told:
                report.skipped("for the same reason as above")
            else:
                examination.told.add(reason)
                report.fault(words, "mend the judge, or what it reads")
        return tuple(report.results)


# Cheap ones first; then what measures. Workloads that programs were measured on are looked at again
# before others are made, since a judge keeps only a few sets.
CHECKS = (
    Check("statement", "what a proposer reads", statement_is_whole),
    Check("editable", "what a proposer may change", editable_is_right),
    Check("seed", "whether the seed scores", seed_scores),
    Check("determinism", "whether another process says the same", is_deterministic),
    Check("noise", "how small an effect can be told", tells_effects),
    Check("direction", "known-good programs beside known-bad ones", good_beats_bad),
    Check("cheats", "programs that cheat", cheats_gain_nothing),
    Check(
        "misbehaviour",
        "programs that raise, loop, flood and answer nonsense",
        misbehaving_gains_nothing,
    ),
    Check("state", "whether the judge forgets", keeps_no_state),
    Check("headroom", "what limits leave free", limits_leave_room),
    Check("metrics", "names, units and directions", metrics_make_sense),
    Check("units", "independent workloads", units_are_enough),
    Check("splits", "what splits share", splits_are_apart),
    Check("feedback", "what the judge's words tell", feedback_tells_nothing),
    Check("costs", "seconds and memory", stages_are_affordable),
)
