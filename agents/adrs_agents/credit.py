"""Which of the terms that programs use held up when they were measured, and which failed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping

from adrs import Program, Trial

from .source import Unparsable, parse
from .vocabulary import dotted

MOST_TERMS = 2000
MOST_PROGRAMS = 1000
_MISTAKEN = re.compile(r"\b(Type|Key|Index|Attribute)Error\b")
_NO_KEY = re.compile(r"KeyError\W{1,4}(\w+)")


class Credit:
    """How far a term can be trusted to be the number that it is used as.

    What a name stands for often shows only when it is used: a dict that is multiplied, a key that
    is not there. So each term counts the trials that used it more often than their parents did:
    those that scored, and those that ended with an error of that sort and had no term that was
    more suspect. Terms are texts of expressions, as `dotted` writes them.
    """

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._absent: dict[str, None] = {}
        self._terms: dict[int, Mapping[str, int]] = {}

    def observe(self, trial: Trial) -> None:
        """Takes note of a told trial."""
        terms = self._terms[trial.number] = _terms(trial.program)
        before = [self._terms[n] for n in trial.lineage.parents if n in self._terms]
        new = [
            term
            for term, count in terms.items()
            if before and count > max(parent.get(term, 0) for parent in before)
        ]
        reasons = " ".join(evaluation.reason for evaluation in trial.evaluations)
        if trial.score is not None:
            for term in new:
                self._count(term, scored=1)
        elif _MISTAKEN.search(reasons):
            least = min(map(self._trust, new), default=0.0)
            for term in new:
                if self._trust(term) == least:
                    self._count(term, failed=1)
        if len(self._absent) < MOST_TERMS:
            self._absent.update(dict.fromkeys(_NO_KEY.findall(reasons)))
        if len(self._terms) > MOST_PROGRAMS:
            del self._terms[next(iter(self._terms))]

    def _count(self, term: str, scored: int = 0, failed: int = 0) -> None:
        before = self._counts.pop(term, (0, 0))
        self._counts[term] = (before[0] + scored, before[1] + failed)
        if len(self._counts) > MOST_TERMS:
            del self._counts[next(iter(self._counts))]

    def _trust(self, term: str) -> float:
        """The mean of a Beta distribution that starts even."""
        scored, failed = self._counts.get(term, (0, 0))
        return (scored + 1) / (scored + failed + 2)

    def of(self, term: str) -> float:
        """From 1, it scores as often as it fails, to 0, it ends in a key that is not there.

        The power is so high that two failures in a row leave next to nothing.
        """
        if term.rpartition("[")[2].strip("\"'[]") in self._absent:
            return 0.0
        return float(min(1.0, 2 * self._trust(term)) ** 6)


def _terms(program: Program) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for path, data in program.files.items():
        if path.endswith(".py"):
            try:
                _count(parse(data), found)
            except (Unparsable, RecursionError):
                continue
    return found


def _count(node: ast.AST, found: Counter[str]) -> None:
    """Counts the longest terms: `a.b["k"]` is one, and neither `a.b` nor `a`."""
    text = dotted(node)
    if text:
        found[text] += 1
        return
    for child in ast.iter_child_nodes(node):
        _count(child, found)
