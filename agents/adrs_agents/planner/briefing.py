"""What stands in a round's prompts: everything that others wrote, as passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from adrs import Brief, Direction, Program, Trial

from . import Planner
from .diagnosis import Diagnosis, bounds
from .evidence import Evidence, combines
from .figures import gain, outcome
from .notebook import LIMIT as NOTEBOOK_LIMIT
from .notebook import parent_of, summed_up
from .untrusted import Kind, Passage, one_line

_STATEMENT = 12_000
_WISHES = 4000
_LATEST_NOTES = 10
_EDITABLE = 60_000
_FIXED = 12_000
_OTHER = 12_000
_LARGER = 2000
_TABLE = 4000
_FEEDBACK = 4000
_OUTPUT = 2000
_ROWS = 12
_ROW = 260
_DELETED_ROWS = 40
_BACKTICKS = re.compile("`+")

Values = Mapping[str, object]


def briefing(evidence: Evidence, diagnosis: Diagnosis) -> Values:
    """What the templates print, by the names that they use."""
    brief, parent, context = evidence.brief, evidence.parent, evidence.context
    editable = [path for path in parent.program.files if brief.may_edit(path)]
    fixed = [path for path in parent.program.files if not brief.may_edit(path)]
    own = f"trial {parent.number}"
    return {
        "parent": parent.number,
        "best": context.best.number,
        "wanted": context.wanted,
        "proposal": context.ordinal,
        "operator": _operator(evidence),
        "stalled": context.stalled,
        "minimize": brief.objective.metric.direction is Direction.MINIMIZE,
        "rehearsed": context.rehearse is not None,
        "task": Passage(_task(brief), "the task, by its author", _STATEMENT, Kind.TASK),
        "wishes": _notes(evidence, "the user's notes", ours=True),
        "remarks": _notes(evidence, "notes of other proposers and agents", ours=False),
        "editable": _listing(parent.program, editable, _EDITABLE, f"files of {own}, editable"),
        "fixed": _listing(parent.program, fixed, _FIXED, f"files of {own}, not editable"),
        "figures": Passage(diagnosis.figures, f"figures measured of {own}", _TABLE),
        "workloads": Passage(diagnosis.workloads, f"figures of {own} by workload", _TABLE),
        "violations": Passage(diagnosis.violations, f"constraints that {own} breaks", _TABLE),
        "feedback": Passage(diagnosis.feedback, f"feedback of the judge on {own}", _FEEDBACK),
        "ending": Passage(diagnosis.ending, f"how {own} ended", _FEEDBACK),
        "output": Passage(
            diagnosis.output, f"the end of what {own} printed", _OUTPUT, keep_end=True
        ),
        "failures": Passage(diagnosis.failures, "how the latest programs failed", _TABLE),
        "descent": Passage(_descent(evidence), f"how {own} came about", _TABLE),
        "tried": Passage(_tried(evidence), f"what was tried on {own} and on the best", _TABLE),
        "others": [_other(trial, evidence) for trial in evidence.others],
        "notebook": Passage(
            summed_up(context.history, evidence.numbers, brief),
            "notebook of predictions and results",
            NOTEBOOK_LIMIT,
        ),
        "deleted": Passage(
            "\n".join(evidence.deleted[:_DELETED_ROWS]), "lines deleted earlier", _TABLE
        ),
    }


def _operator(evidence: Evidence) -> str:
    """What is asked for; to combine, there have to be others."""
    asked = evidence.context.operator
    return "refine" if asked == "combine" and not combines(evidence.context) else asked


def _task(brief: Brief) -> str:
    objective, limits = brief.objective, brief.limits
    title = "" if brief.title in brief.statement else f"{brief.title}\n\n"
    lines = [f"{title}{brief.statement.strip()}", "\nMetrics:"]
    lines += [
        f"- {one.name} ({one.unit}): {one.direction}"
        + (" - the objective" if one.name == objective.metric.name else "")
        for one in brief.metrics
    ]
    lines += [f"- constraint on every workload: {bounds(one)}" for one in brief.constraints]
    lines += [
        f"Files that may be changed or added: {', '.join(brief.editable)}",
        f"The judge uses {brief.entry}: that module, and the name in it.",
        f"Limits of one process on one workload: {limits.cpu_s:g} s of CPU, {limits.wall_s:g} s "
        f"elapsed, {limits.memory_mb} MiB of memory, {limits.processes} processes and threads.",
    ]
    return "\n".join(lines)


def _notes(evidence: Evidence, origin: str, ours: bool) -> Passage:
    """The user's notes, or all others but the planner's own, which the notebook sums up."""
    rows = [
        f"- {note.text.strip()}" if ours else f"- {one_line(f'{note.origin}: {note.text}', 300)}"
        for note in evidence.context.notes
        if (note.origin == "user") is ours and note.origin != Planner.name
    ]
    kind = Kind.USER if ours else Kind.DATA
    return Passage("\n".join(rows[-_LATEST_NOTES:]), origin, _WISHES, kind, keep_end=True)


def listing(program: Program, paths: Iterable[str], limit: int) -> str:
    """Files, each as its name and a fence that no run of backticks in it closes."""
    parts = []
    for path in paths:
        text = program.text(path)
        shown, limit = text[:limit], max(0, limit - len(text))
        fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(shown)), default=0))
        end = "" if shown.endswith("\n") or not shown else "\n"
        parts.append(f"FILE: {path}\n{fence}\n{shown}{end}{fence}")
        if len(shown) < len(text):
            parts.append(f"[cut: {len(shown)} of {len(text)} characters are shown]")
    return "\n".join(parts)


def _listing(program: Program, paths: Sequence[str], limit: int, origin: str) -> Passage:
    return Passage(listing(program, paths, limit), origin, limit + _LARGER + 300 * len(paths))


def _descent(evidence: Evidence) -> str:
    """The parent's ancestors, oldest first, with what each brought."""
    return "\n".join(_row(one, evidence) for one in (*evidence.ancestors[::-1], evidence.parent))


