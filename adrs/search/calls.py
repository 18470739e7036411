"""Calls of models: budgeted, limited, recorded before their answer is used, tried again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from adrs.errors import BudgetSpent, ConfigError, ModelUnavailable
from adrs.model.call import (
    Answer,
    AnswerStatus,
    Message,
    ModelRequest,
    Price,
    Prompt,
    RecordedCall,
)
from adrs.model.facts import Called, Calling
from adrs.model.run import RunSettings
from adrs.ports.model import ModelServer
from adrs.ports.store import Record, Store
from adrs.search.budget import Budget, Cost, most
from adrs.search.outage import Breaker, Patience
from adrs.search.prices import Prices

# One prompt may break a server that serves all others: then it is given up, and the run goes on.
ATTEMPTS = 6
# A model that says nothing, or no text, is asked so often in all.
SPEECHLESS = 3

_SPEECHLESS = frozenset({AnswerStatus.EMPTY, AnswerStatus.MALFORMED})

_Place = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class Replay:
    """Answers of another run, by what was asked.

    Attributes:
        run: its name.
        unfinished: ordinals of its rounds that were never answered: there its record ends.
    """

    run: str
    calls: Mapping[tuple[str, str], Sequence[RecordedCall]]
    unfinished: frozenset[int]

    @classmethod
    def of(cls, record: Record, run: str) -> Replay:
        """The last word of every prompt of a run, at the price of all attempts.

        Raises:
            NotInStore: there is no such run.
        """
        last: dict[_Place, RecordedCall] = {}
        for call in record.calls(run):
            if call.answer is not None:
                place = (call.ordinal, call.step, call.model, call.prompt)
                usd = last[place].usd if place in last else 0.0
                last[place] = replace(call, usd=usd + call.usd)
        found: dict[tuple[str, str], list[RecordedCall]] = defaultdict(list)
        for call in last.values():
            found[call.step, call.prompt].append(call)
        unfinished = frozenset(begun.ordinal for begun in record.open_rounds(run))
        return cls(run, found, unfinished)

    def answer(self, ordinal: int, prompt: Prompt) -> RecordedCall:
        """What the run was answered, at the same proposal if there are several.

        Raises:
            BudgetSpent: the run ended before it had an answer.
            ModelUnavailable: the prompt is not in the record.
        """
        calls = self.calls.get((prompt.step, prompt.digest))
        if not calls and ordinal in self.unfinished:
            raise BudgetSpent(f"the record of {self.run} ends here, at proposal {ordinal}")
        if not calls:
            raise ModelUnavailable(
                f"the prompt of step {prompt.step} of proposal {ordinal} (SHA-256 "
                f"{prompt.digest[:16]}...) is not in the record of {self.run}: something differs "
                "from that run, such as its seed, task, settings, workers or version. Repeat it "
                "with what `adrs status` says of that run, or ask a model with --model NAME"
            )
        return min(calls, key=lambda call: abs(call.ordinal - ordinal))


class ModelCalls:
    """Every call of a run's models.

    A call is recorded with the most that it can cost before it is made, and with its answer before
    that is used: a run that was killed gets what it has paid for from its record, and a budget
    counts what was in flight.

    Args:
        server: None if `replay` answers.
        replay: answers in place of the server.
        say: is told in words when the server seems to be down.

    Raises:
        ConfigError: a budget of money, and a model without a price.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        settings: RunSettings,
        server: ModelServer | None,
        replay: Replay | None = None,
        patience: Patience | None = None,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._store = store
        self._run = run
        self._server = server
        self._replay = replay
        self._patience = patience or Patience()
        self._timeout_s = settings.call_timeout_s
        self._answer_tokens = settings.answer_tokens
        self._parameters = dict(settings.model_parameters)
        self._prices = {} if replay else price_list(settings)
        self._budget = Budget(settings.max_usd, settings.max_tokens, store.spending(run))
        self._breaker = Breaker(self._patience, lambda words: say(words))
        self._slots = asyncio.Semaphore(settings.calls_in_flight)
        self._recorded: dict[_Place, list[RecordedCall]] = defaultdict(list)
        self._number = 0
        for call in store.calls(run):
            self._remember(call)

    def _remember(self, call: RecordedCall) -> None:
        self._number = max(self._number, call.number + 1)
        self._recorded[call.ordinal, call.step, call.model, call.prompt].append(call)

    async def ask(self, ordinal: int, model: str, prompt: Prompt) -> tuple[Answer, float]:
        """The answer to a prompt, and what it cost with all attempts whose end is known.

        What a kill cut off counts against the budget, but not here: what a round cost decides who
        is asked later, and a kill must not decide that.

        Raises:
            ModelUnavailable: the server is down, declines such calls, or the record has no answer.
            BudgetSpent: the call could cost more than what is left.
        """
        prompt = self._scrubbed(prompt)
        if self._answer_tokens is not None:
            prompt = replace(prompt, max_tokens=self._answer_tokens)
        place = (ordinal, prompt.step, model, prompt.digest)
        began = time.monotonic()
        attempts = failures = 0
        while True:
            ended = [call for call in self._recorded[place] if call.answer is not None]
            answers = [call.answer for call in ended if call.answer is not None]
            if answers and (self._settled(answers) or failures >= ATTEMPTS):
                return answers[-1], sum(call.usd for call in ended)
            if self._replay is not None:
                await self._replayed(self._replay, ordinal, model, prompt)
                continue
            # What an earlier engine was told to wait for is over by now.
            if attempts:
                self._check_limited(began, answers[-1])
                await self._breaker.pause(attempts - 1, answers[-1].retry_after_s)
            answer = await self._attempt(ordinal, model, prompt)
            attempts += 1
            # While the server fails everybody, that is not the fault of this prompt.
            failures += answer.status.outage and not self._breaker.open
            if failures >= ATTEMPTS:
                self._breaker.given_up(ordinal)

    def _settled(self, answers: Sequence[Answer]) -> bool:
        """Whether asking once more would be in vain, or would be paying twice."""
        if answers[-1].status.final or self._replay is not None:
            return True
        speechless = sum(answer.status in _SPEECHLESS for answer in answers)
        return answers[-1].status in _SPEECHLESS and speechless >= SPEECHLESS

    @property
    def usd(self) -> float:
        """What the run has spent."""
        return self._budget.usd

    async def close(self) -> None:
        """Ends connections."""
        if self._server is not None:
            await self._server.close()

    def _scrubbed(self, prompt: Prompt) -> Prompt:
        if self._server is None:
            return prompt
        scrub = self._server.scrub
        messages = tuple(Message(one.role, scrub(one.content)) for one in prompt.messages)
        return prompt if messages == prompt.messages else replace(prompt, messages=messages)

    def _check_limited(self, since: float, answer: Answer) -> None:
        limited = answer.status is AnswerStatus.RATE_LIMITED
        if limited and time.monotonic() - since > self._patience.limited_s:
            raise ModelUnavailable(
                f"the models' server has asked to come back later for "
                f"{self._patience.limited_s:g} s: {answer.reason[:300]}. Go on later, or with "
                "fewer --calls-in-flight"
            )

    async def _attempt(self, ordinal: int, model: str, prompt: Prompt) -> Answer:
        """Makes one call and records it."""
        assert self._server is not None
        price = self._prices.get(model)
        reserved = most(prompt, price)
        async with self._slots, self._breaker.passage():
            await self._budget.reserve(reserved)
            paid = reserved
            try:
                call = self._begin(ordinal, model, prompt, reserved, price)
                request = ModelRequest(model, prompt, self._parameters, self._timeout_s)
                answer = await self._server.answer(request)
                paid = _paid(answer, price, reserved)
                self._end(call, answer, paid.usd)
            finally:
                await self._budget.settle(reserved, paid)
            self._breaker.heard(answer, ordinal, prompt.digest)
        if answer.status is AnswerStatus.DECLINED:
            raise ModelUnavailable(f"the models' server declines calls of {model}: {answer.reason}")
        return answer

    async def _replayed(self, replay: Replay, ordinal: int, model: str, prompt: Prompt) -> None:
        """Takes an answer over from another run's record."""
        await asyncio.sleep(0)
        source = replay.answer(ordinal, prompt)
        assert source.answer is not None
        call = self._begin(ordinal, model, prompt, Cost(0.0, 0), None)
        self._end(call, source.answer, source.usd, replayed=True)

    def _begin(
        self, ordinal: int, model: str, prompt: Prompt, reserved: Cost, price: Price | None
    ) -> RecordedCall:
        parameters: dict[str, object] = {
            **self._parameters,
            "max_tokens": prompt.max_tokens,
            "template": prompt.template,
        }
        if price is not None:
            parameters["price"] = [price.input, price.output, price.table]
        call = RecordedCall(
            number=self._number,
            ordinal=ordinal,
            step=prompt.step,
            model=model,
            prompt=prompt.digest,
            parameters=parameters,
            answer=None,
            usd=reserved.usd,
            reserved_tokens=reserved.tokens,
        )
        self._number += 1
        fact = Calling(
            call.number, ordinal, model, prompt, parameters, reserved.usd, reserved.tokens
        )
        self._store.append(self._run, [fact])
        return call

    def _end(self, call: RecordedCall, answer: Answer, usd: float, replayed: bool = False) -> None:
        self._store.append(self._run, [Called(call.number, answer, usd, replayed)])
        self._remember(replace(call, answer=answer, usd=usd, replayed=replayed))


def _paid(answer: Answer, price: Price | None, reserved: Cost) -> Cost:
    """What a call took: as counted by the server, else the most it can have been."""
    if answer.tokens_in is not None and answer.tokens_out is not None:
        usd = 0.0 if price is None else price.usd(answer.tokens_in, answer.tokens_out)
        return Cost(usd, answer.tokens_in + answer.tokens_out)
    return Cost(0.0, 0) if answer.status.free else reserved


def price_list(settings: RunSettings) -> dict[str, Price]:
    """The price of each model of a run that has one.

    Raises:
        ConfigError: the table cannot be used.
        ConfigError: money is limited and a model has no price.
    """
    table = Prices(settings.prices)
    names = [name for name, _ in settings.models]
    names += [settings.strong_model] if settings.strong_model else []
    found = {name: price for name in names if (price := table.of(name)) is not None}
    unknown = sorted(set(names) - set(found))
    if unknown and settings.max_usd is not None:
        raise ConfigError(
            f"--max-usd needs the price of every model, and there is none of {unknown[0]}. Put it "
            f'into a file, [model."{unknown[0]}"] with input and output in USD a million tokens '
            "(0.0 for a model of your own), and name it with --prices FILE; or limit --max-tokens"
        )
    return found
