"""What can be said at a place of a program: quantities, flags, texts and answers.

Everything is taken from the program itself and from the words of its task: names in scope, keys
and attributes that it uses or that its docstrings name as `thing["key"]`. How a name is used says
what it is. Nothing here knows any task, and renaming things renames what is proposed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from .flow import BUILTINS, Flow, Function, Place, parameters
from .source import Source

_KEYED = re.compile(r"""(\w+)\[(["'])([^"'\]\n]{1,60})\2\]""")
_QUOTED = re.compile(r"""(?<!\[)(["'])([A-Za-z_][\w-]{0,40})\1(?!\])""")
_MARKED = re.compile(r"""`+([^`\n]+)`+|"(\w+)"|^#+ """, re.MULTILINE)
_SAYS_FLAG = re.compile(r"\b(whether|bool|boolean|true|false)\b", re.IGNORECASE)
_SAYS_TEXT = re.compile(r"\b(str|string|text|name|one of)\b|[\"']", re.IGNORECASE)
_SAYS_MANY = re.compile(r"\b(list|dict|tuple|mapping|sequence)\b", re.IGNORECASE)
_NUMERIC_CALLS = frozenset({"abs", "float", "int", "len", "max", "min", "round", "sum"})
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
MOST_KEYS = 40


class Kind(Enum):
    """What an expression stands for, as far as the program shows."""

    NUMBER = auto()
    FLAG = auto()
    TEXT = auto()
    MANY = auto()
    OTHER = auto()


@dataclass(slots=True)
class Vocabulary:
    """What a file says about its names, by the text of the expression.

    Attributes:
        kinds: expression to what it stands for; absent where nothing is known.
        members: thing to its members, each as an expression: keys and attributes.
        texts: thing to the string constants it is compared with or assigned, as source.
        used: how often a member is read.
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    members: dict[str, dict[str, None]] = field(default_factory=dict)
    texts: dict[str, dict[str, None]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def learn(source: Source, flow: Flow, statement: str = "") -> Vocabulary:
    """Reads a file's vocabulary; `statement` is the task in words."""
    reader = _Reader(source, flow)
    reader.read(statement)
    return reader.words


def dotted(node: ast.AST) -> str:
    """`a`, `a.b`, `a["k"]`, `a.b["k"]` in one spelling; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        base = dotted(node.value)
        if base and isinstance(node.slice.value, str):
            return f"{base}[{quoted(node.slice.value)}]"
    return ""


def quoted(text: str) -> str:
    """A string constant's source, in double quotes where that is possible."""
    plain = '"' not in text and "\\" not in text and text.isprintable()
    return f'"{text}"' if plain else repr(text)


class _Reader:
    def __init__(self, source: Source, flow: Flow) -> None:
        self._source = source
        self._flow = flow
        self.words = Vocabulary()

    def read(self, statement: str) -> None:
        for node in self._source.nodes:
            self._node(node)
        for node in self._source.nodes:
            self._assigned(node)
        roots = {a.arg: None for f in self._flow.functions for a in parameters(f.node)}
        for text in (*self._prose(), statement):
            for match in _KEYED.finditer(text):
                if match[1] in roots:
                    self._documented(match[1], match[3], text[match.end() :])
        for function in self._flow.functions:
            self._listed(function)
        self._stated(statement, roots)
        for node in self._source.nodes:
            self._alias(node)

    def _prose(self) -> Iterator[str]:
        for node in self._source.nodes:
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text:
                    yield text
        for line in self._source.data.decode("utf-8").splitlines():
            mark = line.find("#")
            if mark >= 0:
                yield line[mark:]

    def _is(self, node: ast.AST, kind: Kind) -> None:
        text = dotted(node)
        if text:
            self.words.kinds.setdefault(text, kind)

    def _node(self, node: ast.AST) -> None:
        words = self.words
        if isinstance(node, (ast.Subscript, ast.Attribute)):
            text = dotted(node)
            if text and isinstance(node.ctx, ast.Load):
                words.used[text] = words.used.get(text, 0) + 1
            base = dotted(node.value)
            if text and base:
                words.members.setdefault(base, {})[text] = None
            elif isinstance(node, ast.Subscript):
                self._is(node.value, Kind.MANY)
        elif isinstance(node, ast.BinOp):
            if not _is_text(node.left) and not _is_text(node.right):
                self._is(node.left, Kind.NUMBER)
                self._is(node.right, Kind.NUMBER)
        elif isinstance(node, ast.UnaryOp):
            self._is(node.operand, Kind.FLAG if isinstance(node.op, ast.Not) else Kind.NUMBER)
        elif isinstance(node, ast.Compare):
            self._compared(node)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self._is(value, Kind.FLAG)
        elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
            self._is(node.test, Kind.FLAG)
        elif isinstance(node, (ast.For, ast.comprehension)):
            self._is(node.iter, Kind.MANY)
        elif isinstance(node, ast.AugAssign):
            if not _is_text(node.value):
                self._is(node.target, Kind.NUMBER)
                self._is(node.value, Kind.NUMBER)
        elif isinstance(node, ast.Call):
            self._called(node)
        elif isinstance(node, ast.arg) and node.annotation is not None:
            kind = _annotated(node.annotation)
            if kind:
                self.words.kinds[node.arg] = kind

    def _compared(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(op, _ORDER):
                self._is(left, Kind.NUMBER)
                self._is(right, Kind.NUMBER)
                continue
            for one, other in ((left, right), (right, left)):
                for constant in _texts(other):
                    self._is(one, Kind.TEXT)
                    name = dotted(one)
                    if name:
                        self.words.texts.setdefault(name, {})[quoted(constant)] = None

    def _called(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in _NUMERIC_CALLS:
            many = node.func.id in {"len", "sum"}
            for arg in node.args:
                if many or len(node.args) > 1:
                    self._is(arg, Kind.MANY if many else Kind.NUMBER)
        name = dotted(node.func)
        if name:
            self.words.kinds[name] = Kind.OTHER
        if isinstance(node.func, ast.Attribute):
            base = dotted(node.func.value)
            if node.func.attr == "get" and base and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    self._member(base, key.value)
            elif node.func.attr in {"append", "items", "keys", "values", "pop"}:
                self._is(node.func.value, Kind.MANY)

    def _member(self, base: str, key: str) -> str:
        text = f"{base}[{quoted(key)}]"
        known = self.words.members.setdefault(base, {})
        if len(known) < MOST_KEYS:
            known[text] = None
        return text

    def _assigned(self, node: ast.AST) -> None:
        """What a name is assigned tells what it is; repeated, so that one step carries over."""
        if isinstance(node, ast.AnnAssign):
            kind = _annotated(node.annotation)
            if kind:
                self._is(node.target, kind)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            kind = self._kind_of(node.value)
            if kind:
                self._is(node.targets[0], kind)
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                name = dotted(node.targets[0])
                if name:
                    self.words.texts.setdefault(name, {})[quoted(node.value.value)] = None

    def _kind_of(self, node: ast.expr) -> Kind | None:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool):
                return Kind.FLAG
            if isinstance(node.value, (int, float)):
                return Kind.NUMBER
            return Kind.TEXT if isinstance(node.value, str) else Kind.OTHER
        if isinstance(node, (ast.Compare, ast.BoolOp)):
            return Kind.FLAG
        if isinstance(node, ast.UnaryOp):
            return Kind.FLAG if isinstance(node.op, ast.Not) else Kind.NUMBER
        if isinstance(node, ast.BinOp):
            return None if _is_text(node.left) or _is_text(node.right) else Kind.NUMBER
        if isinstance(node, ast.IfExp):
            return self._kind_of(node.body)
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            return Kind.NUMBER if name in _NUMERIC_CALLS else None
        if isinstance(node, (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)):
            return Kind.MANY
        return self.words.kinds.get(dotted(node)) if dotted(node) else None

    def _documented(self, base: str, key: str, after: str) -> None:
        text = self._member(base, key)
        says = _KEYED.split(after[:120], maxsplit=1)[0].split("\n")[0]
        kind = _said(says)
        if kind:
            self.words.kinds.setdefault(text, kind)

    def _listed(self, function: Function) -> None:
        """Keys that a docstring lists behind a parameter's name: `job: "a", "b" and "c"`."""
        prose = ast.get_docstring(function.node) or ""
        if function.owner is not None:
            prose = f"{ast.get_docstring(function.owner) or ''}\n\n{prose}"
        for arg in parameters(function.node):
            if self.words.kinds.get(arg.arg) in (Kind.NUMBER, Kind.TEXT, Kind.FLAG):
                continue
            match = re.search(rf"(?m)^\s*{re.escape(arg.arg)}\s*(\([^)]*\))?:((?:.+\n?)+)", prose)
            for key in _QUOTED.finditer(match[2]) if match else ():
                self._member(arg.arg, key[2])

    def _stated(self, statement: str, roots: dict[str, None]) -> None:
        """Keys that the task's statement names in marks after it named a parameter in marks.

        What is in quotes within marks is a value, not a key.
        """
        taken = {f.node.name for f in self._flow.functions} | set(self._flow.module_names)
        taken |= {text for texts in self.words.texts.values() for text in texts}
        taken |= {quoted(text) for node in self._source.nodes for text in _texts(node)}
        root = ""
        for match in _MARKED.finditer(statement):
            marked = match[1] or match[2] or ""
            named = [w for w in re.findall(r"\w+", marked) if w in roots and self._may_hold(w)]
            if match[0].startswith("#"):
                root = ""
            elif named:
                root = named[0]
            elif root and marked.isidentifier() and not {marked, quoted(marked)} & taken:
                taken.add(marked)  # it belongs to what was named when it first came up
                text = self._member(root, marked)
                kind = _said(_MARKED.split(statement[match.end() :][:120])[0].split("\n")[0])
                if kind:
                    self.words.kinds.setdefault(text, kind)

    def _may_hold(self, name: str) -> bool:
        return self.words.kinds.get(name) in (None, Kind.MANY) and name not in ("self", "cls")

    def _alias(self, node: ast.AST) -> None:
        """`self.job = job` gives self.job the members of job; `x = obs["a"]` the kind."""
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            return
        new, old = dotted(node.targets[0]), dotted(node.value)
        if not new or not old:
            return
        words = self.words
        for member in list(words.members.get(old, ())):
            if member.startswith(old):
                same = new + member[len(old) :]
                words.members.setdefault(new, {})[same] = None
                if member in words.kinds:
                    words.kinds.setdefault(same, words.kinds[member])
        if old in words.kinds:
            words.kinds.setdefault(new, words.kinds[old])
        elif new in words.kinds:
            words.kinds.setdefault(old, words.kinds[new])
        for text in words.texts.get(new, ()):
            words.texts.setdefault(old, {})[text] = None
        for text in words.texts.get(old, ()):
            words.texts.setdefault(new, {})[text] = None


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or bool(_texts(node))


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return [text for item in node.elts for text in _texts(item)]
    return []


def _annotated(node: ast.expr) -> Kind | None:
    name = dotted(node.value if isinstance(node, ast.Subscript) else node)
    plain = {"int": Kind.NUMBER, "float": Kind.NUMBER, "bool": Kind.FLAG, "str": Kind.TEXT}
    many = {"list", "dict", "tuple", "set", "Sequence", "Mapping", "Iterable"}
    return plain.get(name) or (Kind.MANY if name in many else None)


def _said(words: str) -> Kind | None:
    if _SAYS_FLAG.search(words):
        return Kind.FLAG
    if _SAYS_MANY.search(words):
        return Kind.MANY
    return Kind.TEXT if _SAYS_TEXT.search(words) else None


@dataclass(frozen=True)
class Scope:
    """What can be said just before one statement.

    Attributes:
        numbers: quantities.
        moving: those of `numbers` that can differ from one call to the next.
        flags: expressions that are true or false.
        equalities: comparisons of a text with one it may be equal to.
        answers: what the function returns somewhere, as source.
    """

    numbers: tuple[str, ...]
    moving: tuple[str, ...]
    flags: tuple[str, ...]
    equalities: tuple[str, ...]
    answers: tuple[str, ...]
    weights: tuple[float, ...] = ()


def scope_at(
    place: Place, source: Source, flow: Flow, words: Vocabulary, credit: Callable[[str], float]
) -> Scope:
    """Looks around at a place."""
    function = place.function
    answers = answers_of(function, source, place, flow)
    numbers: dict[str, None] = {}
    moving: dict[str, None] = {}
    flags: dict[str, None] = {}
    equalities: dict[str, None] = {}
    rebound = flow.rebound.get(function.owner.name, {}) if function.owner else {}
    for thing, moves in _things(place, flow, rebound):
        for text in _expand(thing, words, function.self_name):
            if not credit(text):
                continue
            kind = words.kinds.get(text)
            if kind is Kind.FLAG:
                flags[text] = None
            elif kind is Kind.TEXT:
                seen = words.texts.get(text) or dict.fromkeys(_text_answers(answers))
                for value in seen:
                    equalities[f"{text} == {value}"] = None
            elif kind is Kind.MANY:
                if "." in text or "[" in text or moves:
                    numbers[f"len({text})"] = None
                    if moves:
                        moving[f"len({text})"] = None
            elif kind in (Kind.NUMBER, None):
                numbers[text] = None
                if moves:
                    moving[text] = None
    weights = tuple(
        credit(bare(text)) * _fresh_weight(text, words, function.self_name) for text in numbers
    )
    return Scope(tuple(numbers), tuple(moving), tuple(flags), tuple(equalities), answers, weights)


def bare(text: str) -> str:
    """The term in a quantity: `a` in `len(a)`."""
    return text[4:-1] if text.startswith("len(") else text


def _fresh_weight(text: str, words: Vocabulary, self_name: str) -> float:
    # State that is kept and read nowhere but where it is kept waits for its use.
    attribute = self_name and text.startswith(f"{self_name}.")
    return 2.0 if attribute and words.used.get(text, 0) <= 1 else 1.0


def _things(place: Place, flow: Flow, rebound: dict[str, None]) -> Iterator[tuple[str, bool]]:
    """Names and attributes of self at a place, and whether they can differ between calls."""
    function = place.function
    in_init = function.node.name == "__init__"
    for name in place.known:
        if name == function.self_name:
            continue
        yield name, not in_init
    if function.owner is not None and function.self_name and not in_init:
        for attr in flow.attributes.get(function.owner.name, ()):
            if not attr.startswith("__") and not _is_method(function.owner, attr):
                text = f"{function.self_name}.{attr}"
                yield text, attr in rebound
    for name in flow.constants:
        if name not in place.known:
            yield name, False


def _expand(thing: str, words: Vocabulary, self_name: str) -> Iterator[str]:
    members = [m for m in words.members.get(thing, ()) if m.startswith(thing)]
    keyed = [m for m in members if words.kinds.get(m) is not Kind.OTHER]
    if not members:
        yield thing
    for member in keyed:
        yield from _expand(member, words, self_name)


def _is_method(owner: ast.ClassDef, name: str) -> bool:
    return any(
        isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) and s.name == name
        for s in owner.body
    )


def answers_of(function: Function, source: Source, place: Place, flow: Flow) -> tuple[str, ...]:
    """Values that the function returns, those first that the program spells out."""
    found: dict[str, None] = {}
    texts: list[str] = []
    for node in ast.walk(function.node):
        if isinstance(node, ast.Return) and node.value is not None:
            for value in _branches(node.value):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    texts.append(value.value)
                    found[quoted(value.value)] = None
                elif _simple(value) and _names_known(value, place, flow):
                    found[source.text(value)] = None
    if texts:
        for text in _declared(function):
            found[quoted(text)] = None
    return tuple(found)


def _branches(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from _branches(node.body)
        yield from _branches(node.orelse)
    else:
        yield node


def _simple(node: ast.expr) -> bool:
    return node.lineno == node.end_lineno and not any(
        isinstance(n, (ast.Lambda, ast.JoinedStr, ast.comprehension)) for n in ast.walk(node)
    )


def _names_known(node: ast.expr, place: Place, flow: Flow) -> bool:
    return all(
        n.id in place.known or n.id in flow.module_names or n.id in BUILTINS
        for n in ast.walk(node)
        if isinstance(n, ast.Name)
    )


def _declared(function: Function) -> list[str]:
    """Texts that the annotation or the docstring name as answers."""
    found: list[str] = []
    if function.node.returns is not None:
        found += [t for n in ast.walk(function.node.returns) for t in _texts(n)]
    prose = ast.get_docstring(function.node) or ""
    for paragraph in re.split(r"\n\s*\n", prose):
        words = [match[2] for match in _QUOTED.finditer(paragraph)]
        returned = {
            n.value
            for r in ast.walk(function.node)
            if isinstance(r, ast.Return) and r.value is not None
            for n in ast.walk(r.value)
            if isinstance(n, ast.Constant)
        }
        if any(word in returned for word in words):
            found += words
    return found


def _text_answers(answers: tuple[str, ...]) -> list[str]:
    return [a for a in answers if a[:1] in "\"'"]
