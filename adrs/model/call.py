"""What a model is asked and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class AnswerStatus(StrEnum):
    """How one call of a model ended. Only ANSWERED and CUT have text that may be used.

    ANSWERED: whole. CUT: ended by the limit of output tokens. EMPTY: no text. REFUSED: the model
    or a filter declined. MALFORMED: not UTF-8, or not what this API answers. RATE_LIMITED: asked
    to come back later. SERVER_ERROR: the server failed. TIMED_OUT: nothing came in time.
    UNREACHABLE: no connection. BROKEN: the connection broke after the call was sent. DECLINED: the
    server says that this call can never work: unknown model, bad key, a parameter that it does not
    take. LOST: nobody knows, since the engine was killed meanwhile.
    """

    ANSWERED = "ANSWERED"
    CUT = "CUT"
    EMPTY = "EMPTY"
    REFUSED = "REFUSED"
    MALFORMED = "MALFORMED"
    RATE_LIMITED = "RATE_LIMITED"
    SERVER_ERROR = "SERVER_ERROR"
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    BROKEN = "BROKEN"
    DECLINED = "DECLINED"
    LOST = "LOST"

    @property
    def final(self) -> bool:
        """Whether the model has spoken: asking the same again would be paying twice."""
        return self in _FINAL

    @property
    def outage(self) -> bool:
        """Whether it may mean that the server is down."""
        return self in _OUTAGES

    @property
    def doubtful(self) -> bool:
        """Whether the call may have been charged although no answer came."""
        return self in _DOUBTFUL

    @property
    def free(self) -> bool:
        """Whether the server did nothing that it could charge."""
        return self in _FREE


_FINAL = frozenset({AnswerStatus.ANSWERED, AnswerStatus.CUT, AnswerStatus.REFUSED})
_OUTAGES = frozenset(
    {
        AnswerStatus.SERVER_ERROR,
        AnswerStatus.TIMED_OUT,
        AnswerStatus.UNREACHABLE,
        AnswerStatus.BROKEN,
    }
)
_DOUBTFUL = frozenset({AnswerStatus.TIMED_OUT, AnswerStatus.BROKEN, AnswerStatus.LOST})
_FREE = frozenset(
    {
        AnswerStatus.RATE_LIMITED,
        AnswerStatus.SERVER_ERROR,
        AnswerStatus.UNREACHABLE,
        AnswerStatus.DECLINED,
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: "system", "user" or "assistant".
    """

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """What a model is asked, word for word; the same words have the same digest.

    Attributes:
        step: place in its round, for instance "plan", "write-2" or "repair-2-1".
        schema: JSON schema of the answer that is wanted; None for free text.
        max_tokens: most tokens of the answer, reasoning included.
        template: name and version of what it was rendered from.
    """

    step: str
    messages: tuple[Message, ...]
    schema: Mapping[str, object] | None = field(default=None, hash=False)
    max_tokens: int = 8192
    template: str = ""

    @cached_property
    def content(self) -> bytes:
        """Messages and schema as JSON in UTF-8: what is stored and hashed."""
        messages = [{"role": one.role, "content": one.content} for one in self.messages]
        asked = {"messages": messages, "schema": self.schema}
        text = json.dumps(asked, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "replace")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `content`, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call, as it goes to a server.

    Attributes:
        parameters: what the server is told beside the messages, such as "temperature".
        timeout_s: elapsed seconds after which the call is given up.
    """

    model: str
    prompt: Prompt
    parameters: Mapping[str, object] = field(default_factory=dict)
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        text: untrusted; "" unless the status says otherwise.
        reason: why it is not ANSWERED, in words, without any key.
        tokens_in: tokens of the prompt as the server counted them; None if it did not say.
        tokens_out: tokens of the answer, reasoning included; None if it did not say.
        latency_s: elapsed seconds of the call.
        retry_after_s: seconds that the server asks to wait.
        served_by: the model's name as the server gives it.
        form: how structure was asked for: "json_schema", "json_object" or "text".
    """

    status: AnswerStatus
    text: str = ""
    reason: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_s: float = 0.0
    retry_after_s: float | None = None
    served_by: str = ""
    form: str = "text"


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in USD a million tokens.

    Attributes:
        table: which price table says so: its name, date and digest.
    """

    input: float
    output: float
    table: str = ""

    def usd(self, tokens_in: int, tokens_out: int) -> float:
        """The price of a call."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as the record has it.

    Attributes:
        number: counts the run's calls.
        ordinal: of the proposal that it served.
        prompt: digest of the prompt.
        answer: None while it is in flight, or if the engine was killed meanwhile.
        usd: its price; what was reserved for it while its answer is unknown.
        reserved_tokens: most tokens that it could take, in and out.
        replayed: whether the answer came from another run's record, so that nothing was paid.
    """

    number: int
    ordinal: int
    step: str
    model: str
    prompt: str
    parameters: Mapping[str, object]
    answer: Answer | None
    usd: float
    reserved_tokens: int
    replayed: bool = False

    @property
    def status(self) -> AnswerStatus:
        """LOST while no answer is known."""
        return AnswerStatus.LOST if self.answer is None else self.answer.status


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run's model calls cost.

    Attributes:
        usd: known and doubtful together; what a budget counts.
        doubtful_usd: reserved for calls that may have been charged although no answer came.
        tokens_in: of prompts, as servers counted them.
        tokens_out: of answers.
        doubtful_tokens: reserved for calls that may have been charged, and whose tokens no server
            counted.
        calls: how many ended how, by status.
        by_model: USD by model.
        replayed: calls answered from another run's record: they count nowhere else but in `calls`.
    """

    usd: float = 0.0
    doubtful_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    doubtful_tokens: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    by_model: Mapping[str, float] = field(default_factory=dict)
    replayed: int = 0

    @property
    def tokens(self) -> int:
        """What a budget counts."""
        return self.tokens_in + self.tokens_out + self.doubtful_tokens
