import asyncio
import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import pytest
from adrs_agents import openai_key
from adrs_agents.openai_server import OpenAIServer

from adrs import Answer, AnswerStatus, ConfigError, Message, ModelRequest, ModelServer, Prompt
from adrs.testing.model_server import ScriptedServer

KEY = "sk-canary-1234567890"
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
Respond = Callable[[Mapping[str, Any]], bytes]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without a key, in the environment and taken."""
    monkeypatch.setattr(openai_key, "_taken", openai_key.Key())
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


def request(
    words: str = "Say yes.",
    *,
    schema: Mapping[str, object] | None = None,
    model: str = "m",
    timeout_s: float = 5.0,
    max_tokens: int = 8192,
    **parameters: object,
) -> ModelRequest:
    prompt = Prompt("plan", (Message("user", words),), schema, max_tokens)
    return ModelRequest(model, prompt, parameters, timeout_s)


async def ask(url: str, *requests: ModelRequest) -> list[Answer]:
    server = OpenAIServer(url)
    try:
        return [await server.answer(one) for one in requests]
    finally:
        await server.close()


def scripted(one: ModelRequest, **script: Any) -> Answer:
    """The answer to one request from a server that follows a script."""
    with ScriptedServer(**script) as server:
        [answer] = asyncio.run(ask(server.base_url, one))
    return answer


@asynccontextmanager
async def raw(
    talk: Callable[[Mapping[str, Any], asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that does what it likes with each connection after it has read one request."""
    talks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            await talk(json.loads(await reader.readexactly(length)), writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(converse(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for one in talks:
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def http(body: bytes, code: int = 200, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def completion(content: object, ended: str = "stop", **more: object) -> bytes:
    choice = {"message": {"content": content}, "finish_reason": ended}
    return http(json.dumps({"choices": [choice], "model": "m-1", **more}).encode())


def error(status: int, message: str, *headers: str, **more: object) -> bytes:
    return http(json.dumps({"error": {"message": message, **more}}).encode(), status, *headers)


def answered(respond: bytes | Respond, *requests: ModelRequest) -> list[Answer]:
    """The answers of a server that responds with these bytes."""

    async def talk(asked: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(respond if isinstance(respond, bytes) else respond(asked))
        await writer.drain()

    return run(talk, *requests)


def run(
    talk: Callable[[Mapping[str, Any], asyncio.StreamWriter], Awaitable[None]],
    *requests: ModelRequest,
) -> list[Answer]:
    async def asking() -> list[Answer]:
        async with raw(talk) as url:
            return await ask(url, *requests or [request()])

    return asyncio.run(asking())


def test_a_whole_answer_has_all_that_the_server_says() -> None:
    answer = scripted(request(), answer=lambda asked: "Yes.")
    assert answer.status is AnswerStatus.ANSWERED
    assert (answer.text, answer.reason, answer.served_by, answer.form) == ("Yes.", "", "m", "text")
    assert answer.tokens_in == len('[{"role": "user", "content": "Say yes."}]') // 4
    assert answer.tokens_out == 1
    assert 0 < answer.latency_s < 5


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("garbage", AnswerStatus.MALFORMED),
        ("not_utf8", AnswerStatus.MALFORMED),
        ("empty", AnswerStatus.EMPTY),
        ("rate_limit", AnswerStatus.RATE_LIMITED),
        ("error", AnswerStatus.SERVER_ERROR),
        ("cut", AnswerStatus.CUT),
        ("drop", AnswerStatus.BROKEN),
        ("malformed", AnswerStatus.ANSWERED),
        ("refusal", AnswerStatus.REFUSED),
    ],
)
def test_whatever_a_server_does_becomes_a_status(fault: str, status: AnswerStatus) -> None:
    answer = scripted(request(), faults={fault: 1.0}, retry_after_s=0.25)
    assert answer.status is status
    assert bool(answer.text) == (status in (AnswerStatus.ANSWERED, AnswerStatus.CUT))
    assert bool(answer.reason) == (status is not AnswerStatus.ANSWERED)
    assert answer.retry_after_s == (0.25 if fault == "rate_limit" else None)
    assert (answer.tokens_in is not None) == (fault in ("empty", "cut", "malformed", "refusal"))


def test_nobody_listens() -> None:
    with ScriptedServer() as server:
        url = server.base_url
    [answer] = asyncio.run(ask(url, request()))
    assert answer.status is AnswerStatus.UNREACHABLE
    assert answer.reason.startswith("ConnectError")


def test_a_server_that_hangs_is_given_up_in_time() -> None:
    answer = scripted(request(timeout_s=0.3), faults={"hang": 1.0})
    assert answer.status is AnswerStatus.TIMED_OUT
    assert 0.3 <= answer.latency_s < 2
    assert "0.3 s" in answer.reason or "Timeout" in answer.reason


def test_a_body_that_drips_for_ever_is_given_up_in_time() -> None:
    async def talk(asked: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    [answer] = run(talk, request(timeout_s=0.3))
    assert (answer.status, answer.text) == (AnswerStatus.TIMED_OUT, "")
    assert 0.3 <= answer.latency_s < 2
    assert answer.reason == "no whole answer came within 0.3 s"


@pytest.mark.parametrize("code", [200, 500])
def test_a_body_without_end_is_not_read_to_its_end(code: int) -> None:
    written = 0

    async def talk(asked: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(f"HTTP/1.1 {code} X\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while True:
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()
            written += 0x10000

    [answer] = run(talk)
    assert answer.status is AnswerStatus.MALFORMED
    assert answer.reason == "the body is longer than 8388608 bytes"
    assert written < 20 * 2**20


def test_a_body_that_is_packed_although_nobody_asked() -> None:
    [answer] = answered(http(b"\x1f\x8b", 200, "Content-Encoding: gzip"))
    assert answer.status is AnswerStatus.MALFORMED
    assert "encoded as gzip" in answer.reason


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"choices": []}',
        b'{"choices": [3]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": [{"text": "hi"}]}}]}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b'{"choices": [{"message": {"content": "\\ud800"}}]}',
        b'{"choices": [{"message": {"content": "a \\ufffd b"}}]}',
        b'{"error": {"message": "no worker is free"}}',
    ],
)
def test_a_body_of_another_shape_is_malformed(body: bytes) -> None:
    [answer] = answered(http(body))
    assert (answer.status, answer.text) == (AnswerStatus.MALFORMED, "")
    assert 0 < len(answer.reason) <= 500
    if b"worker" in body:
        assert "no worker is free" in answer.reason


def test_the_mark_of_broken_text_is_fine_where_the_prompt_has_it() -> None:
    [answer] = answered(completion("a \ufffd b"), request("Repeat: a \ufffd b"))
    assert (answer.status, answer.text) == (AnswerStatus.ANSWERED, "a \ufffd b")


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": "7"}, 3])
def test_counts_that_make_no_sense_are_unknown(usage: object) -> None:
    [answer] = answered(completion("Yes.", usage=usage))
    assert (answer.status, answer.tokens_in, answer.tokens_out) == (
        AnswerStatus.ANSWERED,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("text", "ended", "status", "left"),
    [
        ("<think>Hm.\n</think>\n\nYes.", "stop", AnswerStatus.ANSWERED, "Yes."),
        ("\n<think></think>Yes.", "stop", AnswerStatus.ANSWERED, "Yes."),
        ("I <think> so </think>.", "stop", AnswerStatus.ANSWERED, "I <think> so </think>."),
        ("<think>Hm.", "stop", AnswerStatus.EMPTY, ""),
        ("<think>Hm.", "length", AnswerStatus.CUT, ""),
        ("<think>Hm.</think>Ye", "length", AnswerStatus.CUT, "Ye"),
        ("Caf\ufffd", "length", AnswerStatus.CUT, "Caf"),
        (" \n", "stop", AnswerStatus.EMPTY, ""),
        (None, "stop", AnswerStatus.EMPTY, ""),
        ("Half of it", "content_filter", AnswerStatus.REFUSED, ""),
    ],
)
def test_thoughts_are_no_text(text: str, ended: str, status: AnswerStatus, left: str) -> None:
    [answer] = answered(completion(text, ended))
    assert (answer.status, answer.text) == (status, left)


def test_reasoning_beside_the_text_is_ignored() -> None:
    message = {"content": "Yes.", "reasoning_content": "Hm.", "refusal": None}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    [answer] = answered(http(json.dumps(body).encode()))
    assert answer.text == "Yes."


def test_a_refusal_is_bounded_and_one_line() -> None:
    message = {"content": None, "refusal": "I\x1b[31m cannot\n" + "x" * 1000}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    [answer] = answered(http(json.dumps(body).encode()))
    assert answer.status is AnswerStatus.REFUSED
    assert len(answer.reason) == 500
    assert answer.reason.startswith("I [31m cannot xxx")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (302, AnswerStatus.DECLINED),
        (400, AnswerStatus.DECLINED),
        (401, AnswerStatus.DECLINED),
        (403, AnswerStatus.DECLINED),
        (404, AnswerStatus.DECLINED),
        (413, AnswerStatus.DECLINED),
        (422, AnswerStatus.DECLINED),
        (408, AnswerStatus.SERVER_ERROR),
        (409, AnswerStatus.SERVER_ERROR),
        (500, AnswerStatus.SERVER_ERROR),
        (503, AnswerStatus.SERVER_ERROR),
        (529, AnswerStatus.SERVER_ERROR),
        (429, AnswerStatus.RATE_LIMITED),
    ],
)
def test_each_status_of_http(code: int, status: AnswerStatus) -> None:
    [answer] = answered(error(code, "no such thing as m", "Location: http://127.0.0.1:9/v1"))
    assert answer.status is status
    assert answer.reason.startswith(f"HTTP {code}")
    assert "no such thing as m" in answer.reason


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (302, "give http://127.0.0.1:9/v1 as the base URL"),
        (401, "set OPENAI_API_KEY"),
        (404, "check the model's name and the base URL"),
    ],
)
def test_what_can_be_cured_says_how(code: int, cure: str) -> None:
    [answer] = answered(error(code, "no", "Location: http://127.0.0.1:9/v1"))
    assert cure in answer.reason