def _tried(evidence: Evidence) -> str:
    """The latest ideas; what was made without a model is only counted."""
    ideas = [one for one in evidence.tried if one.lineage.author]
    rest = [one for one in evidence.tried if not one.lineage.author]
    objective = evidence.brief.objective
    rows = [_row(one, evidence) for one in ideas[-_ROWS:]]
    if len(ideas) > _ROWS:
        rows.insert(0, f"({len(ideas) - _ROWS} earlier ideas are left out)")
    for name in sorted({one.lineage.proposer for one in rest}):
        mine = [one for one in rest if one.lineage.proposer == name]
        gains = [gain(one, parent_of(one, evidence.numbers), objective) for one in mine]
        better = sum(1 for one in gains if one is not None and one > 0)
        rows.append(f"{name}, without a model: {len(mine)} tried, {better} of them better")
    return "\n".join(rows)


def _row(trial: Trial, evidence: Evidence) -> str:
    parents = trial.lineage.parents
    start = f"trial {trial.number}"
    if not parents:
        return one_line(f"{start}, the seed: {outcome(trial, None, evidence.brief)}", _ROW)
    result = outcome(trial, parent_of(trial, evidence.numbers), evidence.brief)
    said = f"{start} from {parents[0]} by {trial.lineage.proposer}, {result}. Idea: "
    return one_line(said + (trial.lineage.plan or "none was given"), _ROW)


def _other(trial: Trial, evidence: Evidence) -> Passage:
    """Another program: its result, and its code where programs are to be combined."""
    text = _row(trial, evidence)
    if combines(evidence.context):
        paths = [path for path in trial.program.files if evidence.brief.may_edit(path)]
        text += "\n" + listing(trial.program, paths, _OTHER)
    return Passage(text, f"trial {trial.number}, another program", _OTHER + _LARGER)
