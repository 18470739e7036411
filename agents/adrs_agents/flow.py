"""Which names surely have a value at each statement, and what may lack one: uses and answers.

A conservative walk in source order: a name is known after an `if` when both branches bind it, and
what a loop's body binds is not known behind it. Attributes of `self` count as names in `__init__`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from .source import Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
BUILTINS = frozenset(dir(builtins))
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_CANNOT_BIND_ATTRIBUTES = (ast.expr, ast.pattern, ast.Import, ast.ImportFrom)
Names = dict[str, None]  # a set that keeps its order, so that nothing depends on hashes


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the file.

    Attributes:
        owner: the class it is a method of.
        self_name: the first parameter's name if it is a method, else "".
        answers: whether it returns values.
    """

    node: FunctionNode
    owner: ast.ClassDef | None
    name: str
    self_name: str
    answers: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A statement of a function, and what is known just before it."""

    function: Function
    block: Sequence[ast.stmt]
    index: int
    known: Mapping[str, None]
    in_loop: bool

    @property
    def statement(self) -> ast.stmt:
        return self.block[self.index]


@dataclass(slots=True)
class Flow:
    """What the walk found.

    Attributes:
        constants: names that the module gives a number.
        attributes: class to what every instance of it has.
        rebound: class to the attributes that a method other than `__init__` assigns.
        faults: uses of names or attributes that may have no value, and functions that may end
            without the value that they return elsewhere; in words.
    """

    functions: list[Function]
    places: list[Place]
    module_names: Names
    constants: Names
    faults: Names
    attributes: dict[str, Names]
    rebound: dict[str, Names]


def follow(source: Source) -> Flow:
    """Walks a file."""
    walk = _Walk(source.tree)
    return walk.flow


def stored_names(node: ast.AST) -> Names:
    """Names that a statement binds, nested functions and classes left out."""
    found: Names = {}
    for child in _own(node):
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            found[child.id] = None
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[child.name] = None
        elif isinstance(child, (ast.Import, ast.ImportFrom)):
            for alias in child.names:
                found[(alias.asname or alias.name).split(".")[0]] = None
        elif isinstance(child, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and child.name:
            found[child.name] = None
    return found


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is under it, without the insides of functions, classes and comprehensions."""
    yield node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _own(child)


def parameters(function: FunctionNode) -> list[ast.arg]:
    a = function.args
    extra = [arg for arg in (a.vararg, a.kwarg) if arg is not None]
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *extra]


