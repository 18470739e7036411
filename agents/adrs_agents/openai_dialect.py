"""How one model wants to be asked: servers that speak this API differ in what they take."""

from __future__ import annotations

import json
import re

from adrs import ModelRequest

_PARAMETERS = ("temperature", "top_p", "seed", "reasoning_effort")
_FORMS = ("json_schema", "json_object", "text")
_LIMITS = ("max_tokens", "max_completion_tokens")
_REASONS = re.compile(r"(^|/)(o\d|gpt-([5-9]|\d\d))", re.IGNORECASE)
_OF_LIMITS = re.compile(r"\bmax_(completion_)?tokens\b", re.IGNORECASE)
_OF_SIZES = re.compile(r"large|maximum|exceed|at most|less than|context", re.IGNORECASE)
_OF_FORMS = re.compile(r"response_format|json|schema|grammar|support", re.IGNORECASE)


class Dialect:
    """What a model takes, as far as its server has declined the rest."""

    def __init__(self, model: str) -> None:
        self._form = _FORMS[0]
        self._limit = _LIMITS[bool(_REASONS.search(model))]
        self._limit_switched = False
        self._dropped: set[str] = set()

    def phrase(self, request: ModelRequest) -> dict[str, object]:
        """The body of a request. It says what was recorded: the prompt's own bytes, read back."""
        asked = json.loads(request.prompt.content)
        body: dict[str, object] = {"model": request.model, "messages": asked["messages"]}
        body[self._limit] = request.prompt.max_tokens
        for name in _PARAMETERS:
            if name in request.parameters and name not in self._dropped:
                body[name] = request.parameters[name]
        if asked["schema"] is not None and self._form != "text":
            body["response_format"] = {"type": self._form}
            if self._form == "json_schema":
                schema = {"name": "answer", "strict": True, "schema": asked["schema"]}
                body["response_format"] = {"type": self._form, "json_schema": schema}
        return body

    def give_way(self, body: dict[str, object], complaint: str) -> bool:
        """Whether a declined body can be phrased otherwise; then it is from now on.

        Calls at the same time may have learned it already, so it is what was sent that counts.
        """
        if _OF_LIMITS.search(complaint) and not _OF_SIZES.search(complaint):
            if self._limit not in body:
                return True
            if self._limit_switched:
                return False
            (self._limit,) = set(_LIMITS) - {self._limit}
            self._limit_switched = True
            return True
        for name in _PARAMETERS:
            if name in body and re.search(rf"\b{name}\b", complaint, re.IGNORECASE):
                self._dropped.add(name)
                return True
        if "response_format" in body and _OF_FORMS.search(complaint):
            if form_of(body) == self._form:
                self._form = _FORMS[_FORMS.index(self._form) + 1]
            return True
        return False


def form_of(body: dict[str, object]) -> str:
    """How a body asks for structure: "json_schema", "json_object" or "text"."""
    asked = body.get("response_format")
    return str(asked["type"]) if isinstance(asked, dict) else "text"
