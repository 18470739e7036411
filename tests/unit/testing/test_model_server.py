import ast
import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adrs import Message, Prompt
from adrs.testing.model_server import FAULTS, ScriptedServer, main
from adrs.testing.weak_model import weak_answer

ROOT = Path(__file__).parents[3]
POLICY = (ROOT / "tasks/spot_single/program/policy.py").read_text()
STATEMENT = (ROOT / "tasks/spot_single/README.md").read_text()
SCHEMA = {
    "type": "object",
    "properties": {
        "ideas": {
            "type": "array",
            "minItems": 2,
            "maxItems": 6,
            "items": {"$ref": "#/$defs/idea"},
        },
        "done": {"type": "boolean"},
    },
    "$defs": {
        "idea": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 3, "maxLength": 12},
                "kind": {"enum": ["structure", "constant"]},
                "gain": {"type": "number", "minimum": 0.5, "maximum": 0.75},
                "files": {"type": "array", "items": {"type": "string"}},
                "risk": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
                "version": {"const": 1},
            },
        }
    },
}


def body(words: str = "Say yes.", **more: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": words}], **more}


def schema_body(words: str, schema: object = SCHEMA) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}
    return body(words, response_format=form)


def port(server: ScriptedServer) -> int:
    return int(server.base_url.split(":")[2].split("/")[0])


def post(
    server: ScriptedServer, asked: object, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port(server), timeout=5)
    try:
        data = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        connection.request("POST", "/v1/chat/completions", data, headers)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def choice(server: ScriptedServer, asked: object) -> dict[str, Any]:
    code, _, data = post(server, asked)
    assert code == 200
    [found] = json.loads(data)["choices"]
    assert isinstance(found, dict)
    return found


def test_calls_are_noted_with_the_digest_of_the_prompt() -> None:
    prompt = Prompt("plan", (Message("user", "caf\u00e9"),), SCHEMA)
    with ScriptedServer() as server:
        post(server, schema_body("caf\u00e9"), Authorization="Bearer x")
        post(server, body())
    first, second = server.calls
    assert first.digest == prompt.digest
    assert (first.number, first.model, first.fault, first.code) == (1, "m", "", 200)
    assert (first.answered, first.authorized, second.authorized) == (True, True, False)
    assert "authorization" in first.headers
    assert "Bearer" not in repr(first)
    assert "content-length" in first.headers


def test_usage_is_counted_in_fours_of_bytes() -> None:
    with ScriptedServer(answer=lambda asked: "x" * 40) as server:
        _, _, data = post(server, body())
    usage = json.loads(data)["usage"]
    assert usage["prompt_tokens"] == len('[{"role": "user", "content": "Say yes."}]') // 4
    assert (usage["completion_tokens"], usage["total_tokens"]) == (10, usage["prompt_tokens"] + 10)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_of_tokens_cuts(name: str) -> None:
    with ScriptedServer(answer=lambda asked: "x" * 100) as server:
        found = choice(server, body(**{name: 10}))
    assert (len(found["message"]["content"]), found["finish_reason"]) == (40, "length")


def test_connections_are_kept_and_answers_come_in_one_piece() -> None:
    request = json.dumps(body()).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(request)}\r\n\r\n".encode()
    with ScriptedServer() as server, socket.create_connection(("127.0.0.1", port(server))) as pipe:
        pipe.settimeout(5)
        for _ in range(3):
            pipe.sendall(head + request)
            piece = pipe.recv(1 << 16)
            assert piece.startswith(b"HTTP/1.1 200 OK\r\n")
            length = int(piece.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            assert len(piece.split(b"\r\n\r\n", 1)[1]) == length
    assert len(server.calls) == 3


@pytest.mark.parametrize("fault", [each for each in FAULTS if each not in ("hang", "drop")])
def test_each_fault_is_what_it_says(fault: str) -> None:
    with ScriptedServer(
        faults={fault: 1.0}, retry_after_s=0.5, answer=lambda asked: "Yes or no."
    ) as server:
        code, headers, data = post(server, body())
    assert [(call.fault, call.code, call.answered) for call in server.calls] == [
        (fault, code, True)
    ]
    assert code == {"rate_limit": 429, "error": 500}.get(fault, 200)
    if fault == "rate_limit":
        assert headers["Retry-After"] == "0.5"
    elif fault == "garbage":
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(data)
    elif fault == "not_utf8":
        with pytest.raises(UnicodeDecodeError):
            data.decode()
    elif fault != "error":
        [found] = json.loads(data)["choices"]
        text, ended = found["message"]["content"], found["finish_reason"]
        assert text == {"empty": "", "cut": "Yes o", "refusal": None}.get(fault, text)
        assert ended == ("length" if fault == "cut" else "stop")
        assert bool(found["message"]["refusal"]) == (fault == "refusal")
        if fault == "malformed":
            with pytest.raises(ValueError, match="Unterminated"):
                json.loads(text)


def test_a_dropped_connection_ends_in_the_middle_of_the_body() -> None:
    short = pytest.raises(http.client.IncompleteRead)
    with ScriptedServer(faults={"drop": 1.0}) as server, short:
        post(server, body())
    assert [(call.fault, call.answered) for call in server.calls] == [("drop", False)]


def test_a_hanging_call_ends_when_the_server_is_left() -> None:
    ended = []

    def ask() -> None:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            post(server, body())
        ended.append(True)

    with ScriptedServer(faults={"hang": 1.0}) as server:
        client = threading.Thread(target=ask)
        client.start()
        while not server.calls:
            time.sleep(0.01)
        assert not ended
    client.join(5)
    assert ended == [True]
    assert [(call.fault, call.answered) for call in server.calls] == [("hang", False)]


def test_faults_follow_from_the_seed_and_the_number() -> None:
    def faults(seed: int) -> list[str]:
        shares = {"error": 0.2, "empty": 0.3}
        with ScriptedServer(faults=shares, seed=seed) as server:
            for number in range(60):
                post(server, body(str(number * seed)))
        return [call.fault for call in server.calls]

    first = faults(1)
    assert first == faults(1) != faults(2)
    count = Counter(first)
    assert 5 < count["error"] < 20
    assert 9 < count["empty"] < 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": {"boom": 1.0}},
        {"faults": {"cut": 1.1}},
        {"faults": {"cut": -0.1}},
        {"schema_support": "some"},
    ],
)
def test_a_script_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"boom|probabilities|schema_support"):
        ScriptedServer(**wrong)


