"""What models answered, from the record alone: no server, no key."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from adrs.errors import NotInStore
from adrs.model.call import Answer, Prompt, RecordedCall
from adrs.ports.store import Record
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.surroundings import Surroundings

_AROUND = 60  # characters shown of a prompt, from a little before the first that differs
_CURE = (
    "see what was asked with `adrs show TRIAL --calls`; with the proposers and versions of the "
    "record the same is asked again"
)


class RecordedAnswers:
    """Answers a run's prompts with what it was answered at the same place."""

    def __init__(self, record: Record, run: str, surroundings: Surroundings) -> None:
        self._record = record
        self._surroundings = surroundings
        self._calls: dict[tuple[int, str], list[RecordedCall]] = defaultdict(list)
        for call in record.calls(run):
            self._calls[call.ordinal, call.step].append(call)

    async def ask(self, ordinal: int, model: str, prompt: Prompt) -> tuple[Answer, float]:
        """The last word on a prompt, and the price of all attempts whose end is known.

        Raises:
            Differs: the record has no answer to this prompt at this place.
        """
        calls = self._calls[ordinal, prompt.step]
        fitting = [one for one in calls if (one.model, one.prompt) == (model, prompt.digest)]
        ended = [(one.answer, one.usd) for one in fitting if one.answer is not None]
        if not ended:
            raise Differs(self._missing(ordinal, model, prompt, calls))
        return ended[-1][0], sum(usd for _, usd in ended)

    @property
    def usd(self) -> float:
        """Nothing is spent."""
        return 0.0

    async def close(self) -> None:
        """There is nothing to end."""

    def _missing(
        self, ordinal: int, model: str, prompt: Prompt, calls: Sequence[RecordedCall]
    ) -> Difference:
        where = f"proposal {ordinal}, the prompt of step {prompt.step} for {model}"
        cause = self._surroundings.cause_of_proposal()
        if not calls:
            expected = "no call at this step"
            return Difference(where, expected, f"a prompt ({prompt.digest[:16]}...)", cause, _CURE)
        last = calls[-1]
        if last.prompt == prompt.digest:
            expected = f"an answer of {last.model}"
            cause = "the answer is not in the record: it was lost, or taken out"
            return Difference(where, expected, "none", cause, _CURE)
        expected, came = self._texts(last, prompt)
        template = last.parameters.get("template")
        if template and template != prompt.template:
            cause = f"the template is {prompt.template} here, {template} in the record"
        return Difference(where, expected, came, cause, _CURE)

    def _texts(self, call: RecordedCall, prompt: Prompt) -> tuple[str, str]:
        """Both prompts around the first character that differs."""
        try:
            was = self._record.prompt(call.prompt).decode("utf-8", "replace")
        except NotInStore:
            return f"the prompt {call.prompt[:16]}...", f"the prompt {prompt.digest[:16]}..."
        now = prompt.content.decode("utf-8", "replace")
        shorter = min(len(was), len(now))
        at = next((n for n in range(shorter) if was[n] != now[n]), shorter)
        first = max(0, at - _AROUND // 3)
        pieces = (json.dumps(text[first : first + _AROUND]) for text in (was, now))
        expected, came = (f"{piece} at character {at}" for piece in pieces)
        return expected, came