class _Walk:
    def __init__(self, tree: ast.Module) -> None:
        self.flow = Flow([], [], stored_names_of_block(tree.body), _constants(tree), {}, {}, {})
        self._function: Function | None = None
        self._loops = 0
        for statement in tree.body:
            self._definition(statement, None, {})

    def _definition(self, node: ast.AST, owner: ast.ClassDef | None, outer: Names) -> None:
        """Finds the functions under a statement that is not itself in a function."""
        if isinstance(node, ast.ClassDef):
            self.flow.attributes[node.name], self.flow.rebound[node.name] = _attributes(node)
            for statement in node.body:
                self._definition(statement, node, outer)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._enter(node, owner, outer)
        else:
            for child in ast.iter_child_nodes(node):
                self._definition(child, owner, outer)

    def _enter(self, node: FunctionNode, owner: ast.ClassDef | None, outer: Names) -> None:
        plain = owner is not None and not node.decorator_list
        names = [arg.arg for arg in parameters(node)]
        self_name = names[0] if plain and names else ""
        name = f"{owner.name}.{node.name}" if owner else node.name
        function = Function(node, owner, name, self_name, _answers(node))
        self.flow.functions.append(function)
        before, loops = self._function, self._loops
        self._function, self._loops = function, 0
        behind = self._block(node.body, {**outer, **dict.fromkeys(names)})
        if function.answers and behind is not None:
            self.flow.faults[f"{name}: an answer at its end"] = None
        self._function, self._loops = before, loops

    def _block(self, block: Sequence[ast.stmt], known: Names) -> Names | None:
        """Names known behind the block; None if its end is never reached."""
        assert self._function is not None
        now: Names | None = known
        for index, statement in enumerate(block):
            if now is None:
                now = known  # dead code: judged by what was known before it
            place = Place(self._function, block, index, dict(now), self._loops > 0)
            self.flow.places.append(place)
            now = self._statement(statement, now)
        return now

    def _statement(self, s: ast.stmt, known: Names) -> Names | None:
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)):
            locals_ = {**known, **stored_names_of_block(self._body()), s.name: None}
            self._enter(s, None, locals_)
            return {**known, s.name: None}
        if isinstance(s, ast.ClassDef):
            self._definition(s, None, known)
            return {**known, s.name: None}
        if isinstance(s, _ENDS):
            self._uses(s, known)
            return None
        if isinstance(s, ast.If):
            self._uses(s.test, known)
            inner = {**known, **self._bound(s.test)}
            return _both(self._block(s.body, inner), self._block(s.orelse, inner))
        if isinstance(s, (ast.For, ast.AsyncFor, ast.While)):
            head: Sequence[ast.AST] = [s.test] if isinstance(s, ast.While) else [s.iter, s.target]
            self._uses(head[0], known)
            inner = {**known, **self._bound(*head)}
            self._loops += 1
            self._block(s.body, inner)
            self._loops -= 1
            self._block(s.orelse, known)
            return known
        if isinstance(s, (ast.With, ast.AsyncWith)):
            for item in s.items:
                self._uses(item, known)
            return self._block(s.body, {**known, **self._bound(*s.items)})
        if isinstance(s, (ast.Try, ast.TryStar)):
            behind = self._block(s.body, known)
            if behind is not None and s.orelse:
                behind = self._block(s.orelse, behind)
            for handler in s.handlers:
                caught = {**known, handler.name: None} if handler.name else known
                behind = _both(behind, self._block(handler.body, caught))
            if s.finalbody:
                self._block(s.finalbody, known)
            return behind
        if isinstance(s, ast.Match):
            self._uses(s.subject, known)
            for case in s.cases:
                self._block(case.body, {**known, **self._bound(case.pattern)})
            return known
        self._uses(s, known)
        return {**known, **self._bound(s)}

    def _body(self) -> Sequence[ast.stmt]:
        assert self._function is not None
        return self._function.node.body

    def _bound(self, *nodes: ast.AST) -> Names:
        found: Names = {}
        for node in nodes:
            found.update(stored_names(node))
            if isinstance(node, _CANNOT_BIND_ATTRIBUTES):
                continue
            for child in ast.walk(node):
                if self._of_self(child) and not isinstance(child.ctx, ast.Load):
                    found[f"{child.value.id}.{child.attr}"] = None  # type: ignore[attr-defined]
        return found

    def _of_self(self, node: ast.AST) -> TypeGuard[ast.Attribute]:
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and self._function is not None
            and node.value.id == self._function.self_name != ""
        )

    def _uses(self, node: ast.AST, known: Mapping[str, None]) -> None:
        function = self._function
        assert function is not None
        inner: Names = {}
        used: list[str] = []
        for child in ast.walk(node):
            if isinstance(child, ast.Name):
                if isinstance(child.ctx, ast.Load) or isinstance(node, ast.AugAssign):
                    used.append(child.id)
            elif isinstance(child, (ast.comprehension, ast.NamedExpr)):
                inner.update(stored_names(child.target))
            elif isinstance(child, ast.arg):  # of a lambda
                inner[child.arg] = None
            elif self._of_self(child):
                self._attribute_use(child, node, function, known)
        for name in used:
            if not (
                name in known or name in inner or name in self.flow.module_names or name in BUILTINS
            ):
                self.flow.faults[f"{function.name}: {name}"] = None

    def _attribute_use(
        self, use: ast.Attribute, node: ast.AST, function: Function, known: Mapping[str, None]
    ) -> None:
        owner = function.owner
        reads = isinstance(use.ctx, ast.Load) or isinstance(node, ast.AugAssign)
        if not reads or owner is None or owner.bases:
            return  # what a base class brings is not known here
        text = f"{function.self_name}.{use.attr}"
        if function.node.name == "__init__":
            has_value = text in known or use.attr in stored_names_of_block(owner.body)
        else:
            has_value = use.attr in self.flow.attributes[owner.name]
        if not has_value:
            self.flow.faults[f"{function.name}: {text}"] = None


def stored_names_of_block(block: Sequence[ast.stmt]) -> Names:
    found: Names = {}
    for statement in block:
        found.update(stored_names(statement))
    return found


def _both(one: Names | None, other: Names | None) -> Names | None:
    if one is None or other is None:
        return other if one is None else one
    return {name: None for name in one if name in other}


def _attributes(owner: ast.ClassDef) -> tuple[Names, Names]:
    """What every instance has (by the class body and `__init__`), and what is assigned later."""
    found = stored_names_of_block(owner.body)
    later: Names = {}
    for method in owner.body:
        if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        names = [arg.arg for arg in parameters(method)]
        into = found if method.name == "__init__" else later
        for child in ast.walk(method) if names else ():
            if (
                isinstance(child, ast.Attribute)
                and isinstance(child.ctx, ast.Store)
                and isinstance(child.value, ast.Name)
                and child.value.id == names[0]
            ):
                into[child.attr] = None
    return found, later


def _answers(node: FunctionNode) -> bool:
    return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))


def _constants(tree: ast.Module) -> Names:
    found: Names = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            value = statement.value.value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found.update(stored_names(statement))
    return found
