"""Where two programs, or two accounts of one proposal, differ first: in words."""

from __future__ import annotations

from collections.abc import Iterator

from adrs.model.program import Program
from adrs.model.trial import Rejection, Trial

_SHOWN = 100  # characters of a line

Outcome = Trial | Rejection


def unlike(recorded: Outcome, now: Outcome) -> tuple[str, str, str] | None:
    """What of a proposal is not as recorded: its name, what it was, what it is; None if all is.

    Left out are words: plans and reasons decide nothing, and a Python of another version words its
    complaints otherwise. What a prompt says of them is compared with the prompt.
    """
    pairs = zip(_facts(recorded), _facts(now), strict=False)
    for (name, was), (_, came) in pairs:
        if was != came:
            return name, str(was), str(came)
    if isinstance(recorded, Trial) and isinstance(now, Trial) and recorded.program != now.program:
        return "program", *unlike_programs(recorded.program, now.program)
    both = isinstance(recorded, Rejection) and isinstance(now, Rejection)
    if both and recorded.program != now.program:
        return "program", str(recorded.program) or "none", str(now.program) or "none"
    return None


def in_words(outcome: Outcome | None) -> str:
    """What became of a proposal."""
    if outcome is None:
        return "no such proposal"
    proposer = outcome.lineage.proposer
    if isinstance(outcome, Trial):
        return f"trial {outcome.number} by {proposer}"
    return f"a proposal by {proposer}, refused as {outcome.kind}: {outcome.reason[:_SHOWN]}"


def _facts(outcome: Outcome) -> Iterator[tuple[str, object]]:
    lineage = outcome.lineage
    yield "proposer", lineage.proposer
    if isinstance(outcome, Trial):
        yield "outcome", f"trial {outcome.number}"
    else:
        yield "outcome", f"refused as {outcome.kind}"
    yield "operator", lineage.operator or "none"
    yield "parents", list(lineage.parents)
    yield "inspirations", list(lineage.inspirations)
    yield "author", lineage.author or "none"
    yield "prompts", [digest[:16] for digest in lineage.prompts]
    if isinstance(outcome, Trial):
        yield "island", outcome.island


def unlike_programs(recorded: Program, now: Program) -> tuple[str, str]:
    """The first line of the first file that is not the same in both."""
    was, came = recorded.files, now.files
    path = next(one for one in sorted(was.keys() | came.keys()) if was.get(one) != came.get(one))
    if path not in came:
        return f"the file {path}", f"no file {path}"
    if path not in was:
        return f"no file {path}", f"the file {path}"
    before, after = (files[path].decode("utf-8", "replace").split("\n") for files in (was, came))
    shorter = min(len(before), len(after))
    at = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    expected, there = (_line(path, lines, at) for lines in (before, after))
    return expected, there


def _line(path: str, lines: list[str], at: int) -> str:
    if at >= len(lines):
        return f"{path} ends at line {at}"
    return f"{path}, line {at + 1}: {lines[at].strip()[:_SHOWN]!r}"
