"""The SDK's client, with the bounds that it lacks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import httpx2
import openai

from adrs import AnswerStatus

from .openai_reply import Reply

_CONNECT_S = 10.0
_MOST_BYTES = 8 * 2**20


class NoReply(Exception):
    """No whole response came; `status` says how it ended."""

    def __init__(self, status: AnswerStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Connection:
    """Sends one request at a time or many, each once: no retries, no redirects."""

    def __init__(self, base_url: str, key: str) -> None:
        http = openai.DefaultAsyncHttpx2Client(
            event_hooks={"response": [_bound]}, follow_redirects=False
        )
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            http_client=http,
            default_headers={"Accept-Encoding": "identity"},
        )

    async def post(self, body: Mapping[str, object], timeout_s: float) -> Reply:
        """The response, whatever its status.

        Raises:
            NoReply: there was none, or one that cannot be read.
        """
        timeout = httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        try:
            response = await self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=body,
                options={"timeout": timeout},
            )
        except NoReply:
            raise
        except openai.APIStatusError as error:
            response = error.response
        except openai.APIConnectionError as error:
            raise NoReply(_how(error), _why(error)) from None
        except Exception as error:  # noqa: BLE001 - what the SDK raises is how the call ended
            unsent = isinstance(error, TypeError | ValueError)  # it cannot be put into a request
            status = AnswerStatus.DECLINED if unsent else AnswerStatus.BROKEN
            reason = f"the client failed: {type(error).__name__}: {error}"
            raise NoReply(status, reason) from None
        return Reply(response.status_code, response.headers, response.content)

    async def close(self) -> None:
        await self._client.close()


def _how(error: openai.APIConnectionError) -> AnswerStatus:
    """Whether the call was sent before it failed: then it may have been charged."""
    if isinstance(error.__cause__, _UNSENT):
        return AnswerStatus.UNREACHABLE
    late = isinstance(error, openai.APITimeoutError)
    return AnswerStatus.TIMED_OUT if late else AnswerStatus.BROKEN


_UNSENT = (
    *(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout),
    *(httpx2.UnsupportedProtocol, httpx2.ProxyError),
)


def _why(error: openai.APIConnectionError) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".rstrip(": ")


async def _bound(response: httpx2.Response) -> None:
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        reason = f"the body is encoded as {encoding}, which was not asked for"
        raise NoReply(AnswerStatus.MALFORMED, reason)
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Counted(response.stream)


class _Counted(httpx2.AsyncByteStream):
    """A body that is not read beyond a limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        count = 0
        try:
            async for chunk in chunks:
                count += len(chunk)
                if count > _MOST_BYTES:
                    reason = f"the body is longer than {_MOST_BYTES} bytes"
                    raise NoReply(AnswerStatus.MALFORMED, reason)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()