@pytest.mark.parametrize(
    ("support", "taken"),
    [("json_schema", [200, 200, 200]), ("json_object", [400, 200, 200]), ("none", [400, 400, 200])],
)
def test_forms_that_it_does_not_take_are_declined(support: str, taken: list[int]) -> None:
    with ScriptedServer(schema_support=support) as server:
        asked = [schema_body("a"), body(response_format={"type": "json_object"}), body()]
        codes = [post(server, one)[0] for one in asked]
    assert codes == taken


def test_it_declines_the_old_limit_and_a_wrong_key_without_repeating_it() -> None:
    with ScriptedServer(requires_max_completion_tokens=True, key="sk-right-key-1") as server:
        wrong = post(server, body(), Authorization="Bearer sk-wrong-key-9")
        old = post(server, body(max_tokens=5), Authorization="Bearer sk-right-key-1")
        new = post(server, body(max_completion_tokens=5), Authorization="Bearer sk-right-key-1")
    assert [one[0] for one in (wrong, old, new)] == [401, 400, 200]
    assert b"sk-wr***ey-9" in wrong[2]
    assert b"sk-wrong-key-9" not in wrong[2]
    assert b"Use 'max_completion_tokens' instead" in old[2]


@pytest.mark.parametrize("asked", [b"{", b"[]", b"{}", b'{"model": "m", "messages": [3]}', b"\xff"])
def test_a_request_that_is_none(asked: bytes) -> None:
    with ScriptedServer() as server:
        code, _, data = post(server, asked)
    assert code == 400
    assert b"not a request for a completion" in data
    assert server.calls == ()


def test_the_log_tells_what_was_read_from_what_was_answered(tmp_path: Path) -> None:
    log = tmp_path / "calls.log"
    with ScriptedServer(log=log, schema_support="none", faults={"hang": 0.5}, seed=1) as server:
        post(server, schema_body("a"))
        for number in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", port(server), timeout=0.1)
            connection.request("POST", "/v1/chat/completions", json.dumps(body(str(number))))
            try:
                connection.getresponse().read()
            except TimeoutError:
                pass
            finally:
                connection.close()
    lines = [line.split() for line in log.read_text().splitlines()]
    calls = server.calls
    assert {call.fault for call in calls} == {"", "hang"}
    assert [digest for event, digest in lines if event == "got"] == [call.digest for call in calls]
    assert [digest for event, digest in lines if event == "answered"] == [
        call.digest for call in calls if call.answered and call.code == 200
    ]
    assert [digest for event, digest in lines if event == "declined"] == [calls[0].digest]


def test_latency_and_calls_at_the_same_time() -> None:
    async def asking() -> float:
        async with ScriptedServer(latency_s=0.2) as server:
            began = time.monotonic()
            await asyncio.gather(
                *(asyncio.to_thread(post, server, body(str(number))) for number in range(4))
            )
            return time.monotonic() - began

    assert 0.2 <= asyncio.run(asking()) < 0.7


def test_a_port_that_is_taken_is_said() -> None:
    with ScriptedServer() as server:
        second = ScriptedServer(port=port(server))
        with pytest.raises(OSError, match="in use"):
            second.__enter__()


def test_an_answer_that_nobody_waits_for_is_not_answered() -> None:
    with ScriptedServer(latency_s=0.2) as server:
        connection = http.client.HTTPConnection("127.0.0.1", port(server))
        connection.request("POST", "/v1/chat/completions", json.dumps(body()))
        while not server.calls:
            time.sleep(0.01)
        connection.close()
        post(server, body())  # answered later than the first would have been
    assert [call.answered for call in server.calls] == [False, True]