def test_a_quota_that_is_used_up_does_not_come_back() -> None:
    [answer] = answered(error(429, "You exceeded your quota", code="insufficient_quota"))
    assert answer.status is AnswerStatus.DECLINED


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (("Retry-After: 7",), 7, 7),
        (("Retry-After-Ms: 250", "Retry-After: 7"), 0.25, 0.25),
        (("Retry-After: 100000",), 600, 600),
        (("Retry-After: -5",), 0, 0),
        (
            (f"Retry-After: {format_datetime(datetime.now(UTC) + timedelta(seconds=500))}",),
            100,
            500,
        ),
        (("Retry-After: Mon, 01 Jan 2024 00:00:00 GMT",), 0, 0),
    ],
)
@pytest.mark.parametrize("code", [429, 503])
def test_how_long_to_wait(code: int, headers: tuple[str, ...], least: float, most: float) -> None:
    [answer] = answered(error(code, "busy", *headers))
    assert answer.retry_after_s is not None
    assert least <= answer.retry_after_s <= most


@pytest.mark.parametrize("header", ["soon", "nan", "inf", ""])
def test_a_wait_that_is_no_time_is_unknown(header: str) -> None:
    [answer] = answered(error(503, "busy", f"Retry-After: {header}"))
    assert answer.retry_after_s is None


