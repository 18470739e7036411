"""Models behind any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from urllib.parse import urlsplit

from adrs import Answer, AnswerStatus, ConfigError, ModelRequest

from .openai_dialect import Dialect, form_of
from .openai_key import take_key, unmasked

_PUBLIC = "https://api.openai.com/v1"
_PUBLIC_HOST = "api.openai.com"
_NO_KEY = "none"  # servers that need none still want the header
_NEGOTIABLE = (400, 404, 422, 501)
_LONGEST_REASON = 500
_LONGEST_NAME = 200


class OpenAIServer:
    """One attempt a call; a declined phrasing costs nothing and is put otherwise within it.

    Args:
        base_url: where "/chat/completions" is added to; "" for OPENAI_BASE_URL, else the public
            API. The key is taken out of OPENAI_API_KEY.

    Raises:
        ConfigError: the base URL is none, or has secrets in it.
        ConfigError: the public API without a key, or a key that cannot be one.
        ConfigError: the HTTP client cannot be made, for instance for a bad proxy.
    """

    def __init__(self, base_url: str = "") -> None:
        self._key = take_key()
        url = _checked(base_url)
        if not self._key and _is_public(url):
            raise ConfigError(
                "the public API needs a key and there is none; set OPENAI_API_KEY, or give the "
                "--base-url of a server that needs none"
            )
        from .openai_client import Connection  # a second of CPU that the offline need not spend

        try:
            self._connection = Connection(url, self._key.reveal() or _NO_KEY)
        except Exception as error:  # noqa: BLE001 - SDK and TLS raise many kinds; texts hold secrets
            raise ConfigError(
                f"no HTTP client can be made ({type(error).__name__}); check the base URL, the "
                "proxy variables and SSL_CERT_FILE"
            ) from None
        self._dialects: dict[str, Dialect] = {}

    async def answer(self, request: ModelRequest) -> Answer:
        """Asks once; whatever the server does becomes a status."""
        began = time.monotonic()
        dialect = self._dialects.setdefault(request.model, Dialect(request.model))
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await self._ask(request, dialect)
        except TimeoutError:
            reason = f"no whole answer came within {request.timeout_s:g} s"
            answer = Answer(AnswerStatus.TIMED_OUT, reason=reason)
            answer = replace(answer, form=form_of(dialect.phrase(request)))
        return replace(
            answer,
            text=self.scrub(answer.text),
            reason=self._line(answer.reason, _LONGEST_REASON),
            served_by=self._line(answer.served_by, _LONGEST_NAME),
            latency_s=time.monotonic() - began,
        )

    async def _ask(self, request: ModelRequest, dialect: Dialect) -> Answer:
        from .openai_client import NoReply

        while True:
            body = dialect.phrase(request)
            try:
                reply = await self._connection.post(body, request.timeout_s)
            except NoReply as end:
                return Answer(end.status, reason=str(end), form=form_of(body))
            if reply.code in _NEGOTIABLE and dialect.give_way(body, reply.complaint):
                continue
            return replace(reply.answer(request.prompt.content), form=form_of(body))

    def scrub(self, text: str) -> str:
        """The text without the key."""
        return self._key.scrub(text)

    async def close(self) -> None:
        """Ends connections."""
        await self._connection.close()

    def _line(self, text: str, longest: int) -> str:
        shown = "".join(each if each.isprintable() else " " for each in unmasked(self.scrub(text)))
        return " ".join(shown.split())[:longest]


def _checked(base_url: str) -> str:
    """The base URL of the run, checked without ever repeating it: it may hold a secret."""
    source = "--base-url" if base_url else "OPENAI_BASE_URL"
    url = base_url or os.environ.get("OPENAI_BASE_URL", "") or _PUBLIC
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ConfigError(
            f"{source} must be an http or https address such as http://127.0.0.1:8000/v1, "
            "and is none; correct it (a key goes into OPENAI_API_KEY)"
        )
    secret = [
        name
        for name, there in (
            ("a user or password", "@" in parts.netloc),
            ("a query", "?" in url),
            ("a fragment", "#" in url),
        )
        if there
    ]
    if secret:
        raise ConfigError(
            f"{source} must be an address only, and has {' and '.join(secret)}; "
            "put keys into OPENAI_API_KEY"
        )
    return url


def _is_public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == _PUBLIC_HOST or host.endswith(f".{_PUBLIC_HOST}")
