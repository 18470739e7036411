"""Calls of models: recorded before they are used, within budget, tried again, never paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import adrs
from adrs import Answer, AnswerStatus, Message, ModelRequest, Prompt
from adrs.search.calls import ATTEMPTS, SPEECHLESS, ModelCalls, Replay
from adrs.search.outage import Patience
from adrs.search.prices import Prices
from adrs.testing.fakes import FunctionModel

QUICK = Patience(backoff_s=0.001, longest_s=0.01, outage_s=0.2, first_s=0.1, limited_s=0.2)
PRICES = '[model."m"]\ninput = 100.0\noutput = 1000.0\n'


def prompt(words: str = "say something", step: str = "plan", most: int = 100) -> Prompt:
    return Prompt(step, (Message("user", words),), max_tokens=most)


@pytest.fixture
def settings(task: adrs.Task, tmp_path: Path) -> adrs.RunSettings:
    table = tmp_path / "prices.toml"
    table.write_text(PRICES)
    return adrs.RunSettings(
        str(task.folder), trials=5, models=(("m", 1.0),), prices=str(table), calls_in_flight=3
    )


@pytest.fixture
def run(store: adrs.Store, task: adrs.Task, settings: adrs.RunSettings) -> str:
    return store.create_run(task, settings).name


def failing(*statuses: AnswerStatus, then: str = "well") -> Callable[[ModelRequest], str | Answer]:
    script: Iterator[AnswerStatus] = iter(statuses)

    def respond(request: ModelRequest) -> str | Answer:
        status = next(script, None)
        return then if status is None else Answer(status, reason=f"it is {status}")

    return respond


def ask(calls: ModelCalls, *prompts: Prompt) -> list[tuple[Answer, float]]:
    async def all_of_them() -> list[tuple[Answer, float]]:
        return list(await asyncio.gather(*(calls.ask(1, "m", one) for one in prompts)))

    return asyncio.run(all_of_them())


def test_a_call_is_in_the_record_before_it_is_made_and_before_it_is_used(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    seen = []

    def respond(request: ModelRequest) -> str:
        (call,) = store.calls(run)
        seen.append((call.answer, call.status, call.usd, store.spending(run).usd))
        return "four words it is"

    ((answer, usd),) = ask(ModelCalls(store, run, settings, FunctionModel(respond)), prompt())
    words = len(prompt().content) + 64
    most = (100 * words + 1000 * 100) / 1e6
    assert seen == [(None, AnswerStatus.LOST, pytest.approx(most), pytest.approx(most))]
    (call,) = store.calls(run)
    assert call.answer == answer
    assert call.usd == usd == pytest.approx((100 * 2 + 1000 * 4) / 1e6)
    assert call.parameters["price"][:2] == [100.0, 1000.0]  # type: ignore[index]
    assert "own prices" in call.parameters["price"][2]  # type: ignore[index]
    assert store.prompt(call.prompt) == prompt().content
    assert store.spending(run).tokens == 6


def test_what_was_answered_is_never_asked_again(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    first = FunctionModel(lambda request: "well")
    again = FunctionModel(lambda request: "worse")
    (one,) = ask(ModelCalls(store, run, settings, first), prompt())
    same, other = ask(ModelCalls(store, run, settings, again), prompt(), prompt("else"))
    assert same == one
    assert other[0].text == "worse"
    assert [r.prompt.messages[0].content for r in again.requests] == ["else"]
    assert [call.number for call in store.calls(run)] == [0, 1]


@pytest.mark.parametrize(
    "status",
    [
        AnswerStatus.SERVER_ERROR,
        AnswerStatus.TIMED_OUT,
        AnswerStatus.UNREACHABLE,
        AnswerStatus.BROKEN,
        AnswerStatus.RATE_LIMITED,
        AnswerStatus.EMPTY,
        AnswerStatus.MALFORMED,
    ],
)
def test_what_passes_is_tried_again_and_counted(
    store: adrs.Store, run: str, settings: adrs.RunSettings, status: AnswerStatus
) -> None:
    model = FunctionModel(failing(status, status))
    ((answer, _),) = ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
    assert answer.text == "well"
    assert store.spending(run).calls == {status.value: 2, "ANSWERED": 1}


@pytest.mark.parametrize("status", [AnswerStatus.CUT, AnswerStatus.REFUSED])
def test_what_the_model_said_is_not_asked_again(
    store: adrs.Store, run: str, settings: adrs.RunSettings, status: AnswerStatus
) -> None:
    model = FunctionModel(failing(status))
    ((answer, _),) = ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
    assert answer.status is status
    assert len(model.requests) == 1


def test_a_model_without_words_is_given_up_and_a_resumed_run_does_not_ask_again(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(failing(*[AnswerStatus.EMPTY] * 10))
    for _ in range(2):
        ((answer, _),) = ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
        assert answer.status is AnswerStatus.EMPTY
        assert len(model.requests) == SPEECHLESS


def test_a_prompt_that_breaks_the_server_is_given_up_while_others_are_served(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    def respond(request: ModelRequest) -> str | Answer:
        if request.prompt.messages[0].content == "poison":
            return Answer(AnswerStatus.SERVER_ERROR, reason="500")
        return "well"

    async def both() -> Answer:
        calls = ModelCalls(store, run, settings, FunctionModel(respond), patience=QUICK)
        poisoned = asyncio.ensure_future(calls.ask(1, "m", prompt("poison")))
        number = 0
        while not poisoned.done():
            await calls.ask(2, "m", prompt(f"number {number}"))
            number += 1
        return (await poisoned)[0]

    assert asyncio.run(both()).status is AnswerStatus.SERVER_ERROR
    assert store.spending(run).calls["SERVER_ERROR"] == ATTEMPTS


def test_a_server_that_is_down_ends_it_and_is_probed_by_one_call_at_a_time(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    said: list[str] = []
    down = Answer(AnswerStatus.UNREACHABLE, reason="connection refused")
    model = FunctionModel(lambda request: down, latency_s=0.002)
    calls = ModelCalls(store, run, settings, model, patience=QUICK, say=said.append)
    with pytest.raises(adrs.ModelUnavailable, match=r"did not answer .* calls in a row.*refused"):
        ask(calls, *(prompt(f"number {n}") for n in range(8)))
    assert "waiting up to 0.1 s" in said[0]
    assert store.spending(run).usd == 0.0  # nobody was reached, so nothing can be charged
    assert 5 < len(model.requests) < 60


def test_a_server_that_comes_back_is_asked_on(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    said: list[str] = []
    model = FunctionModel(failing(*[AnswerStatus.SERVER_ERROR] * 9))
    calls = ModelCalls(store, run, settings, model, patience=QUICK, say=said.append)
    answers = ask(calls, *(prompt(f"number {n}") for n in range(3)))
    assert [answer.text for answer, _ in answers] == ["well"] * 3
    assert "answers again" in said[-1]


def test_calls_that_waited_for_a_server_go_on_side_by_side_when_it_is_back(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    at_once = []

    class Recovering(FunctionModel):
        async def answer(self, request: ModelRequest) -> Answer:
            if len(self.requests) < 12:
                self.requests.append(request)
                return Answer(AnswerStatus.SERVER_ERROR, reason="500")
            self._latency_s = 0.05
            answer = await super().answer(request)
            at_once.append(self.most_at_once)
            return answer

    model = Recovering(lambda request: "well")
    calls = ModelCalls(store, run, replace(settings, calls_in_flight=8), model, patience=QUICK)
    ask(calls, *(prompt(f"number {n}") for n in range(8)))
    # The first alone, to find out; then whoever waits.
    assert at_once[0] == 1
    assert at_once[1] >= 6


def test_a_resumed_run_does_not_wait_for_what_an_earlier_engine_was_told(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    later = Answer(AnswerStatus.RATE_LIMITED, retry_after_s=50)
    for n in range(4):
        store.append(run, [adrs.Calling(n, 1, "m", prompt(), {}, 0.0, 500)])
        store.append(run, [adrs.Called(n, later, 0.0)])
    calls = ModelCalls(store, run, settings, FunctionModel(lambda request: "well"))

    async def soon() -> tuple[Answer, float]:
        return await asyncio.wait_for(calls.ask(1, "m", prompt()), 5)

    assert asyncio.run(soon())[0].text == "well"


def test_a_call_that_can_never_work_ends_it_at_once(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(failing(AnswerStatus.DECLINED))
    with pytest.raises(adrs.ModelUnavailable, match="declines calls of m: it is DECLINED"):
        ask(ModelCalls(store, run, settings, model), prompt())
    assert len(model.requests) == 1
    # The user has mended the key: the same prompt is asked again.
    assert ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())[0][0].text


def test_a_server_that_always_asks_to_come_later_ends_it(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    later = Answer(AnswerStatus.RATE_LIMITED, reason="slow down", retry_after_s=0.01)
    model = FunctionModel(lambda request: later)
    with pytest.raises(adrs.ModelUnavailable, match=r"come back later.*slow down.*calls-in-flight"):
        ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())


def test_calls_in_flight_have_a_limit_of_their_own(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(lambda request: "well", latency_s=0.01)
    ask(ModelCalls(store, run, settings, model), *(prompt(f"number {n}") for n in range(12)))
    assert model.most_at_once == 3


# --- money -------------------------------------------------------------------------------------


def most_usd(one: Prompt) -> float:
    return (100 * (len(one.content) + 64) + 1000 * one.max_tokens) / 1e6


def test_money_is_a_hard_stop_with_calls_in_flight(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    spent_at_call = []
    limit = 3.5 * most_usd(prompt("number 10"))

    def respond(request: ModelRequest) -> Answer:
        spent_at_call.append(store.spending(run).usd)
        whole = len(request.prompt.content) + 64
        return Answer(AnswerStatus.ANSWERED, "x", tokens_in=whole, tokens_out=100)

    calls = ModelCalls(
        store, run, replace(settings, max_usd=limit), FunctionModel(respond, latency_s=0.01)
    )
    with pytest.raises(adrs.BudgetSpent, match=r"of \$.* for models are spent"):
        ask(calls, *(prompt(f"number {n}") for n in range(10, 20)))
    assert max(spent_at_call) <= limit
    assert len(store.calls(run)) == 3


def test_what_was_reserved_and_not_needed_can_be_spent(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    limit = 1.5 * most_usd(prompt("number 10"))
    model = FunctionModel(lambda request: "well", latency_s=0.002)
    calls = ModelCalls(store, run, replace(settings, max_usd=limit), model)
    assert len(ask(calls, *(prompt(f"number {n}") for n in range(10, 30)))) == 20
    assert model.most_at_once == 1  # two could have passed the limit
    assert store.spending(run).usd < limit


def test_tokens_are_a_hard_stop(store: adrs.Store, run: str, settings: adrs.RunSettings) -> None:
    limited = replace(settings, max_tokens=len(prompt().content) + 64 + 99)
    with pytest.raises(adrs.BudgetSpent, match=r"0 of .* tokens are spent"):
        ask(ModelCalls(store, run, limited, FunctionModel(lambda request: "")), prompt())
    assert store.calls(run) == []


def test_tokens_that_no_server_counted_are_counted_by_the_next_engine_too(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    one = len(prompt().content) + 64 + 100
    limited = replace(settings, max_tokens=2 * one)
    model = FunctionModel(lambda request: Answer(AnswerStatus.ANSWERED, "well"))
    ask(ModelCalls(store, run, limited, model), prompt())
    assert store.spending(run).tokens == one
    assert store.spending(run).doubtful_usd == 0.0
    ask(ModelCalls(store, run, limited, model), prompt("say anything."))
    with pytest.raises(adrs.BudgetSpent):
        ask(ModelCalls(store, run, limited, model), prompt("say nothing.."))
    assert len(model.requests) == 2


def test_what_a_kill_cut_off_is_in_the_budget_but_decides_nothing_later(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    price = most_usd(prompt())
    store.append(run, [adrs.Calling(0, 1, "m", prompt(), {}, price, 500)])
    ((_, usd),) = ask(ModelCalls(store, run, settings, FunctionModel(lambda r: "x")), prompt())
    assert usd == pytest.approx(1200e-6)
    assert store.spending(run).usd == pytest.approx(price + 1200e-6)


def test_calls_that_a_kill_cut_off_count_against_the_money(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    price = most_usd(prompt())
    store.append(run, [adrs.Calling(0, 1, "m", prompt(), {}, price, 500)])
    limited = replace(settings, max_usd=1.5 * price)
    with pytest.raises(adrs.BudgetSpent):
        ask(ModelCalls(store, run, limited, FunctionModel(lambda request: "")), prompt())
    assert store.spending(run).doubtful_usd == pytest.approx(price)


def test_a_call_that_may_have_been_charged_counts_at_most_what_it_could_cost(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(failing(AnswerStatus.TIMED_OUT, AnswerStatus.SERVER_ERROR))
    ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
    spending = store.spending(run)
    assert spending.doubtful_usd == pytest.approx(most_usd(prompt()))
    assert spending.usd == pytest.approx(most_usd(prompt()) + 1200e-6)


def test_a_limit_of_money_needs_the_price_of_every_model(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    for change in ({"models": (("unheard-of", 1.0),)}, {"strong_model": "unheard-of"}):
        limited = replace(settings, max_usd=1.0, **change)  # type: ignore[arg-type]
        with pytest.raises(adrs.ConfigError, match=r"no.*price|none of unheard-of.*--prices FILE"):
            adrs.check_settings(store, limited)


def test_prices_come_from_the_users_table_first(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text('name = "ours"\ndate = "2026-01"\n[model."gpt-5"]\ninput = 1\noutput = 2\n')
    price = Prices(str(table)).of("gpt-5-2025-08-07")
    assert price is not None
    assert (price.input, price.output) == (1.0, 2.0)
    assert price.table.startswith("ours 2026-01 ")
    assert Prices().of("gpt-4o-mini") is not None
    assert Prices().of("gpt-4o-mini-else") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("model = 3", "model"),
        ('[model."m"]\ninput = -1\noutput = 0', "input"),
        ('[model."m"]\ninput = nan\noutput = 0', "input"),
        ('[model."m"]\ninput = 1', "output"),
        ("[model", "expected"),
        ("model = " + 3000 * "[" + 3000 * "]", "expected"),
        ("\ud800", "expected"),
    ],
)
def test_a_bad_price_table_is_said(tmp_path: Path, text: str | None, words: str) -> None:
    table = tmp_path / "prices.toml"
    if text is not None:
        table.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(adrs.ConfigError, match=words):
        Prices(str(table))


def test_the_user_may_say_how_long_an_answer_is_at_most(
    store: adrs.Store, run: str, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(lambda request: "well")
    ask(ModelCalls(store, run, replace(settings, answer_tokens=7), model), prompt(most=100))
    assert model.requests[0].prompt.max_tokens == 7
    assert store.calls(run)[0].parameters["max_tokens"] == 7
    assert store.calls(run)[0].reserved_tokens == len(prompt().content) + 64 + 7


# --- replay --------------------------------------------------------------------------------------


def replayed(store: adrs.Store, source: str, run: str, settings: adrs.RunSettings) -> ModelCalls:
    return ModelCalls(store, run, settings, None, Replay.of(store, source))


def test_a_record_answers_without_a_server_and_nothing_is_paid(
    store: adrs.Store, run: str, task: adrs.Task, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(failing(AnswerStatus.SERVER_ERROR, then="well said"))
    (original,) = ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
    other = store.create_run(task, replace(settings, replays=run)).name
    (again,) = ask(replayed(store, run, other, settings), prompt())
    assert again == original
    spending: Any = store.spending(other)
    assert (spending.usd, spending.tokens, spending.replayed) == (0, 0, 1)
    # ... and a record of a replay answers as well.
    third = store.create_run(task, replace(settings, replays=other)).name
    assert ask(replayed(store, other, third, settings), prompt()) == [original]


def test_a_record_answers_at_the_price_of_all_attempts(
    store: adrs.Store, run: str, task: adrs.Task, settings: adrs.RunSettings
) -> None:
    model = FunctionModel(failing(AnswerStatus.EMPTY, AnswerStatus.TIMED_OUT))
    (original,) = ask(ModelCalls(store, run, settings, model, patience=QUICK), prompt())
    assert original[1] > 2 * most_usd(prompt())
    other = store.create_run(task, replace(settings, replays=run)).name
    assert ask(replayed(store, run, other, settings), prompt()) == [original]


def test_a_record_answers_although_the_price_table_is_gone(
    store: adrs.Store, run: str, task: adrs.Task, settings: adrs.RunSettings
) -> None:
    (original,) = ask(
        ModelCalls(store, run, settings, FunctionModel(lambda request: "well")), prompt()
    )
    Path(settings.prices).unlink()
    other = store.create_run(task, replace(settings, replays=run)).name
    assert ask(replayed(store, run, other, settings), prompt()) == [original]


def test_a_prompt_that_is_not_in_the_record_is_said(
    store: adrs.Store, run: str, task: adrs.Task, settings: adrs.RunSettings
) -> None:
    other = store.create_run(task, replace(settings, replays=run)).name
    with pytest.raises(adrs.ModelUnavailable, match=f"step plan of proposal 1 .* record of {run}"):
        ask(replayed(store, run, other, settings), prompt())
