"""What one round goes by, gathered from its context."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adrs import Brief, ConfigError, Context, Models, Trial

from .notebook import parent_of

MAX_ANCESTORS = 20
MAX_DELETED = 500
_SHORTEST = 12
_TRIVIAL = re.compile(r"#.*|//.*|pass|else:?|try:?|finally:?|break|continue|return( None)?;?|\W*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The trials that matter to a round.

    Attributes:
        seed: trial 0; the parent if nothing else is known.
        others: inspirations, and the best if it is asked to be combined and is not the parent.
        ancestors: the parent's, nearest first, at most MAX_ANCESTORS.
        tried: trials made of the parent or of the best, in the order of tells.
        deleted: lines worth a look that stood in an ancestor and were taken out on the way.
        numbers: every trial that is known, by number.
        known: number of the first trial with a program, by the program's id.
    """

    context: Context
    seed: Trial
    others: tuple[Trial, ...]
    ancestors: tuple[Trial, ...]
    tried: tuple[Trial, ...]
    deleted: tuple[str, ...]
    numbers: Mapping[int, Trial]
    known: Mapping[str, int]

    @classmethod
    def read(cls, context: Context) -> Evidence:
        parent, best = context.selection.parent, context.best
        others = {one.number: one for one in context.selection.inspirations}
        if combines(context):
            others.setdefault(best.number, best)
        others.pop(parent.number, None)
        around = (parent, best, *others.values(), *context.history)
        numbers = {trial.number: trial for trial in around}
        known: dict[str, int] = {}
        for number in sorted(numbers):
            known.setdefault(numbers[number].program.id, number)
        ancestors = _ancestors(parent, numbers)
        return cls(
            context=context,
            seed=context.history[0] if context.history else parent,
            others=tuple(others.values()),
            ancestors=ancestors,
            tried=tuple(
                trial
                for trial in context.history
                if set(trial.lineage.parents[:1]) & {parent.number, best.number}
            ),
            deleted=_deleted((parent, *ancestors), context.brief),
            numbers=numbers,
            known=known,
        )

    @property
    def parent(self) -> Trial:
        return self.context.selection.parent

    @property
    def brief(self) -> Brief:
        return self.context.brief

    def brought_back(self, before: bytes, after: bytes) -> int:
        """How many deleted lines stand in a file again that had lost them."""
        return len((_lines(after) - _lines(before)).intersection(self.deleted))


def models_of(context: Context) -> Models:
    """The round's model.

    Raises:
        ConfigError: the run has none.
    """
    if context.models is None:
        raise ConfigError(
            "the planner asks a model, and this run has none: name one with --model NAME, and set "
            "OPENAI_API_KEY or --base-url; or leave the planner out, with --proposer"
        )
    return context.models


def combines(context: Context) -> bool:
    """Whether programs are to be combined, and there are others to combine with."""
    return context.operator == "combine" and bool(context.selection.inspirations)


def _ancestors(trial: Trial, numbers: Mapping[int, Trial]) -> tuple[Trial, ...]:
    found: list[Trial] = []
    above = parent_of(trial, numbers)
    while above is not None and len(found) < MAX_ANCESTORS and above.number < trial.number:
        found.append(above)
        trial, above = above, parent_of(above, numbers)
    return tuple(found)


def _deleted(line_of_descent: Sequence[Trial], brief: Brief) -> tuple[str, ...]:
    """Lines of ancestors that the first one lacks; those lost latest come first."""
    youngest = line_of_descent[0].program
    paths = {path for one in line_of_descent for path in one.program.files if brief.may_edit(path)}
    found: dict[str, None] = {}
    for path in sorted(paths):
        now = _lines(youngest.files.get(path, b""))
        for one in line_of_descent[1:]:
            data = one.program.files.get(path, b"")
            if data != youngest.files.get(path):
                gone = _lines(data) - now
                found.update(dict.fromkeys(sorted(gone - found.keys())))
    return tuple(found)[:MAX_DELETED]


@lru_cache(maxsize=512)
def _lines(data: bytes) -> frozenset[str]:
    """The lines of a file that say something, without white space around them."""
    stripped = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    return frozenset(
        line for line in stripped if len(line) >= _SHORTEST and not _TRIVIAL.fullmatch(line)
    )
