"""A certificate in words: the text of VERIFY.md."""

from __future__ import annotations

from adrs.model.evaluation import Status
from adrs.model.metric import Aggregate
from adrs.trust._certificate import Certificate, Span
from adrs.trust._intervals import objective_interval
from adrs.trust._task_files import plain


def guide(certificate: Certificate) -> str:
    """What was found, how sure it is, what is in the folder, and how to check it."""
    this, finding, objective = certificate, certificate.finding, certificate.objective
    ratio = objective.aggregate is Aggregate.GEOMEAN_RATIO
    unit = "" if ratio or objective.unit == "1" else f" {plain(objective.unit)}"
    metric = plain(objective.metric)
    if ratio:
        metric += ", relative to the seed"
    rows = [("held-out", finding.baseline, finding.best)]
    rows += [(one.split.value, one.baseline, one.winner) for one in certificate.search]
    level = f"{100 * finding.level:.4g} %"
    workloads = {sample.workload for sample in this.winner.samples}
    lines = [
        f"# {plain(this.run.name)}, trial {finding.trial}: WINNER",
        "",
        f"A program for the task `{this.task.name}`, found by ADRS {plain(this.adrs)} and judged "
        "on workloads that were drawn after it was chosen.",
        "",
        f"{plain(objective.metric)} ({objective.direction.value}): {_effect(finding.effect)} "
        f"better than the task's seed program, at {level} confidence, on {len(workloads)} "
        f"workloads in {finding.units} independent units. To count, the whole interval had to lie "
        f"above {100 * objective.min_effect:.3g} %.",
    ]
    if finding.shares:
        lines += ["", f"Units share {plain(finding.shares)}: they are not quite independent."]
    if finding.looks > 1:
        words = f"was looked at {finding.looks} times, which the level allows for"
        lines += ["", f"This set of workloads {words}."]
    if this.accepted_isolation:
        words = f"Less isolation than usual was accepted (`{this.accepted_isolation}`)"
        lines += ["", f"{words}: the program could have changed its own figures."]
    if not this.proposer_confined:
        names = ", ".join(f"`{plain(name)}`" for name in this.unconfined)
        lines += ["", f"Not confined, so perhaps able to read the task's files: {names}."]
    lines += ["", f"| {metric} | seed | winner |", "|---|---|---|"]
    lines += [
        f"| {name} | {_span(seed, unit)} | {_span(best, unit)} |" for name, seed, best in rows
    ]
    if beaten := _reference(this):
        name = plain(objective.reference or "")
        lines += ["", f"On the same held-out workloads `{name}` has {_span(beaten, unit)}."]
    lines += [
        "",
        "The search chose by the other splits, so only held-out says what to expect.",
        "",
        "## How to verify",
        "",
        "With ADRS and this task on your machine (installed, or in a folder `tasks/"
        f"{this.task.name}` where you type this):",
        "",
        "```",
        "adrs verify PATH/TO/THIS/FOLDER",
        "```",
        "",
        "It checks every file against the certificate, makes every figure again from the samples,",
        "and measures the program anew on fresh workloads with your own copy of the judge.",
        "",
        "| file | |",
        "|---|---|",
        "| `certificate.json` | every sample and figure, and the hash of every file |",
        "| `program/` | the winner |",
        "| `task/` | the task that it was judged with: judge, declaration, seed, references |",
        "",
    ]
    return "\n".join(lines)


def _reference(certificate: Certificate) -> Span | None:
    """The objective of the reference to compare with, where it scored."""
    measured = certificate.references.get(certificate.objective.reference or "")
    if measured is None:
        return None
    reference = certificate.evaluation(measured)
    baseline = certificate.evaluation(certificate.baseline)
    units = {sample.unit for sample in baseline.samples}
    if reference.status is not Status.SCORED or {one.unit for one in reference.samples} != units:
        return None
    return Span.of(objective_interval(certificate.plain_objective(), reference, baseline))


def _effect(effect: Span) -> str:
    return f"{100 * effect.value:.3g} % {_ends(effect, percent=True)}".rstrip()


def _span(span: Span | None, unit: str) -> str:
    if span is None:
        return "-"
    return f"{span.value:.5g}{unit} {_ends(span)}".rstrip()


def _ends(span: Span, percent: bool = False) -> str:
    if span.low is None or span.high is None:
        return ""
    if percent:
        return f"[{100 * span.low:.3g} %, {100 * span.high:.3g} %]"
    return f"[{span.low:.5g}, {span.high:.5g}]"
