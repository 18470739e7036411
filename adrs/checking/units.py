"""There are enough independent workloads to be sure of anything."""

from __future__ import annotations

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.task import Split
from adrs.model.text import harmless
from adrs.trust import MIN_UNITS

_COMFORTABLE = 20
_FEWEST = 3


async def units_are_enough(examination: Examination, report: Report) -> None:
    """Units of each split that decides something, and what those of held-out have in common."""
    held_out = await examination.workloads(Split.HELD_OUT)
    train = await examination.workloads(examination.task.search_split)
    validation = await examination.workloads(Split.VALIDATION)
    units, search = len({ref.unit for ref in held_out}), len({ref.unit for ref in train})
    chosen = len({ref.unit for ref in validation})
    shares = sorted({ref.shares for ref in held_out if ref.shares})
    figures = {"held_out_units": units, "train_units": search, "validation_units": chosen}
    if units < MIN_UNITS:
        report.fault(
            f"{units} independent held-out units, and no WINNER is declared on fewer than "
            f"{MIN_UNITS}",
            f"make more: {_COMFORTABLE} or more, each drawn for itself",
            **figures,
        )
    elif units < _COMFORTABLE:
        report.advice(
            f"{units} independent held-out units",
            f"make {_COMFORTABLE} or more if you can: intervals get narrower and surer",
            **figures,
        )
    if search < _FEWEST:
        report.fault(
            f"{search} independent train units: a search fits its programs to them",
            f"make {_FEWEST} or more",
            **figures,
        )
    if chosen < _FEWEST:
        report.advice(
            f"{chosen} independent validation units: they choose the best of a search, and with it "
            "what luck has",
            f"make {_FEWEST} or more",
            **figures,
        )
    if not report.results:
        beside = f"; held-out units share {harmless(', '.join(shares), 100)}" if shares else ""
        report.ok(f"{units} independent held-out units, {search} of train{beside}", **figures)