def test_what_is_recorded_is_what_is_sent() -> None:
    asked = request("half \ud800 a pair: \N{GRINNING FACE}", schema=SCHEMA)
    with ScriptedServer() as server:
        [answer] = asyncio.run(ask(server.base_url, asked))
    assert answer.status is AnswerStatus.ANSWERED
    assert [call.digest for call in server.calls] == [asked.prompt.digest]


@pytest.mark.parametrize(
    ("support", "form", "declined"),
    [("json_schema", "json_schema", 0), ("json_object", "json_object", 1), ("none", "text", 2)],
)
def test_structure_is_asked_for_in_the_form_that_the_server_takes(
    support: str, form: str, declined: int
) -> None:
    with ScriptedServer(schema_support=support, answer=lambda asked: '{"title": "A"}') as server:
        first, second = asyncio.run(ask(server.base_url, *[request(schema=SCHEMA)] * 2))
    assert (first.status, first.text, first.form) == (AnswerStatus.ANSWERED, first.text, form)
    assert second.form == form
    codes = [call.code for call in server.calls]
    assert codes == [400] * declined + [200, 200]  # the second call knows it already


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "This response_format type is unavailable now"),
        (422, "guided grammar: bad JSON schema"),
        (404, "No endpoints found that support the requested parameters"),
        (501, "not supported"),
    ],
)
def test_forms_are_declined_in_many_words(code: int, message: str) -> None:
    def respond(asked: Mapping[str, Any]) -> bytes:
        return error(code, message) if "response_format" in asked else completion("Yes.")

    [answer] = answered(respond, request(schema=SCHEMA))
    assert (answer.status, answer.form) == (AnswerStatus.ANSWERED, "text")


