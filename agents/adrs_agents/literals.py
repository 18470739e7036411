"""The numbers of a program that can be tuned, and the program with the numbers taken out."""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adrs import Program

from .source import Source, Splice, Unparsable

_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Literal:
    """A number as it stands in a file, its minus sign included."""

    path: str
    start: int
    end: int
    value: float
    whole: bool

    def written(self, value: float) -> str:
        """`value` as this literal's kind of number: short, and never of the other sign if whole.

        A whole number stays at least one away from zero on its side: it counts something.
        """
        if self.whole:
            count = max(1, round(abs(value))) if value * self.value > 0 else 1
            return str(int(math.copysign(count, self.value)))
        return repr(float(f"{value:.{_DIGITS}g}"))


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A program's text without its tunable numbers; equal `key` means only numbers differ."""

    key: str
    literals: tuple[Literal, ...]

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(literal.value for literal in self.literals)


def skeleton(program: Program) -> Skeleton:
    """Takes the numbers out of every Python file; other files count as they are."""
    digest = hashlib.sha256()
    literals: list[Literal] = []
    for path, data in program.files.items():
        found = _literals(data) if path.endswith(".py") else ()
        done = 0
        digest.update(f"{path}\0{len(found)}\0".encode())
        for start, end, value, whole in found:
            digest.update(data[done:start] + (b"\0i" if whole else b"\0f"))
            literals.append(Literal(path, start, end, value, whole))
            done = end
        digest.update(data[done:])
    return Skeleton(digest.hexdigest(), tuple(literals))


def rewritten(
    sources: Mapping[str, Source], literals: Sequence[Literal], values: Sequence[float]
) -> dict[str, bytes]:
    """The files with these literals set to these values."""
    splices: dict[str, list[Splice]] = {}
    for literal, value in zip(literals, values, strict=True):
        if value != literal.value:
            new = Splice(literal.start, literal.end, literal.written(value).encode())
            splices.setdefault(literal.path, []).append(new)
    return {path: sources[path].spliced(changes).data for path, changes in splices.items()}


@lru_cache(maxsize=128)
def _literals(data: bytes) -> tuple[tuple[int, int, float, bool], ...]:
    try:
        source = Source.read("", data)
        numbers = list(_numbers(source.tree))
    except (Unparsable, RecursionError):
        return ()
    found = []
    for node, sign in numbers:
        start, end = source.span(node)
        text = data[start:end].lower()
        written = text.lstrip(b"-+ ").replace(b"_", b"")
        if not source.may_change(start, end) or written[:2] in (b"0x", b"0o", b"0b"):
            continue
        constant = node.operand if isinstance(node, ast.UnaryOp) else node
        assert isinstance(constant, ast.Constant)
        raw = constant.value
        if not isinstance(raw, (int, float)):
            continue
        if isinstance(raw, int) and abs(raw) > 10**15:
            continue
        value = sign * float(raw)
        if math.isfinite(value):
            found.append((start, end, value, isinstance(raw, int)))
    return tuple(sorted(found))


def _numbers(node: ast.AST) -> Iterator[tuple[ast.expr, int]]:
    """Literals that measure something, with their sign.

    Left alone: indices and keys, whole numbers 0 everywhere, 1 that is added or subtracted (a step,
    not a measure), flags, and what stands in f-strings, annotations, decorators and patterns.
    """
    for name, value in ast.iter_fields(node):
        if name in {"slice", "annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, (ast.JoinedStr, ast.pattern)):
                continue
            if _is_number(child):
                assert isinstance(child, ast.Constant)
                if not _structural(node, child.value):
                    yield child, 1
            elif (
                isinstance(child, ast.UnaryOp)
                and isinstance(child.op, ast.USub)
                and isinstance(child.operand, ast.Constant)
                and _is_number(child.operand)
            ):
                if not _structural(node, child.operand.value):
                    yield child, -1
            else:
                yield from _numbers(child)


def _is_number(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    )


def _structural(parent: ast.AST, value: object) -> bool:
    if not isinstance(value, int):
        return False
    if value == 0:
        return True
    stepping = isinstance(parent, ast.AugAssign) or (
        isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub))
    )
    return value == 1 and (stepping or isinstance(parent, ast.IfExp))
