"""The edits of a program's structure that `mutate` draws from.

Each takes a view of one file and answers what to splice and what that does in words, or None where
it finds nothing to do. Kinds and weights are a prior about programs in general; see
docs/decisions/proposers-grammar.md.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from .flow import Function, Place
from .grammar import Grammar, constant
from .source import Splice
from .view import Edit, Spot, View, is_docstring
from .vocabulary import Kind, dotted


def guard(view: View) -> Edit | None:
    """`if <condition>: return <an answer seen elsewhere>` in front of a statement."""
    places = [p for p in view.places if p.function.answers and not _sets_up(p.function)]
    if not places:
        return None
    place = view.rng.choice(places)
    grammar = view.grammar(place)
    condition = grammar.condition()
    own = _returned(view, place)
    others = tuple(a for a in view.scope(place).answers if a != own)
    if condition is None or not others:
        return None
    answer = view.rng.choice(others)
    lines = [f"if {condition}:", f"{view.source.step}return {answer}"]
    splice = view.insertion(place, lines)
    if splice is None:
        return None
    return Edit((splice,), f"return {answer} if {condition}, {view.where(place)}")


def _sets_up(function: Function) -> bool:
    return function.node.name.startswith("__") and function.node.name != "__call__"


def _returned(view: View, place: Place) -> str:
    s = place.statement
    if isinstance(s, ast.Return) and s.value is not None:
        constant_ = s.value
        if isinstance(constant_, ast.Constant) and isinstance(constant_.value, str):
            return f'"{constant_.value}"'
        return view.source.text(constant_)
    return ""


def join_condition(view: View) -> Edit | None:
    """A test gets another condition by `and` or `or`."""
    tests = [s for s in view.spots if s.kind == "test" and s.loose]
    if not tests:
        return None
    spot = view.rng.choice(tests)
    condition = view.grammar(spot.place).condition()
    if condition is None:
        return None
    word = view.rng.choice(("and", "or"))
    old = view.source.text(spot.node)
    if condition.removeprefix("not ") in old:
        return None  # nothing new, or what holds always or never
    if isinstance(spot.node, (ast.BoolOp, ast.IfExp, ast.NamedExpr)):
        old = f"({old})"
    if " and " in condition or " or " in condition:
        condition = f"({condition})"
    edit = view.replacement(spot, f"{old} {word} {condition}")
    return Edit((edit,), f"add `{word} {condition}` {view.where(spot.place)}")


def drop_operand(view: View) -> Edit | None:
    """One side of a connective or of an arithmetic operator goes."""
    rng = view.rng
    spots = [s for s in view.spots if isinstance(s.node, (ast.BoolOp, ast.BinOp, ast.IfExp))]
    if not spots:
        return None
    spot = rng.choice(spots)
    node = spot.node
    if isinstance(node, ast.BoolOp):
        kept: ast.expr = rng.choice(node.values)
    elif isinstance(node, ast.BinOp):
        kept = rng.choice((node.left, node.right))
    else:
        assert isinstance(node, ast.IfExp)
        kept = rng.choice((node.body, node.orelse))
    text = view.source.text(kept)
    simple = isinstance(kept, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant))
    return Edit(
        (view.replacement(spot, text, simple),),
        f"keep only `{text}` of `{view.source.text(node)}` {view.where(spot.place)}",
    )


def negate(view: View) -> Edit | None:
    """A test is turned round."""
    tests = [s for s in view.spots if s.kind == "test"]
    if not tests:
        return None
    spot = view.rng.choice(tests)
    old = view.source.text(spot.node)
    if isinstance(spot.node, ast.UnaryOp) and isinstance(spot.node.op, ast.Not):
        new = view.source.text(spot.node.operand)
    elif isinstance(spot.node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
        new = f"not {old}"
    else:
        new = f"not ({old})"
    return Edit(
        (view.replacement(spot, new),), f"turn `{old}` into `{new}` {view.where(spot.place)}"
    )


def replace_test(view: View) -> Edit | None:
    """A condition makes room for another one."""
    tests = [s for s in view.spots if s.kind == "test"]
    if not tests:
        return None
    spot = view.rng.choice(tests)
    condition = view.grammar(spot.place).condition()
    if condition is None:
        return None
    old = view.source.text(spot.node)
    return Edit(
        (view.replacement(spot, condition),),
        f"replace `{old}` by `{condition}` {view.where(spot.place)}",
    )


_SWAPS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Lt: ("<=", ">", ">="),
    ast.LtE: ("<", ">", ">="),
    ast.Gt: (">=", "<", "<="),
    ast.GtE: (">", "<", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Add: ("-", "*"),
    ast.Sub: ("+",),
    ast.Mult: ("/", "+"),
    ast.Div: ("*", "-"),
    ast.And: ("or",),
    ast.Or: ("and",),
}


def swap_operator(view: View) -> Edit | None:
    """An operator becomes another of its family."""
    rng = view.rng
    spots = [
        s
        for s in view.spots
        if isinstance(s.node, (ast.Compare, ast.BinOp, ast.BoolOp))
        and type(_operator(s.node)) in _SWAPS
    ]
    if not spots:
        return None
    spot = rng.choice(spots)
    node = spot.node
    new = rng.choice(_SWAPS[type(_operator(node))])
    if isinstance(node, ast.Compare):
        left, right = node.left, node.comparators[0]
    elif isinstance(node, ast.BinOp):
        left, right = node.left, node.right
    else:
        assert isinstance(node, ast.BoolOp)
        left, right = node.values[0], node.values[1]
    splice = _between(view, left, right, new)
    if splice is None or (isinstance(node, ast.BoolOp) and len(node.values) > 2):
        return None
    old = view.source.text(node)
    return Edit((splice,), f"use `{new}` in `{old}` {view.where(spot.place)}")


def _operator(node: ast.expr) -> ast.AST:
    return node.ops[0] if isinstance(node, ast.Compare) else node.op  # type: ignore[attr-defined]


def _between(view: View, left: ast.expr, right: ast.expr, new: str) -> Splice | None:
    """The operator between two operands; parentheses and comments around it stay."""
    low, high = view.source.span(left)[1], view.source.span(right)[0]
    gap = view.source.data[low:high]
    core = gap.strip(b" ()\t\r\n\\")
    at = gap.find(core)
    if not core or b"#" in core or b"\n" in core:
        return None
    return Splice(low + at, low + at + len(core), new.encode())


def replace_quantity(view: View) -> Edit | None:
    """A quantity makes room for another one in scope."""
    spots = [s for s in view.spots if _is_quantity(view, s) and dotted(s.node)]
    if not spots:
        return None
    spot = view.rng.choice(spots)
    old = view.source.text(spot.node)
    new = view.grammar(spot.place).quantity(old)
    if new is None:
        return None
    return Edit(
        (view.replacement(spot, new, simple=True),),
        f"replace `{old}` by `{new}` {view.where(spot.place)}",
    )


def grow_quantity(view: View) -> Edit | None:
    """A quantity is combined with another one or with a constant."""
    spots = [s for s in view.spots if _is_quantity(view, s)]
    if not spots:
        return None
    spot = view.rng.choice(spots)
    old = view.source.text(spot.node)
    if "\n" in old:
        return None
    atomic = isinstance(spot.node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant))
    new = view.grammar(spot.place).around(old if atomic else f"({old})")
    if new is None:
        return None
    return Edit(
        (view.replacement(spot, new),), f"replace `{old}` by `{new}` {view.where(spot.place)}"
    )


def _is_quantity(view: View, spot: Spot) -> bool:
    node = spot.node
    if isinstance(node, ast.Constant):
        number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        returned = isinstance(spot.place.statement, ast.Return) and spot.loose
        return number and (spot.kind == "value" or returned)
    text = dotted(node)
    if isinstance(node, (ast.BinOp, ast.UnaryOp)) or spot.kind == "value":
        return not isinstance(node, (ast.Compare, ast.BoolOp, ast.IfExp)) and not (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )
    if text and isinstance(spot.place.statement, ast.Return) and spot.loose:
        return view.words.kinds.get(text) in (Kind.NUMBER, None)
    return view.words.kinds.get(text) is Kind.NUMBER if text else False


def replace_answer(view: View) -> Edit | None:
    """What is returned is replaced by what is returned elsewhere, perhaps on a condition."""
    rng = view.rng
    places = [p for p in view.places if isinstance(p.statement, ast.Return) and p.statement.value]
    if not places:
        return None
    place = rng.choice(places)
    statement = place.statement
    assert isinstance(statement, ast.Return)
    assert statement.value is not None
    old = view.source.text(statement.value)
    others = tuple(a for a in view.scope(place).answers if a not in (old, _returned(view, place)))
    if not others:
        return None
    new = rng.choice(others)
    if rng.random() < 0.5:
        condition = view.grammar(place).condition()
        if condition is None or "\n" in old:
            return None
        new = f"{new} if {condition} else {old}"
    start, end = view.source.span(statement.value)
    return Edit(
        (Splice(start, end, new.encode()),),
        f"return `{new}` instead of `{old}` {view.where(place)}",
    )


def delete_statement(view: View) -> Edit | None:
    """A statement goes, or an `if` leaves only one of its branches."""
    rng = view.rng
    places = [p for p in view.places if not _sets_up(p.function)]
    if not places:
        return None
    place = rng.choice(places)
    for outer in places:
        s = outer.statement
        if isinstance(s, ast.If) and s.body is place.block and len(s.body) == 1 and not s.orelse:
            place = outer  # an `if` that decides nothing goes too
            break
    span = view.source.line_span(place.statement)
    if span is None:
        return None
    new = b""
    if len([s for s in place.block if not is_docstring(s)]) == 1:
        new = f"{view.source.indent(place.statement)}pass{view.source.newline}".encode()
    first = view.source.text(place.statement).split("\n")[0]
    return Edit((Splice(*span, new),), f"delete `{first}` {view.where(place)}")


def move_statement(view: View) -> Edit | None:
    """A statement is moved or copied to another place of its function."""
    rng = view.rng
    places = [p for p in view.places if not _sets_up(p.function)]
    if len(places) < 2:
        return None
    place = rng.choice(places)
    targets = [
        p for p in places if p.function is place.function and p.statement is not place.statement
    ]
    if not targets:
        return None
    target = rng.choice(targets)
    span, to = view.source.line_span(place.statement), view.source.line_span(target.statement)
    if span is None or to is None or span[0] <= to[0] < span[1]:
        return None
    if any(
        isinstance(n, (ast.Constant, ast.JoinedStr)) and n.lineno != n.end_lineno
        for n in ast.walk(place.statement)
        if isinstance(n, ast.expr)
    ):
        return None
    old, new = view.source.indent(place.statement), view.source.indent(target.statement)
    body = view.source.data[slice(*span)].decode("utf-8").splitlines(keepends=True)
    moved = "".join(new + line.removeprefix(old) if line.strip() else line for line in body)
    if not moved.endswith("\n"):
        moved += view.source.newline
    splices = [Splice(to[0], to[0], moved.encode())]
    word = "copy"
    if rng.random() < 0.6 and len(place.block) > 1:
        word = "move"
        splices.append(Splice(*span, b""))
    first = view.source.text(place.statement).split("\n")[0]
    return Edit(
        tuple(splices), f"{word} `{first}` to line {target.statement.lineno} {view.where(place)}"
    )


def add_state(view: View) -> Edit | None:
    """An object starts to remember: a counter, a streak, a running average or a last value."""
    rng = view.rng
    starts = [
        p
        for p in view.places
        if p.function.self_name
        and not _sets_up(p.function)
        and p.block is p.function.node.body
        and all(is_docstring(s) for s in p.block[: p.index])
    ]
    if not starts:
        return None
    place = rng.choice(starts)
    init = _init_end(view, place.function)
    if init is None:
        return None
    grammar = view.grammar(place)
    scope = view.scope(place)
    me = place.function.self_name
    name = _new_attribute(view, place.function)
    own = f"{me}.{name}"
    roll = rng.random()
    first = "0.0"
    if roll < 0.5:
        condition = grammar.condition()
        if condition is None:
            return None
        if roll < 0.25:
            lines = [f"{own} = {own} + 1 if {condition} else 0"]
            plan = f"count in {own} for how long {condition} has held"
        else:
            lines = [f"{own} += 1 if {condition} else 0"]
            plan = f"count in {own} how often {condition}"
        first = "0"
    else:
        value = grammar.quantity(moving=True)
        if scope.flags and (value is None or rng.random() < 0.4):
            value = rng.choice(scope.flags)
        if value is None:
            return None
        rate = rng.choice(("0.05", "0.1", "0.2"))
        lines = [f"{own} += {rate} * ({value} - {own})"]
        plan = f"keep a running average of {value} in {own}"
    following = _use_of(view, place, grammar, own)
    if following is not None:
        lines += following
    there = view.insertion(place, lines)
    span = view.source.line_span(init)
    if there is None or span is None:
        return None
    line = f"{view.source.indent(init)}{_self_of_init(place.function)}.{name} = {first}"
    ending = b"" if view.source.data[slice(*span)].endswith(b"\n") else b"\n"
    setup = Splice(span[1], span[1], ending + f"{line}{view.source.newline}".encode())
    return Edit((setup, there), f"{plan}, {view.where(place)}")


def _use_of(view: View, place: Place, grammar: Grammar, own: str) -> list[str] | None:
    """A guard that asks for the new state, so that it matters at once."""
    answers = view.scope(place).answers
    if not answers or view.rng.random() < 0.3:
        return None
    other = grammar.quantity()
    level = view.rng.choice(("0.2", "0.5", "1", "2", "3", "5", "10"))
    sign = view.rng.choice("<>")
    test = f"{own} {sign} {level}"
    if other is not None and view.rng.random() < 0.3:
        test = f"{own} {sign} {constant(view.rng)} * {other}"
    extra = grammar.condition() if view.rng.random() < 0.5 else None
    if extra is not None:
        test += f" and ({extra})" if " or " in extra else f" and {extra}"
    return [f"if {test}:", f"{view.source.step}return {view.rng.choice(answers)}"]


def _init(function: Function) -> ast.FunctionDef | None:
    assert function.owner is not None
    for statement in function.owner.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return statement
    return None


def _self_of_init(function: Function) -> str:
    init = _init(function)
    assert init is not None
    return init.args.args[0].arg


def _init_end(view: View, function: Function) -> ast.stmt | None:
    """The last statement of the class's `__init__`, if a line can be added behind it."""
    init = _init(function)
    if init is None or not init.args.args:
        return None
    last = init.body[-1]
    if isinstance(last, (ast.Return, ast.Raise)) or not view.source.editable(last):
        return None
    return last


def _new_attribute(view: View, function: Function) -> str:
    assert function.owner is not None
    taken = view.flow.attributes.get(function.owner.name, {})
    number = 1
    while f"state_{number}" in taken:
        number += 1
    return f"state_{number}"


WEIGHTED: tuple[tuple[Callable[[View], Edit | None], float], ...] = (
    (guard, 25.0),
    (join_condition, 12.0),
    (replace_test, 5.0),
    (swap_operator, 6.0),
    (negate, 2.0),
    (drop_operand, 5.0),
    (replace_quantity, 8.0),
    (grow_quantity, 12.0),
    (replace_answer, 9.0),
    (delete_statement, 6.0),
    (move_statement, 4.0),
    (add_state, 6.0),
)