def test_calls_at_the_same_time_learn_a_form_once() -> None:
    async def asking(url: str) -> list[Answer]:
        server = OpenAIServer(url)
        try:
            asked = request(schema=SCHEMA)
            return await asyncio.gather(*(server.answer(asked) for _ in range(8)))
        finally:
            await server.close()

    with ScriptedServer(schema_support="json_object", answer=lambda asked: "{}") as server:
        answers = asyncio.run(asking(server.base_url))
    assert {(one.status, one.form) for one in answers} == {(AnswerStatus.ANSWERED, "json_object")}


def test_a_reasoning_model_has_another_name_for_the_limit() -> None:
    with ScriptedServer(requires_max_completion_tokens=True) as server:
        answers = asyncio.run(
            ask(server.base_url, *(request(model=name) for name in ("m", "m", "o3-mini", "gpt-5")))
        )
    assert {one.status for one in answers} == {AnswerStatus.ANSWERED}
    codes = [(call.model, call.code) for call in server.calls]
    assert codes == [("m", 400), ("m", 200), ("m", 200), ("o3-mini", 200), ("gpt-5", 200)]


def test_a_server_that_only_knows_the_old_name_of_the_limit() -> None:
    def respond(asked: Mapping[str, Any]) -> bytes:
        if "max_completion_tokens" in asked:
            return error(400, "Unrecognized request argument: max_completion_tokens")
        return completion(str(asked["max_tokens"]))

    [answer] = answered(respond, request(model="openai/gpt-5-mini", max_tokens=77))
    assert answer.text == "77"


def test_a_limit_that_is_too_large_has_no_other_name() -> None:
    seen = []

    def respond(asked: Mapping[str, Any]) -> bytes:
        seen.append(asked)
        return error(400, "max_tokens is too large: 8192; at most 4096 are supported")

    [answer] = answered(respond)
    assert answer.status is AnswerStatus.DECLINED
    assert "at most 4096" in answer.reason
    assert len(seen) == 1


def test_a_limit_with_no_name_at_all_is_declined() -> None:
    [answer] = answered(error(400, "max_tokens and max_completion_tokens are unknown"))
    assert answer.status is AnswerStatus.DECLINED


