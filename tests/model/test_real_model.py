"""A real model instead of a script: that what it says goes through, not that it says anything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from adrs_agents.openai_server import OpenAIServer

from adrs import Answer, AnswerStatus, Message, ModelRequest, Prompt, open_store

pytestmark = pytest.mark.model
TASK = Path(__file__).parents[1] / "benchmarks" / "weights"

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


@pytest.mark.parametrize("ideas", [1, 2])
def test_a_whole_search_bears_what_it_says(model_url, tmp_path, capsys, ideas):
    """Its code is prose. The path is what counts: plan, write, check, repair, refuse, record."""
    command = [
        *(sys.executable, "-m", "adrs", "run", str(TASK), "--store", str(tmp_path), "--json"),
        *("--proposer", "planner", "--model", "smollm2", "--base-url", model_url),
        *("--trials", "3", "--ideas", str(ideas), "--calls-in-flight", "1", "--max-minutes", "1"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["status"] in ("finished", "budget")
    assert summary["trials"] + summary["rejections"] > 0
    with closing(open_store(tmp_path)) as record:
        calls = record.calls(summary["run"])
        refused = dict(Counter(str(one.kind) for _, one in record.rejections(summary["run"])))
    answers = [call.answer for call in calls if call.answer is not None]
    steps = {call.step.split("-")[0] for call in calls}
    assert steps >= ({"propose", "repair"} if ideas == 1 else {"plan"})
    assert any(answer.tokens_in and answer.tokens_out for answer in answers)
    assert all(answer.latency_s > 0 for answer in answers)
    assert (
        summary["tokens"]
        == sum((answer.tokens_in or 0) + (answer.tokens_out or 0) for answer in answers)
        + summary["models"]["doubtful_tokens"]
    )
    with capsys.disabled():
        ended = summary["models"]["calls"]
        print(f"\n{summary['trials']} trials, refused: {refused}, calls: {ended}")
        print(f"{summary['tokens']} tokens in {sum(a.latency_s for a in answers):.0f} s")
