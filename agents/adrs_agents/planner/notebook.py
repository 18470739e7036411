"""What was predicted and what came of it: noted trial by trial, and summed up for the next plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from statistics import fmean

from adrs import Brief, Trial

from .figures import change, ending, gain, number, outcome, percent
from .untrusted import one_line

LIMIT = 3000
_FINDING = 400
_SHOWN = 5
_ROW = 210
_GROUPS = 6
_FAILURES = 3


class Notebook:
    """Writes a finding for each trial that was a prediction; it knows what it was shown."""

    def __init__(self) -> None:
        self._values: dict[int, float] = {}

    def note(self, trial: Trial, proposer: str) -> str | None:
        """What a told trial showed; None if `proposer` predicted nothing of it.

        Whether it is better is not said: which way is better, only a task knows.
        """
        if trial.score is not None:
            self._values[trial.number] = trial.score.value
        idea, parents = trial.lineage.idea, trial.lineage.parents
        if trial.lineage.proposer != proposer or idea is None or not parents:
            return None
        if trial.score is None:
            measured = f"ended {ending(trial)}"
        else:
            before = self._values.get(parents[0])
            measured = f"measured {number(trial.score.value)}"
            if before is not None:
                measured = f"measured {number(before)} -> {number(trial.score.value)}"
            if not trial.score.feasible:
                measured += f", breaks constraints by {number(trial.score.violation)}"
        kept = "kept" if trial.admission is not None and trial.admission.kept else "not kept"
        said = (
            f"trial {trial.number} (from {parents[0]}): predicted {idea.metric} "
            f"{percent(idea.expected)}; {measured}; {kept}; idea: {trial.lineage.plan}"
        )
        return one_line(said, _FINDING)


@dataclass(frozen=True, slots=True)
class _Result:
    """A prediction and what came of it; `measured` is None where there is no figure."""

    trial: Trial
    parent: Trial | None
    predicted: float
    measured: float | None

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not comparable"
        if self.measured <= 0.0:
            return "contradicted"
        return "confirmed" if self.measured >= self.predicted / 2 else "less than predicted"


def summed_up(history: Sequence[Trial], numbers: Mapping[int, Trial], brief: Brief) -> str:
    """All that is worth knowing of a run's predictions, in at most LIMIT characters.

    Args:
        numbers: trials by number.
    """
    results = [_result(trial, numbers, brief) for trial in history if trial.lineage.idea]
    parts = [
        _calibration(results),
        _shares(history, numbers, brief),
        _findings(results, brief),
        _failures(history),
    ]
    return "\n".join(part for part in parts if part)[:LIMIT]


def parent_of(trial: Trial, numbers: Mapping[int, Trial]) -> Trial | None:
    """The trial whose program was changed, if it is known."""
    return numbers.get(trial.lineage.parents[0]) if trial.lineage.parents else None


def _result(trial: Trial, numbers: Mapping[int, Trial], brief: Brief) -> _Result:
    parent, idea = parent_of(trial, numbers), trial.lineage.idea
    metric, expected = (idea.metric, idea.expected) if idea else ("", 0.0)
    return _Result(trial, parent, expected, change(trial, parent, metric, brief))


def _calibration(results: Sequence[_Result]) -> str:
    known = [(one.predicted, one.measured) for one in results if one.measured is not None]
    if not known:
        return ""
    right = sum(1 for predicted, measured in known if predicted * measured > 0)
    predicted = fmean(predicted for predicted, _ in known)
    measured = fmean(measured for _, measured in known)
    return (
        f"Predictions: {len(known)} could be checked, {right} had the right sign; "
        f"on average {percent(predicted)} was predicted and {percent(measured)} measured."
    )


def _shares(history: Sequence[Trial], numbers: Mapping[int, Trial], brief: Brief) -> str:
    """What each kind of change by each author brought."""
    groups: dict[str, list[Trial]] = {}
    for trial in history:
        if trial.lineage.parents:
            words = (trial.lineage.operator or trial.lineage.proposer, trial.lineage.author)
            groups.setdefault(" by ".join(word for word in words if word), []).append(trial)
    rows = []
    for name, trials in sorted(groups.items(), key=lambda item: -len(item[1]))[:_GROUPS]:
        kept = sum(1 for trial in trials if trial.admission is not None and trial.admission.kept)
        gains = [gain(trial, parent_of(trial, numbers), brief.objective) for trial in trials]
        best = max((one for one in gains if one is not None), default=0.0)
        brought = f"the best {percent(best)} than its parent" if best > 0 else "none was better"
        rows.append(f"- {one_line(name, 60)}: {len(trials)} tried, {kept} kept, {brought}")
    return "\n".join(["What was tried, by kind of change:", *rows]) if rows else ""


def _findings(results: Sequence[_Result], brief: Brief) -> str:
    """The best and the latest one by one, the others as counts."""
    helped = [(one.measured, one) for one in results if one.measured and one.measured > 0]
    best = [one for _, one in nlargest(_SHOWN, helped, key=lambda pair: pair[0])]
    shown = {one.trial.number for one in best}
    latest = [one for one in results[-_SHOWN:] if one.trial.number not in shown]
    shown |= {one.trial.number for one in latest}
    rest = Counter(one.verdict for one in results if one.trial.number not in shown)
    lines = []
    for title, chosen in (("Best ideas:", best), ("Latest ideas:", latest)):
        if chosen:
            lines += [title, *(_row(one, brief) for one in chosen)]
    if rest:
        counted = ", ".join(f"{many} {verdict}" for verdict, many in sorted(rest.items()))
        lines.append(f"{rest.total()} others: {counted}.")
    return "\n".join(lines)


def _row(one: _Result, brief: Brief) -> str:
    said = (
        f"- trial {one.trial.number}: predicted {percent(one.predicted)}, "
        f"{outcome(one.trial, one.parent, brief)}: {one.verdict}. Idea: {one.trial.lineage.plan}"
    )
    return one_line(said, _ROW)


def _failures(history: Sequence[Trial]) -> str:
    reasons = Counter(ending(trial) for trial in history if trial.score is None)
    rows = [f"- {many} times: {one_line(why, 140)}" for why, many in reasons.most_common(_FAILURES)]
    return "\n".join(["Why programs had no score:", *rows]) if rows else ""