def test_parameters_that_are_declined_by_name_are_dropped() -> None:
    seen: list[Mapping[str, Any]] = []

    def respond(asked: Mapping[str, Any]) -> bytes:
        seen.append(asked)
        for name in ("temperature", "seed"):
            if name in asked:
                return error(400, f"Unsupported value: '{name}' is not supported by this model")
        return completion("Yes.")

    asked = request(
        temperature=0.2, seed=3, top_p=0.9, reasoning_effort="low", api_key="x", schema=SCHEMA
    )
    answers = answered(respond, asked, asked)
    assert [one.status for one in answers] == [AnswerStatus.ANSWERED] * 2
    assert len(seen) == 4
    names = {"model", "messages", "max_tokens", "top_p", "reasoning_effort"}
    assert seen[-1].keys() - {"response_format"} == names
    assert (seen[-1]["top_p"], seen[-1]["reasoning_effort"]) == (0.9, "low")


def test_a_complaint_about_something_else_ends_the_call() -> None:
    with ScriptedServer(key="sk-another-key") as server:
        [answer] = asyncio.run(ask(server.base_url, request(schema=SCHEMA, temperature=1.0)))
    assert answer.status is AnswerStatus.DECLINED
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "detail",
    [
        {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs"}]},
        {"detail": "response_format: extra inputs are not permitted"},
        {"object": "error", "message": "response_format?", "code": 400},
        {"error": "response_format?"},
    ],
)
def test_errors_of_other_shapes_are_read(detail: object) -> None:
    def respond(asked: Mapping[str, Any]) -> bytes:
        if "response_format" in asked:
            return http(json.dumps(detail).encode(), 400)
        return completion("Yes.")

    [answer] = answered(respond, request(schema=SCHEMA))
    assert (answer.status, answer.form) == (AnswerStatus.ANSWERED, "text")


def test_cancelling_is_the_only_way_out_by_exception() -> None:
    async def asking(url: str) -> None:
        server = OpenAIServer(url)
        try:
            call = asyncio.create_task(server.answer(request()))
            while not scripted_server.calls:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        finally:
            await server.close()

    with ScriptedServer(faults={"hang": 1.0}) as scripted_server:
        asyncio.run(asking(scripted_server.base_url))


def test_a_parameter_that_json_cannot_carry_is_no_exception() -> None:
    answer = scripted(request(temperature=float("nan")))
    assert answer.status is AnswerStatus.DECLINED
    assert "the client failed: ValueError" in answer.reason