def test_the_weak_model_fills_in_a_schema() -> None:
    answer = json.loads(weak_answer(schema_body("Plan.\nideas wanted: 4\n")))
    assert answer.keys() == {"ideas", "done"}
    assert len(answer["ideas"]) == 4
    for idea in answer["ideas"]:
        assert 3 <= len(idea["title"]) <= 12
        assert idea["kind"] in ("structure", "constant")
        assert 0.5 <= idea["gain"] <= 0.75
        assert len(idea["files"]) == 1
        assert idea["risk"] >= 3
        assert idea["version"] == 1
    assert len(json.loads(weak_answer(schema_body("Plan.")))["ideas"]) == 2
    assert len(json.loads(weak_answer(schema_body("ideas wanted: 99")))["ideas"]) == 6
    assert weak_answer(schema_body("a")) == weak_answer(schema_body("a"))
    assert weak_answer(schema_body("a")) != weak_answer(schema_body("b"))


@pytest.mark.parametrize("form", [None, {"type": "json_object"}])
def test_the_weak_model_plans_from_an_example(form: object) -> None:
    example = {"diagnosis": "what is lost", "ideas": [{"title": "words", "expected_percent": 2.5}]}
    shown = f"FILE: a.py\n```\nn = 1\n```\nAnswer:\n\n{json.dumps(example, indent=2)}\n"
    asked = body(f"ideas wanted: 3\n{shown}", response_format=form)
    answer = json.loads(weak_answer(asked))
    assert answer.keys() == example.keys()
    assert [idea.keys() for idea in answer["ideas"]] == [
        {"title": 0, "expected_percent": 0}.keys()
    ] * 3
    again = [*asked["messages"], {"role": "assistant", "content": "No."}]
    again.append({"role": "user", "content": "It could not be read.\nideas wanted: 2\n"})
    answer = json.loads(weak_answer({**asked, "messages": again}))
    assert len(answer["ideas"]) == 2
    again.append({"role": "user", "content": "Write it."})
    assert "SEARCH" in weak_answer({**asked, "messages": again})


def test_the_weak_model_names_its_idea_where_it_is_asked_to() -> None:
    asked = f"Begin with:\nIDEA: words\nEXPECTED: percent\n\nFILE: p.py\n```\n{POLICY}```"
    assert re.match(r"IDEA: .+\nEXPECTED: .+\n\n+FILE: p.py\n<", weak_answer(body(asked)))


def test_the_weak_model_edits_a_program() -> None:
    programs = set()
    for number in range(40):
        asked = f"{STATEMENT}\nTry {number}.\n\nFILE: policy.py\n````python\n{POLICY}````\n"
        answer = weak_answer(body(asked))
        assert answer == weak_answer(body(asked))
        found = answer.split("<<<<<<< SEARCH\n")[1].split("\n>>>>>>> REPLACE")[0]
        old, new = found.split("\n=======\n")
        assert "\nFILE: policy.py\n<<<<<<<" in answer
        assert POLICY.count(old) == 1
        programs.add(POLICY.replace(old, new))
    assert POLICY not in programs
    assert len(programs) > 15
    for program in programs:
        ast.parse(program)


@pytest.mark.parametrize(
    "line", ["    return n * 0.5", "    return n < 3", "    return n and m", "    n += 10"]
)
def test_the_weak_model_knows_numbers_and_operators(line: str) -> None:
    program = f'def f(n, m):\n    """At 7 < 8 and 9."""\n{line}\n'
    answer = weak_answer(body(f"FILE: a/b c.py\n```\n{program}```"))
    assert f"\nFILE: a/b c.py\n<<<<<<< SEARCH\n{line}\n=======\n" in answer


@pytest.mark.parametrize(
    "words", ["Hello.", "FILE: a.txt\n```\nn = 1\n```", "FILE: a.py\n```\nn = = 1\n```"]
)
def test_the_weak_model_has_only_words_otherwise(words: str) -> None:
    assert "SEARCH" not in weak_answer(body(words))


def test_it_runs_by_itself_until_it_is_told_to_end(tmp_path: Path) -> None:
    log = tmp_path / "calls.log"
    command = [sys.executable, "-m", "adrs.testing.model_server", "--log", str(log)]
    without_pytest = {"PYTHONPATH": str(tmp_path)}  # users have none
    (tmp_path / "pytest.py").write_text("raise ImportError('there is no pytest')")
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | without_pytest
        ) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            connection = http.client.HTTPConnection(url.split("/")[2], timeout=5)
            connection.request("POST", "/v1/chat/completions", json.dumps(body()))
            assert connection.getresponse().status == 200
            connection.close()
            server.send_signal(number)
            assert server.wait(5) == 0
    assert len(log.read_text().splitlines()) == 4


@pytest.mark.parametrize("wrong", ["boom=0.5", "error", "error=often", "error=2"])
def test_what_cannot_be_served_ends_with_2(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--fault", wrong])
    assert caught.value.code == 2
    assert capsys.readouterr().err
