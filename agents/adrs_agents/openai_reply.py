"""What a server's reply means: bytes that anybody may have written, to an answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from adrs import Answer, AnswerStatus

_LONGEST_WAIT_S = 600.0
_MOST_TOKENS = 2**31
_PASSING = (408, 409)
_CURES = {
    401: "set OPENAI_API_KEY to a key of this server",
    403: "set OPENAI_API_KEY to a key that may use this model",
    404: "check the model's name and the base URL",
}
_THOUGHT = re.compile(r"\s*<think>(.*?</think>\s*|.*)", re.DOTALL)
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response of a server, unread.

    Attributes:
        code: the HTTP status.
    """

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def complaint(self) -> str:
        """What an error says, whichever of the usual shapes it has."""
        text = self.body.decode("utf-8", "replace")
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(said, dict):
            said = said.get("error") or said.get("detail") or said
        if isinstance(said, dict):
            said = [said.get(name) for name in ("message", "code", "param", "type")]
            said = "; ".join(str(one) for one in said if one is not None)
        return said if isinstance(said, str) else json.dumps(said)

    def answer(self, prompt: bytes) -> Answer:
        """What it means as the answer to a prompt."""
        return self._read(prompt) if 200 <= self.code < 300 else self._failure()

    def _failure(self) -> Answer:
        complaint = self.complaint
        reason = f"HTTP {self.code}: {complaint}"
        if self.code == 429 and "insufficient_quota" not in complaint:
            status = AnswerStatus.RATE_LIMITED
        elif self.code >= 500 or self.code in _PASSING:
            status = AnswerStatus.SERVER_ERROR
        else:
            cure = _CURES.get(self.code)
            if self.code < 400:
                cure = f"give {self.headers.get('location', 'the new address')} as the base URL"
            reason = f"HTTP {self.code}; {cure}: {complaint}" if cure else reason
            return Answer(AnswerStatus.DECLINED, reason=reason)
        return Answer(status, reason=reason, retry_after_s=self._retry_after_s())

    def _retry_after_s(self) -> float | None:
        seconds = _number(self.headers.get("retry-after-ms"), 1000)
        if seconds is None:
            asked = self.headers.get("retry-after")
            seconds = _number(asked, 1)
            if seconds is None and asked is not None:
                seconds = _seconds_until(asked)
        return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT_S)

    def _read(self, prompt: bytes) -> Answer:
        try:
            said = json.loads(self.body.decode())
        except (ValueError, RecursionError) as error:
            return _malformed(f"the body is not JSON in UTF-8: {type(error).__name__}")
        choices = said.get("choices") if isinstance(said, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not (isinstance(choice, dict) and isinstance(message, dict)):
            return _malformed(f"the body has no choices with a message: {self.complaint}")
        text = message.get("content") or ""
        if not isinstance(text, str):
            return _malformed(f"the content is not text but {type(text).__name__}")
        frame = Answer(
            AnswerStatus.ANSWERED,
            tokens_in=_tokens(said, "prompt_tokens"),
            tokens_out=_tokens(said, "completion_tokens"),
            served_by=said["model"] if isinstance(said.get("model"), str) else "",
        )
        ended, refusal = choice.get("finish_reason"), message.get("refusal")
        if refusal or ended == "content_filter":
            reason = str(refusal or "a content filter of the server ended it")
            return replace(frame, status=AnswerStatus.REFUSED, reason=reason)
        return _with_text(frame, text, ended == "length", prompt)


def _with_text(frame: Answer, text: str, cut: bool, prompt: bytes) -> Answer:
    if thought := _THOUGHT.match(text):
        text = text[thought.end() :]
    if cut:
        text = text.rstrip(_UNKNOWN)  # the limit may fall inside of a character
    status, reason = AnswerStatus.ANSWERED, ""
    if any("\ud800" <= each <= "\udfff" for each in text):
        status, reason = AnswerStatus.MALFORMED, "the text has half of a surrogate pair"
    elif _UNKNOWN in text and _UNKNOWN.encode() not in prompt:
        status, reason = AnswerStatus.MALFORMED, "the text has U+FFFD, the mark of broken UTF-8"
    elif cut:
        status, reason = AnswerStatus.CUT, "the limit of output tokens ended it"
    elif not text.strip():
        status, reason = AnswerStatus.EMPTY, "no text came"
    usable = status in (AnswerStatus.ANSWERED, AnswerStatus.CUT)
    return replace(frame, status=status, text=text if usable else "", reason=reason)


def _malformed(reason: str) -> Answer:
    return Answer(AnswerStatus.MALFORMED, reason=reason)


def _tokens(said: Mapping[str, object], name: str) -> int | None:
    usage = said.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    sane = type(count) is int and 0 <= count < _MOST_TOKENS
    return count if sane else None


def _number(text: str | None, divisor: float) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number / divisor if math.isfinite(number) else None


def _seconds_until(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
