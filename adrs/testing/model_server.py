"""A server of models that follows a script, for tests and for trying ADRS without a key.

    python -m adrs.testing.model_server --port 8123 --latency 0.5 --fault error=0.1

It speaks OpenAI's chat completions on 127.0.0.1 and misbehaves as often as it is told to.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import FrameType, TracebackType
from typing import Any, Self

from adrs.testing.weak_model import weak_answer

FAULTS = (
    "garbage",
    "not_utf8",
    "empty",
    "rate_limit",
    "error",
    "cut",
    "hang",
    "drop",
    "malformed",
    "refusal",
)
SCHEMA_SUPPORT = ("json_schema", "json_object", "none")
_LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 64 * 2**20
_WORDS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_BROKEN = '{"ideas": [{"title": "Surely, here is wh'


@dataclass(frozen=True, slots=True)
class ServedCall:
    """One request for a completion, as the server saw it.

    Attributes:
        number: counts the requests of this server, from 1.
        digest: SHA-256 of messages and schema, as `adrs.Prompt.digest` has it.
        fault: the kind of fault that it was served with; "" for none.
        code: HTTP status of the response; 0 if it has none yet.
        answered: whether the whole response was written out.
        headers: names of the request's headers, in lower case.
    """

    number: int
    digest: str
    model: str
    fault: str
    code: int
    answered: bool
    headers: tuple[str, ...]

    @property
    def authorized(self) -> bool:
        """Whether a key came with it."""
        return "authorization" in self.headers


@dataclass(frozen=True, slots=True)
class _Response:
    code: int
    body: bytes
    fault: str = ""
    headers: tuple[str, ...] = ()


class ScriptedServer:
    """Serves from a thread of its own, while it is entered (`with` and `async with` both do).

    Args:
        port: 0 for any that is free.
        latency_s: elapsed seconds before each answer.
        faults: probability of each kind of FAULTS. Which request gets which follows from the seed
            and the number of the request.
        retry_after_s: seconds that a "rate_limit" asks to wait.
        answer: the body of a request to the text of the answer.
        schema_support: the strictest form of response_format that is taken; "none" for no form.
        requires_max_completion_tokens: decline max_tokens, as servers of reasoning models do.
        key: decline every other key; None takes any and none.
        log: file that gets "got DIGEST" when a request was read, and when its response was
            written out "answered DIGEST", or "declined DIGEST" for a status that is not 200.

    Raises:
        ValueError: an unknown fault or form, or probabilities that sum to more than 1.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        latency_s: float = 0.0,
        faults: Mapping[str, float] | None = None,
        retry_after_s: float = 0.05,
        seed: int = 0,
        answer: Callable[[Mapping[str, Any]], str] | None = None,
        schema_support: str = "json_schema",
        requires_max_completion_tokens: bool = False,
        key: str | None = None,
        log: Path | None = None,
    ) -> None:
        self._faults = dict(faults or {})
        if unknown := sorted(self._faults.keys() - set(FAULTS)):
            raise ValueError(f"no fault is named {unknown[0]!r}; there are {', '.join(FAULTS)}")
        if any(share < 0 for share in self._faults.values()) or sum(self._faults.values()) > 1:
            raise ValueError("probabilities of faults must be 0 or more and sum to at most 1")
        if schema_support not in SCHEMA_SUPPORT:
            raise ValueError(f"schema_support must be one of {', '.join(SCHEMA_SUPPORT)}")
        self._port = port
        self._latency_s = latency_s
        self._retry_after_s = retry_after_s
        self._seed = seed
        self._answer = answer or weak_answer
        self._schema_support = schema_support
        self._requires_max_completion_tokens = requires_max_completion_tokens
        self._key = key
        self._log = log
        self._calls: list[ServedCall] = []
        self._started = threading.Event()
        self._failure: OSError | None = None

    @property
    def base_url(self) -> str:
        """What to give as --base-url."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def calls(self) -> tuple[ServedCall, ...]:
        """Every request for a completion so far, in order of arrival."""
        return tuple(self._calls)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        talks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = asyncio.create_task(self._talk(reader, writer))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

        try:
            server = await asyncio.start_server(
                connected, "127.0.0.1", self._port, limit=_LONGEST_HEAD
            )
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive from request to request."""
        writer.transport.set_write_buffer_limits(0)  # so that a drain waits for the last byte
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, or is none
        finally:
            writer.transport.abort()  # what was drained is with the kernel already

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its response; whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.rstrip("\r\n").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
        }
        length = int(headers.get("content-length", "0"))
        if length > _LONGEST_BODY:
            return False
        body = await reader.readexactly(length)
        if line.split(" ")[:2] != ["POST", "/v1/chat/completions"]:
            return await _write(writer, _error(404, "there is only POST /v1/chat/completions"))
        try:
            request = json.loads(body)
            call = self._note(request, headers)
        except (ValueError, LookupError, TypeError, AttributeError):
            return await _write(writer, _error(400, "the body is not a request for a completion"))
        response = self._decline(request, headers) or self._complete(request, call.number)
        self._calls[call.number - 1] = call = replace(call, fault=response.fault)
        if response.code not in (400, 401):
            await asyncio.sleep(self._latency_s)
        if response.fault == "hang":
            await reader.read(1)  # until the client or this server gives up
            return False
        if reader.at_eof():
            return False
        if response.fault == "drop":
            await _write(writer, response, whole=False)
            return False
        await _write(writer, response)
        self._calls[call.number - 1] = replace(call, code=response.code, answered=True)
        self._append("answered" if response.code == 200 else "declined", call.digest)
        return True

    def _note(self, request: Mapping[str, Any], headers: Mapping[str, str]) -> ServedCall:
        messages = [
            {"role": message["role"], "content": message["content"]}
            for message in request["messages"]
        ]
        form = request.get("response_format") or {}
        asked = {"messages": messages, "schema": form.get("json_schema", {}).get("schema")}
        text = json.dumps(asked, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        number = len(self._calls) + 1
        call = ServedCall(number, digest, str(request["model"]), "", 0, False, tuple(headers))
        self._calls.append(call)
        self._append("got", digest)
        return call

    def _append(self, event: str, digest: str) -> None:
        if self._log is None:
            return
        file = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, f"{event} {digest}\n".encode())
        finally:
            os.close(file)

    def _decline(self, request: Mapping[str, Any], headers: Mapping[str, str]) -> _Response | None:
        """What servers that take less say to a request; None if it is taken."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self._key is not None and given != self._key:
            masked = f"{given[:5]}***{given[-4:]}"
            return _error(401, f"Incorrect API key provided: {masked}.", "invalid_api_key")
        if self._requires_max_completion_tokens and "max_tokens" in request:
            return _error(
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "unsupported_parameter",
            )
        form = (request.get("response_format") or {}).get("type", "text")
        forms = ["text", *reversed(SCHEMA_SUPPORT[:2])]
        taken = forms[: 3 - SCHEMA_SUPPORT.index(self._schema_support)]
        if form not in taken:
            return _error(400, f"response_format.type {form!r} is not one of {taken}")
        return None

    def _complete(self, request: Mapping[str, Any], number: int) -> _Response:
        fault = self._fault(number)
        if fault == "garbage":
            return _Response(200, b"<html>Bad gateway</html>", fault)
        if fault == "rate_limit":
            wait = f"Retry-After: {self._retry_after_s:g}"
            return replace(_error(429, "Too many requests."), fault=fault, headers=(wait,))
        if fault == "error":
            return replace(_error(500, "The server had an error."), fault=fault)
        text = self._answer(request)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        ended = "stop"
        most = request.get("max_completion_tokens") or request.get("max_tokens")
        if most is not None and len(text.encode()) // 4 > most:
            message["content"], ended = text.encode()[: 4 * most].decode(errors="ignore"), "length"
        if fault == "cut":
            message["content"], ended = text[: len(text) // 2], "length"
        elif fault == "empty":
            message["content"] = ""
        elif fault == "malformed":
            message["content"] = _BROKEN
        elif fault == "refusal":
            message |= {"content": None, "refusal": "I cannot help with that."}
        tokens_in = len(json.dumps(request["messages"], ensure_ascii=False).encode()) // 4
        tokens_out = len((message["content"] or "").encode()) // 4
        answer = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": ended}],
            "usage": {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
            },
        }
        body = json.dumps(answer).encode()
        if fault == "not_utf8":
            body = body.replace(b'"content": "', b'"content": "\xff\xfe', 1)
        return _Response(200, body, fault)

    def _fault(self, number: int) -> str:
        drawn = Random(f"{self._seed}:{number}").random()
        for fault, share in self._faults.items():
            drawn -= share
            if drawn < 0:
                return fault
        return ""


def _error(code: int, message: str, kind: str | None = None) -> _Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": kind}
    return _Response(code, json.dumps({"error": error}).encode())


async def _write(writer: asyncio.StreamWriter, response: _Response, whole: bool = True) -> bool:
    """Head and body in one write: in two, the second waits for the client's delayed ACK."""
    head = "\r\n".join(
        [
            f"HTTP/1.1 {response.code} {_WORDS.get(response.code, 'Error')}",
            "Content-Type: application/json",
            f"Content-Length: {len(response.body)}",
            *response.headers,
        ]
    )
    body = response.body if whole else response.body[: len(response.body) // 2]
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; the first line is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m adrs.testing.model_server",
        description="A server of a model that knows nothing, for trying ADRS without a key.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds a call")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND=SHARE",
        help=f"how often something goes wrong; kinds: {', '.join(FAULTS)}",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--schema-support", choices=SCHEMA_SUPPORT, default=SCHEMA_SUPPORT[0])
    parser.add_argument("--log", type=Path, help="file that gets a line for every call")
    options = parser.parse_args(arguments)
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        faults = {
            kind: float(share) for kind, _, share in (f.partition("=") for f in options.fault)
        }
        server = ScriptedServer(
            port=options.port,
            latency_s=options.latency,
            faults=faults,
            seed=options.seed,
            schema_support=options.schema_support,
            log=options.log,
        )
        with server:
            sys.stdout.write(f"{server.base_url}\n")
            sys.stdout.flush()
            ended.wait()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
