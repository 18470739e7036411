"""Prompts as files: a front matter in TOML, and a text in Jinja that prints passages only."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jinja2
from jinja2 import StrictUndefined, meta
from jinja2.runtime import Context as Variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adrs import Message, Prompt

from .untrusted import Passage, Quotes

_FENCE = "+++\n"


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt before anything is filled in.

    Attributes:
        purpose: what it is for, in a sentence.
        max_tokens: most tokens of the answer, reasoning included; 0 for what others include.
        structured: whether the answer has to follow a schema.
        digest: SHA-256 of its file, of those that it includes, and of the system message's.
    """

    name: str
    version: str
    purpose: str
    max_tokens: int
    structured: bool
    digest: str
    body: jinja2.Template

    @property
    def id(self) -> str:
        return f"{self.name}@{self.digest[:12]}"

    def text(self, values: Mapping[str, object]) -> str:
        """The text with all values filled in."""
        quotes = Quotes()
        self.body.render(values, quotes=quotes)
        quotes.seal()
        return self.body.render(values, quotes=quotes).strip()


def prompt(
    name: str,
    step: str,
    values: Mapping[str, object],
    conversation: Sequence[Message] = (),
    schema: Mapping[str, object] | None = None,
) -> Prompt:
    """The prompt `name` as a new conversation, or as the next turn of one."""
    template = load(name)
    before = conversation or (Message("system", load("system").text({})),)
    return Prompt(
        step,
        (*before, Message("user", template.text(values))),
        schema if template.structured else None,
        template.max_tokens,
        template.id,
    )


def names() -> list[str]:
    """Of all prompts and parts of prompts, sorted."""
    return sorted(_sources())


@cache
def load(name: str) -> Template:
    """The template in prompts/NAME.md."""
    environment = _environment()
    source = _sources()[name]
    front = tomllib.loads(source.split(_FENCE, 2)[1])
    included = meta.find_referenced_templates(environment.parse(_body(source)))
    parts = sorted({"system", *map(str, included)})
    together = "\0".join([source, *(_sources()[part] for part in parts)])
    return Template(
        name=front["name"],
        version=front["version"],
        purpose=front["purpose"],
        max_tokens=front.get("max_tokens", 0),
        structured=front.get("structured", False),
        digest=hashlib.sha256(together.encode()).hexdigest(),
        body=environment.get_template(name),
    )


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=jinja2.DictLoader({name: _body(source) for name, source in _sources().items()}),
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # a prompt is no page; passages are fenced off instead
    )


@cache
def _sources() -> Mapping[str, str]:
    folder = files(__package__) / "prompts"
    return {
        file.name.removesuffix(".md"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".md")
    }


def _body(source: str) -> str:
    return source.split(_FENCE, 2)[2].strip() + "\n"


@jinja2.pass_context
def _printed(variables: Variables, value: object) -> str:
    """What a template prints: passages between their lines, and whole numbers of ours."""
    if isinstance(value, Passage):
        quotes: Quotes = variables["quotes"]
        return quotes.quote(value)
    if type(value) is int:
        return str(value)
    raise TypeError(f"a prompt prints passages and whole numbers, not a {type(value).__name__}")
