"""Joins two parents: takes over some of the places in which another program differs."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from difflib import SequenceMatcher
from random import Random

from adrs import Candidate, Context, Direction, Rejection, Trial

from .flow import follow
from .offline import Memory, Proposal, answer
from .source import Source, Splice, Unparsable, editable_sources
from .view import View

MOST_LINES = 2000


class Cross:
    """Takes over functions, runs of lines, or conditions from an inspiration."""

    name = "cross"
    version = "2"
    confined = True
    waits_for = ""

    def __init__(self) -> None:
        self._seen = Memory()

    def observe(self, trial: Trial) -> None:
        self._seen.add(trial)

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        direction = context.brief.objective.metric.direction
        parent, mate = _pair(context, self._seen, direction)

        def attempt(rng: Random, sources: Sequence[Source]) -> Proposal | None:
            if mate is None:
                return None
            try:
                others = {s.path: s for s in editable_sources(mate.program, context.brief)}
            except Unparsable:
                return None
            differing = [s for s in sources if s.path in others and s.data != others[s.path].data]
            if not differing:
                return None
            mine = rng.choice(differing)
            joined = rng.choice((_runs_of_lines, _runs_of_lines, _function, _condition))(
                mine, others[mine.path], rng
            )
            if joined is None:
                return None
            splices, plan = joined
            try:
                changed = mine.spliced(splices)
            except (Unparsable, ValueError):
                return None
            old = follow(mine).faults
            if changed.data == others[mine.path].data or any(
                fault not in old for fault in follow(changed).faults
            ):
                return None
            words = f"{plan} of trial {mate.number}"
            return Proposal({mine.path: changed.data}, words, (mate.number,))

        return answer(self, context, self._seen, attempt, parent)


def _pair(context: Context, seen: Memory, direction: Direction) -> tuple[Trial, Trial | None]:
    """The better of two parents, which is changed, and the other, which gives."""
    one = seen.leanest(context.selection.parent)
    offered = map(seen.leanest, (*context.selection.inspirations, context.best))
    mates = {trial.program.id: trial for trial in offered if trial.program != one.program}
    if not mates:
        return one, None
    other = Random(f"{context.seed}/mate").choice(list(mates.values()))
    return (other, one) if _better(other, one, direction) else (one, other)


def _better(one: Trial, other: Trial, direction: Direction) -> bool:
    if one.score is None or other.score is None:
        return one.score is not None and other.score is None
    if one.score.violation != other.score.violation:
        return one.score.violation < other.score.violation
    return direction.better(one.score.value, other.score.value)


Joined = tuple[list[Splice], str]


def _runs_of_lines(mine: Source, other: Source, rng: Random) -> Joined | None:
    """Some of the runs of lines in which the two differ."""
    ours, theirs = (s.data.splitlines(keepends=True) for s in (mine, other))
    if max(len(ours), len(theirs)) > MOST_LINES:
        return None
    match = SequenceMatcher(None, ours, theirs, autojunk=False)
    hunks = [
        hunk
        for hunk in match.get_opcodes()
        if hunk[0] != "equal" and mine.may_change(mine.lines[hunk[1]], mine.lines[hunk[2]])
    ]
    share = rng.choice((0.3, 0.5, 0.7))
    taken = [hunk for hunk in hunks if rng.random() < share]
    splices: list[Splice] = []
    for _, low, high, start, end in taken:
        new = b"".join(theirs[start:end])
        if low < high and rng.random() < 0.3:
            # Both versions one after the other: two rules where there was one.
            new = b"".join(ours[low:high]) + new
        splices.append(Splice(mine.lines[low], mine.lines[high], new))
    if not splices:
        return None
    where = ", ".join(str(hunk[1] + 1) for hunk in taken[:5])
    return splices, f"take over what differs at line {where}, as in {other.path}"


def _function(mine: Source, other: Source, rng: Random) -> Joined | None:
    """The body of a function that both have."""
    ours = {f.name: f.node for f in follow(mine).functions}
    theirs = {f.name: f.node for f in follow(other).functions}
    names = [
        name
        for name, node in ours.items()
        if name in theirs
        and mine.text(node) != other.text(theirs[name])
        and mine.editable(node)
        and node.col_offset == theirs[name].col_offset
    ]
    if not names:
        return None
    name = rng.choice(names)
    start, end = mine.span(ours[name])
    low, high = other.span(theirs[name])
    return [Splice(start, end, other.data[low:high])], f"take over {name}"


def _condition(mine: Source, other: Source, rng: Random) -> Joined | None:
    """A condition of theirs joined to one of ours in the same function."""
    view = View(mine, rng, follow(mine))
    tests = [s for s in view.spots if s.kind == "test" and s.loose]
    if not tests:
        return None
    spot = rng.choice(tests)
    theirs: dict[str, None] = {}
    for function in follow(other).functions:
        if function.name == spot.place.function.name:
            for node in ast.walk(function.node):
                if isinstance(node, (ast.If, ast.While, ast.IfExp)):
                    test = node.test
                    for part in (test, *(test.values if isinstance(test, ast.BoolOp) else ())):
                        theirs[other.text(part)] = None
    old = mine.text(spot.node)
    choices = [text for text in theirs if text not in old and "\n" not in text]
    if not choices:
        return None
    new = rng.choice(choices)
    word = rng.choice(("and", "or"))
    splice = view.replacement(spot, f"{_bracketed(old)} {word} {_bracketed(new)}")
    return [splice], f"add `{word} {new}` {view.where(spot.place)}, a condition"


def _bracketed(test: str) -> str:
    plain = not any(word in test for word in (" and ", " or ", " if ", ":=", "lambda"))
    return test if plain else f"({test})"
