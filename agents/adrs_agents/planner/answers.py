"""Ideas as models write them: as the JSON that was asked for, nearly so, or as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from adrs import Brief, Idea

from .untrusted import one_line

MAX_ANSWER = 200_000
_TEXT = 600
_TITLE = 100
_MOST_READ = 50
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_ITEM = re.compile(r"[ \t]{0,3}(?:\d{1,2}[.)]|[-*])[ \t]+(?=\S)")
_LABEL = re.compile(
    r"\W*(?P<key>idea|title|hypothesis|change|metric|expected|risk)\b[^:\n]{0,24}:[\s*_]*"
    r"(?P<text>.*)",
    re.I,
)
_EDIT = re.compile(r"[ \t]*(```|~~~|<{5,9}|FILE:|DELETE:)")


class Unreadable(Exception):
    """No idea was found in an answer; the message says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """An idea before it is written. All of it is bounded, and untrusted."""

    title: str
    idea: Idea


def schema(brief: Brief) -> Mapping[str, object]:
    """The JSON schema of a plan."""
    text = {"type": "string"}
    idea = {
        "title": text,
        "hypothesis": text,
        "change": text,
        "metric": {"type": "string", "enum": [metric.name for metric in brief.metrics]},
        "expected_percent": {"type": "number"},
        "risk": text,
    }
    ideas = {"type": "array", "items": _object(idea)}
    return _object({"diagnosis": text, "ideas": ideas})


def _object(properties: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def plan(text: str, brief: Brief, wanted: int) -> tuple[Sketch, ...]:
    """The ideas of a plan, without repetitions, at most as many as are wanted.

    Raises:
        Unreadable: there is none.
    """
    text = text[:MAX_ANSWER]
    rows = list(islice(_objects(text), _MOST_READ)) or _items(text)
    sketches: dict[str, Sketch] = {}
    for row in rows:
        sketch = _sketch(row, brief)
        if sketch is not None:
            sketches.setdefault(sketch.idea.change.lower(), sketch)
    if not sketches:
        raise Unreadable(_why(text))
    return tuple(sketches.values())[:wanted]


def spoken(text: str, brief: Brief) -> Sketch | None:
    """The idea in the labelled lines above an edit; None if there is none."""
    row: dict[str, str] = {}
    key = ""
    for line in text[:MAX_ANSWER].splitlines():
        if _EDIT.match(line):
            break
        if label := _LABEL.match(line):
            key = label["key"].lower()
            key = "title" if key == "idea" else key
            row.setdefault(key, label["text"])
        elif not line.strip():
            key = ""
        elif key and len(row[key]) < _TEXT:
            row[key] += " " + line.strip()
    row["change"] = row.get("change") or row.get("title", "")
    return _sketch(row, brief)


def _objects(text: str) -> Iterator[Mapping[str, object]]:
    """Everything in the text that looks like an idea in JSON, also where the whole is cut."""
    text = _TRAILING_COMMA.sub(r"\1", text)
    decoder = json.JSONDecoder()
    at = text.find("{")
    failures = 0
    while at >= 0 and failures < _MOST_READ:
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            failures += 1
            at = text.find("{", at + 1)
            continue
        yield from _ideas_in(found)
        at = text.find("{", end)


def _ideas_in(found: object) -> Iterator[Mapping[str, object]]:
    """An idea, or those of a plan. A plan within a plan is none: nesting would have no bound."""
    if not isinstance(found, dict):
        return
    if _is_idea(found):
        yield found
    elif isinstance(ideas := found.get("ideas"), list):
        yield from (idea for idea in ideas if isinstance(idea, dict) and _is_idea(idea))


def _is_idea(found: Mapping[str, object]) -> bool:
    return bool(found.get("change") or found.get("hypothesis"))


def _items(text: str) -> Sequence[Mapping[str, object]]:
    """The items of a list in prose; lines below an item belong to it."""
    items: list[str] = []
    for line in text.splitlines():
        if start := _ITEM.match(line):
            if len(items) == _MOST_READ:
                break
            items.append(line[start.end() :].replace("**", ""))
        elif items and line.strip() and len(items[-1]) < _TEXT:
            items[-1] += " " + line.strip()
    return [{"change": item} for item in items]


def _sketch(row: Mapping[str, object], brief: Brief) -> Sketch | None:
    change = _text(row, "change") or _text(row, "hypothesis")
    if not change:
        return None
    metrics = [metric.name for metric in brief.metrics]
    named = _text(row, "metric").strip("`\"'* .")
    metric = named if named in metrics else brief.objective.metric.name
    expected = _percent(row.get("expected_percent", row.get("expected"))) / 100
    idea = Idea(_text(row, "hypothesis"), change, metric, expected, _text(row, "risk"))
    return Sketch(_text(row, "title")[:_TITLE], idea)


def _text(row: Mapping[str, object], key: str) -> str:
    value = row.get(key)
    return one_line(value, _TEXT) if isinstance(value, str) else ""


def _percent(value: object) -> float:
    """A share in percent, between -100 and 1000; 0 if nothing like it was said."""
    if isinstance(value, str):
        found = _NUMBER.search(value)
        value = float(found[0]) if found else 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0.0
    return float(max(-100, min(value, 1000)))


def _why(text: str) -> str:
    begins = text.find("{")
    if begins < 0:
        return "expected one JSON object with the key ideas; there is no '{' in the answer"
    try:
        json.JSONDecoder().raw_decode(_TRAILING_COMMA.sub(r"\1", text), begins)
    except (ValueError, RecursionError) as error:
        return f"expected one JSON object with the key ideas; it cannot be read: {error}"
    return "expected one JSON object with the key ideas, each with a change; no such idea came"
