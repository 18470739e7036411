"""What edits ask about one file: its statements, its expressions, and what is in scope there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from .flow import Flow, Place
from .grammar import Grammar
from .source import Source, Splice
from .vocabulary import Scope, Vocabulary, learn, scope_at


@dataclass(frozen=True, slots=True)
class Edit:
    """What to splice into a file, and what that does in words."""

    splices: tuple[Splice, ...]
    plan: str


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression of a place's statement (never inside a nested statement).

    Attributes:
        loose: whether it stands where any expression can without parentheses.
        kind: "test" if it decides, "value" if it counts, "" if unknown.
    """

    place: Place
    node: ast.expr
    loose: bool
    kind: str


class View:
    """One file with everything that edits ask about it, worked out when first asked."""

    def __init__(
        self,
        source: Source,
        rng: Random,
        flow: Flow,
        statement: str = "",
        credit: Callable[[str], float] = lambda term: 1.0,
    ) -> None:
        self.source = source
        self.rng = rng
        self.flow = flow
        self._statement = statement
        self._credit = credit
        self._scopes: dict[int, Scope] = {}

    @cached_property
    def words(self) -> Vocabulary:
        return learn(self.source, self.flow, self._statement)

    @cached_property
    def places(self) -> list[Place]:
        """Statements that may change, docstrings left out."""
        return [
            place
            for place in self.flow.places
            if self.source.editable(place.statement) and not is_docstring(place.statement)
        ]

    @cached_property
    def spots(self) -> list[Spot]:
        found: list[Spot] = []
        for place in self.places:
            _spots(place, place.statement, found, top=True)
        return found

    def scope(self, place: Place) -> Scope:
        key = id(place.statement)
        if key not in self._scopes:
            self._scopes[key] = scope_at(place, self.source, self.flow, self.words, self._credit)
        return self._scopes[key]

    def grammar(self, place: Place) -> Grammar:
        return Grammar(self.scope(place), self.rng)

    def where(self, place: Place) -> str:
        return f"in {place.function.name}, line {place.statement.lineno}"

    def insertion(self, place: Place, lines: Sequence[str]) -> Splice | None:
        """Whole lines put in front of a statement, at its depth."""
        span = self.source.line_span(place.statement)
        if span is None or not self.source.may_change(*span):
            return None
        indent = self.source.indent(place.statement)
        new = "".join(f"{indent}{line}{self.source.newline}" for line in lines)
        return Splice(span[0], span[0], new.encode())

    def replacement(self, spot: Spot, new: str, simple: bool = False) -> Splice:
        start, end = self.source.span(spot.node)
        text = new if spot.loose or simple else f"({new})"
        return Splice(start, end, text.encode())


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _spots(place: Place, node: ast.AST, found: list[Spot], top: bool, kind: str = "") -> None:
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr):
                if _closed(node, name, child):
                    continue
                inner = _kind(node, name, kind)
                loose = top and name in {"test", "value", "iter"}
                loose = loose or (isinstance(node, ast.Call) and name == "args")
                found.append(Spot(place, child, loose, inner))
                _spots(place, child, found, False, inner)
            elif isinstance(child, ast.keyword):
                found.append(Spot(place, child.value, True, ""))
                _spots(place, child.value, found, False)


def _closed(node: ast.AST, name: str, child: ast.expr) -> bool:
    """Whether an expression stays as it is: names that are bound, keys, functions, f-strings."""
    if isinstance(child, (ast.JoinedStr, ast.Lambda, ast.Starred, ast.Await, ast.Yield)):
        return True
    if isinstance(child, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return True
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        return True
    if name in {"func", "target", "targets", "annotation", "decorator_list", "returns", "slice"}:
        return True
    return isinstance(node, (ast.Delete, ast.Global, ast.With, ast.AsyncWith, ast.Match))


def _kind(node: ast.AST, name: str, outer: str) -> str:
    if name == "test" or isinstance(node, ast.BoolOp):
        return "test"
    if isinstance(node, ast.UnaryOp):
        return "test" if isinstance(node.op, ast.Not) else "value"
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        return "value"
    if isinstance(node, ast.Compare):
        return "value" if all(isinstance(op, _ORDERED) for op in node.ops) else ""
    if isinstance(node, (ast.Call, ast.Return, ast.Assign, ast.AnnAssign)):
        return ""
    return outer


_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
