"""A real model instead of a script: that what it says goes through, not that it says anything."""

from __future__ import annotations

import asyncio

import pytest
from adrs_agents.openai_server import OpenAIServer

from adrs import Answer, AnswerStatus, Message, ModelRequest, Prompt

pytestmark = pytest.mark.model

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


def ask(url: str, words: str, schema: dict[str, object] | None = None) -> Answer:
    async def asking() -> Answer:
        server = OpenAIServer(url)
        try:
            prompt = Prompt("plan", (Message("user", words),), schema, max_tokens=200)
            return await server.answer(ModelRequest("smollm2", prompt, timeout_s=120))
        finally:
            await server.close()

    return asyncio.run(asking())


@pytest.mark.parametrize(("schema", "form"), [(None, "text"), (SCHEMA, "json_object")])
def test_it_answers_in_the_form_that_its_server_takes(model_url, schema, form, capsys):
    answer = ask(model_url, 'Name an idea for a queue, as JSON: {"title": "..."}', schema)
    assert answer.status in (AnswerStatus.ANSWERED, AnswerStatus.CUT, AnswerStatus.EMPTY)
    assert answer.form == form
    assert answer.tokens_in
    assert answer.tokens_out
    assert 0 < answer.latency_s < 120
    assert answer.served_by.startswith("SmolLM2-135M")
    with capsys.disabled():
        print(f"\n{answer.tokens_out / answer.latency_s:.0f} tokens/s")
