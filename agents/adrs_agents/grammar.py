"""Random conditions and quantities over what is in scope.

The weights are a prior about programs in general: a rule that helps mostly compares two quantities
of the same nature, one of them changing from call to call, with a constant factor between them
that can be tuned afterwards.
"""

from __future__ import annotations

from random import Random

from .vocabulary import Scope

_FACTORS = ("0.5", "0.7", "0.8", "0.9", "1.1", "1.2", "1.5", "2.0")
_LEVELS = ("0.1", "0.2", "0.5", "1", "2", "3", "5", "10", "20")


def pick(rng: Random, options: tuple[str, ...], avoid: tuple[str, ...] = ()) -> str | None:
    left = [option for option in options if option not in avoid]
    return rng.choice(left) if left else None


def constant(rng: Random) -> str:
    """A factor around one."""
    return rng.choice(_FACTORS)


def _positive(condition: str) -> str:
    return condition.removeprefix("not ")


class Grammar:
    """Says things about one place."""

    def __init__(self, scope: Scope, rng: Random) -> None:
        self.scope = scope
        self._rng = rng

    def quantity(self, *avoid: str, moving: bool = False) -> str | None:
        """A quantity in scope, none of `avoid`."""
        rng = self._rng
        scope = self.scope
        weighted = [
            (text, weight)
            for text, weight in zip(scope.numbers, scope.weights, strict=True)
            if text not in avoid and (not moving or text in scope.moving)
        ]
        if not weighted:
            return None
        texts, weights = zip(*weighted, strict=True)
        # What failed wherever it was tried is worth less than saying nothing.
        return str(rng.choices(texts, weights)[0]) if rng.random() < max(weights) else None

    def comparison(self) -> str | None:
        """Two quantities compared, with a constant in between."""
        rng = self._rng
        a = self.quantity(moving=True) or self.quantity()
        if a is None:
            return None
        b = self.quantity(a)
        c = self.quantity(a, b) if b else None
        d = self.quantity(a, b, c) if b and c else None
        sign = rng.choice("<>")
        form = rng.random()
        if b is None or form < 0.15:
            return f"{a} {sign} {rng.choice(_LEVELS)}"
        if d is not None and form < 0.40:
            return f"{a} * {b} {sign} {constant(rng)} * {c} * {d}"
        if c is not None and form < 0.70:
            if rng.random() < 0.5:
                return f"{a} - {b} {sign} {constant(rng)} * {c}"
            return f"{c} {sign} {constant(rng)} * ({a} - {b})"
        return f"{a} {sign} {constant(rng)} * {b}"

    def condition(self) -> str | None:
        """Something true or false."""
        rng = self._rng
        simple = self._simple_condition()
        if simple is not None and rng.random() < 0.15:
            other = self._simple_condition()
            if other is not None and _positive(other) != _positive(simple):
                return f"{simple} {rng.choice(('and', 'or'))} {other}"
        return simple

    def _simple_condition(self) -> str | None:
        rng = self._rng
        roll = rng.random()
        if roll < 0.12 and self.scope.flags:
            flag = rng.choice(self.scope.flags)
            return f"not {flag}" if rng.random() < 0.5 else flag
        if roll < 0.24 and self.scope.equalities:
            equality = rng.choice(self.scope.equalities)
            return equality if rng.random() < 0.7 else equality.replace(" == ", " != ")
        return self.comparison() or pick(rng, self.scope.flags + self.scope.equalities)

    def around(self, expression: str) -> str | None:
        """A quantity made of `expression` and another one, or of it and a constant."""
        rng = self._rng
        other = self.quantity(expression)
        roll = rng.random()
        if other is None or roll < 0.15:
            return f"{constant(rng)} * {expression}"
        if roll < 0.40:
            return f"{expression} {rng.choice('+-')} {constant(rng)} * {other}"
        if roll < 0.55:
            return f"{expression} {rng.choice('+-')} {other}"
        if roll < 0.70:
            return f"{expression} * {other}"
        if roll < 0.85:
            return f"{expression} / ({other} + {constant(rng)})"
        if roll < 0.93:
            return f"{rng.choice(('max', 'min'))}({expression}, {other})"
        condition = self.condition()
        return f"({other} if {condition} else {expression})" if condition else None
