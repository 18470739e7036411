"""A model that knows nothing: random, valid answers as a function of the prompt's own words."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

_FILE = re.compile(
    r"^FILE: (?P<path>[^\n]+\.py)\n(?P<fence>`{3,})[^\n]*\n(?P<text>.*?)^(?P=fence) *$", re.M | re.S
)
_WANTED = re.compile(r"^ideas wanted: (\d+)", re.M)
_LABEL = re.compile(r"^(IDEA|HYPOTHESIS|CHANGE|METRIC|EXPECTED|RISK): ", re.M)
_NUMBER = re.compile(r"(?<![\w.\"'])\d+(\.\d+)?(?![\w.\"'])")
_COMPARISON = re.compile(r"(?<= )(<=|>=|<|>)(?= )")
_CONNECTIVE = re.compile(r"(?<= )(and|or)(?= )")
_RETURN = re.compile(r" *return ([\"'])(\w+)\1$")
_STRING = re.compile(r"([\"'])(\w+)\1")
_LOOKUP = re.compile(r"( *)if (?:not )?(\w+)\[[\"']")
_NAME = re.compile(r"`(\w+_\w+)`")
_VERBS = ("Raise", "Lower", "Delay", "Skip", "Repeat", "Reorder", "Merge", "Weigh", "Predict")
_NOUNS = ("threshold", "queue", "slack", "backlog", "price", "retry", "batch", "reserve", "order")
_PROSE = "I would keep the program as it is, but look at its thresholds again."


def weak_answer(request: Mapping[str, Any]) -> str:
    """What to answer to the body of a request for a chat completion.

    To a JSON schema, or to a wish for ideas, JSON that fits; to a program in Python, an edit of one
    of its lines; else prose.
    """
    said = [str(message.get("content", "")) for message in request["messages"]]
    text = "\n".join(said)
    rng = Random(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())
    wanted = _WANTED.search(said[-1])
    form = request.get("response_format") or {}
    schema = form["json_schema"]["schema"] if form.get("type") == "json_schema" else None
    if schema is None and wanted:
        schema = _described(_example(text))
    if schema is not None:
        return json.dumps(_Instance(schema, rng, int(wanted[1]) if wanted else None).of(schema))
    labels = "".join(f"{label}: {_words(rng)}\n" for label in _LABEL.findall(said[-1]))
    for file in _FILE.finditer(text):
        if edit := _edit(file["text"], text, rng):
            old, new = edit
            block = f"<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE"
            return f"{labels or 'I change one line.'}\n\nFILE: {file['path']}\n{block}\n"
    return _PROSE


def _example(text: str) -> object:
    """The last JSON object with ideas in it that a prompt shows; one without texts if none."""
    decoder = json.JSONDecoder()
    found: object = {"ideas": [""]}
    for start in re.finditer(r"^\{", text, re.M):
        try:
            shown, _ = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        if "ideas" in shown:
            found = shown
    return found


def _described(example: object) -> Mapping[str, Any]:
    """The JSON schema of an example."""
    if isinstance(example, dict):
        properties = {key: _described(value) for key, value in example.items()}
        return {"type": "object", "properties": properties}
    if isinstance(example, list):
        return {"type": "array", "items": _described(example[0] if example else "")}
    return {"type": "string" if isinstance(example, str) else "number"}


class _Instance:
    """Draws values that fit a JSON schema.

    Args:
        ideas: length of arrays that are called "ideas"; None for the least.
    """

    def __init__(self, root: Mapping[str, Any], rng: Random, ideas: int | None) -> None:
        self._root = root
        self._rng = rng
        self._ideas = ideas

    def of(self, schema: Mapping[str, Any], name: str = "") -> Any:
        if reference := schema.get("$ref"):
            return self.of(self._root["$defs"][reference.rpartition("/")[2]], name)
        if options := schema.get("anyOf") or schema.get("oneOf"):
            return self.of(options[0], name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        kind = schema.get("type", "object")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return {key: self.of(sub, key) for key, sub in schema.get("properties", {}).items()}
            case "array":
                least, most = schema.get("minItems", 1), schema.get("maxItems", 2**20)
                count = self._ideas if name == "ideas" and self._ideas is not None else least
                return [
                    self.of(schema.get("items", {})) for _ in range(max(least, min(count, most)))
                ]
            case "integer":
                low = schema.get("minimum", 0)
                return self._rng.randint(low, schema.get("maximum", low + 10))
            case "number":
                low = schema.get("minimum", 0.0)
                return round(self._rng.uniform(low, schema.get("maximum", low + 1.0)), 3)
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
        return _words(self._rng).ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _words(rng: Random) -> str:
    return f"{rng.choice(_VERBS)} the {rng.choice(_NOUNS)} by {rng.randint(2, 99)} percent"


def _edit(program: str, prompt: str, rng: Random) -> tuple[str, str] | None:
    """A line of a program and what takes its place; None if nothing in it can be changed."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError):
        return None
    prose = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    strings = sorted({found[2] for found in _STRING.finditer(program)})
    names = sorted({found[1] for found in _NAME.finditer(prompt)})
    kinds = defaultdict(list)
    for number, line in enumerate(program.split("\n"), 1):
        if number in prose or line.lstrip().startswith("#") or program.count(line) != 1:
            continue
        for kind, new in _changes(line, strings, names, rng):
            kinds[kind].append((line, new))
    return rng.choice(kinds[rng.choice(list(kinds))]) if kinds else None


def _changes(
    line: str, strings: Sequence[str], names: Sequence[str], rng: Random
) -> Iterator[tuple[str, str]]:
    """What could stand in place of a line, each with its kind."""
    for found in _NUMBER.finditer(line):
        yield "number", _put(line, found, _nudged(found[0], rng))
    for found in _COMPARISON.finditer(line):
        others = [one for one in ("<", "<=", ">", ">=") if one != found[0]]
        yield "comparison", _put(line, found, rng.choice(others))
    for found in _CONNECTIVE.finditer(line):
        yield "connective", _put(line, found, "or" if found[0] == "and" else "and")
    if returned := _RETURN.match(line):
        for other in strings:
            if other != returned[2] and other.isupper() == returned[2].isupper():
                yield "answer", line.replace(returned[2], other)
    answers = [one for one in strings if one.isupper()]
    lookup = _LOOKUP.match(line)
    if lookup and names and answers:
        indent, mapping = lookup.groups()
        guard = f'{mapping}.get("{rng.choice(names)}", 0) < {rng.uniform(0, 60):.3g}'
        body = f'return "{rng.choice(answers)}"'
        yield "guard", f"{indent}if {guard}:\n{indent}    {body}\n{line}"


def _put(line: str, found: re.Match[str], new: str) -> str:
    return line[: found.start()] + new + line[found.end() :]


def _nudged(number: str, rng: Random) -> str:
    value = float(number) * rng.uniform(0.5, 2.0)
    if "." in number:
        return f"{value:.4g}" if value else "0.1"
    return str(round(value) if round(value) != int(number) else int(number) + 1)