def test_the_key_is_sent_and_taken_out_of_the_environment(key: str) -> None:
    with ScriptedServer(key=KEY) as server:
        first, again = (asyncio.run(ask(server.base_url, request())) for _ in range(2))
    assert [first[0].status, again[0].status] == [AnswerStatus.ANSWERED] * 2
    assert all(call.authorized for call in server.calls)
    assert "OPENAI_API_KEY" not in os.environ
    assert (
        KEY
        not in subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


def test_the_key_is_in_no_text(key: str) -> None:
    echoes = [
        KEY,
        quote(KEY, safe=""),
        base64.b64encode(KEY.encode()).decode(),
        json.dumps(KEY),
        "sk-ca****7890",
        "sk-canary...90",
    ]
    shown = ", ".join(echoes)
    responses: list[bytes] = [
        error(401, f"Incorrect API key provided: {shown}"),
        error(429, shown),
        error(500, shown),
        http(shown.encode(), 503),
        error(302, "moved", f"Location: http://{KEY}@127.0.0.1/"),
        completion(", ".join(echoes[:4])),  # masked ones are found in complaints only
        http(json.dumps({"choices": [{"message": {"refusal": shown}}], "model": KEY}).encode()),
        http(json.dumps({"error": {"message": shown}}).encode()),
        http(b"", 200, f"Content-Encoding: {KEY}"),
    ]
    pending = iter(responses)
    server = OpenAIServer("http://127.0.0.1:9/v1")
    answers = answered(lambda asked: next(pending), *[request()] * len(responses))
    assert "[key removed]" in answers[0].reason
    for one in answers:
        assert "canary" not in repr(one)
        assert "7890" not in repr(one)
        assert base64.b64encode(KEY.encode()).decode().rstrip("=") not in repr(one)
    assert repr(server).find("canary") < 0
    assert "canary" not in repr(openai_key._taken)
    assert server.scrub(f"Bearer {KEY}") == "Bearer [key removed]"
    asyncio.run(server.close())


def test_a_key_with_characters_that_are_spelled_in_other_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = 'k/"+\\=0123456789'
    monkeypatch.setenv("OPENAI_API_KEY", f" {secret}\n")
    server = OpenAIServer("http://127.0.0.1:9/v1")
    encoded = base64.b64encode(secret.encode()).decode()
    quoted = quote(secret, safe="")
    for spelled in (secret, quoted, quoted.lower(), json.dumps(secret)[1:-1], encoded):
        assert server.scrub(f"<{spelled}>").rstrip(">=") == "<[key removed]"
    asyncio.run(server.close())


def test_what_only_looks_like_a_key_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")  # what servers without keys are given
    server = OpenAIServer("http://127.0.0.1:9/v1")
    for text in ("task-scheduling", "disk-usage_total", "sk-short", "return EMPTY"):
        assert server.scrub(text) == text
    code = 'OPTIONS = {"sk-network-thing": 1}'  # a changed prompt could not be found in the record
    assert server.scrub(code) == code
    assert answered(lambda asked: completion(code), request())[0].text == code
    asyncio.run(server.close())


def test_a_key_is_not_pickled(key: str) -> None:
    with pytest.raises(TypeError, match="a key is not pickled"):
        pickle.dumps(openai_key.take_key())


def refused(base_url: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        OpenAIServer(base_url)
    assert caught.value.exit_status == 2
    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("url", ["", "https://api.openai.com/v1", "https://eu.api.openai.com/v1"])
def test_the_public_api_needs_a_key(url: str) -> None:
    said = refused(url)
    assert "set OPENAI_API_KEY" in said
    assert "--base-url" in said


@pytest.mark.parametrize("bad", ["sk-canary 1", "sk-canary\x00", "sk-canary-\u00e9"])
def test_a_key_that_cannot_be_one(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"OPENAI_API_KEY": bad})  # no real one takes a NUL
    assert "copy the key again" in refused("http://127.0.0.1:9/v1")
    assert "OPENAI_API_KEY" not in os.environ


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sk-canary-1234567890", "must be an http or https address"),
        ("ftp://127.0.0.1/", "must be an http or https address"),
        ("http://", "must be an http or https address"),
        ("http://127.0.0.1:99999/v1", "must be an http or https address"),
        ("http://[::1/v1", "must be an http or https address"),
        ("http://127.0.0.1/ v1", "must be an http or https address"),
        ("http://me:sk-canary@127.0.0.1/v1", "has a user or password"),
        ("http://127.0.0.1/v1?key=canary", "has a query"),
        ("http://127.0.0.1/v1#canary", "has a fragment"),
    ],
)
@pytest.mark.parametrize("source", ["--base-url", "OPENAI_BASE_URL"])
def test_an_address_that_cannot_be_used_is_not_repeated(
    url: str, said: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "OPENAI_BASE_URL":
        monkeypatch.setenv(source, url)
        url = ""
    words = refused(url)
    assert words.startswith(source)
    assert said in words
    assert "OPENAI_API_KEY" in words


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://me:canary@127.0.0.1:9")
    assert "check the base URL, the proxy variables" in refused("http://127.0.0.1:9/v1")


def test_the_environment_of_the_sdk_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
        [answer] = asyncio.run(ask("", request()))
    assert answer.status is AnswerStatus.ANSWERED
    assert {"openai-organization", "openai-project"} <= set(server.calls[0].headers)


def test_it_is_a_model_server() -> None:
    async def made() -> bool:
        server = OpenAIServer("http://127.0.0.1:9/v1")
        await server.close()
        return isinstance(server, ModelServer)

    assert asyncio.run(made())


def test_the_sdk_is_imported_when_a_server_is_made() -> None:
    code = (
        "import sys, adrs_agents.openai_server as s\n"
        "assert 'openai' not in sys.modules and 'httpx2' not in sys.modules\n"
        "s.OpenAIServer('http://127.0.0.1:9/v1')\n"
        "assert 'openai' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
