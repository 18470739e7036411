"""The engine's end of the channel to a judge's process."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

_MAX_ANSWER = 64 * 1024 * 1024


class JudgeGone(Exception):
    """The judge's process ended or broke the protocol."""


class JudgeWire:
    """Sends one request at a time and waits for its answer."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    async def ask(
        self,
        request: Mapping[str, Any],
        *,
        limit_s: float,
        end: socket.socket | None = None,
        memory: Sequence[int] = (),
    ) -> dict[str, Any]:
        """The judge's answer. `end`, the candidate's channel, travels along and is closed here.

        Args:
            memory: further descriptors that travel behind it.

        Raises:
            TimeoutError: no answer within `limit_s` seconds.
            JudgeGone: the process ended, or what came is not an answer.
        """
        loop = asyncio.get_running_loop()
        data = json.dumps(request, separators=(",", ":")).encode()
        data = len(data).to_bytes(4, "little") + data
        try:
            if end is not None:
                # The descriptors ride on the first bytes; the socket is empty, so they all fit.
                sent = socket.send_fds(self._end, [data[:65536]], [end.fileno(), *memory])
                data = data[sent:]
                end.close()
            if data:
                await loop.sock_sendall(self._end, data)
            async with asyncio.timeout(limit_s):
                return await self._answer(loop)
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise JudgeGone(str(error)) from None

    async def _answer(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        buffer = await loop.sock_recv(self._end, 65536)
        size = 4
        while True:
            if len(buffer) >= 4:
                size = int.from_bytes(buffer[:4], "little") + 4
                if size > _MAX_ANSWER:
                    raise JudgeGone(f"an answer of {size} bytes")
                if len(buffer) >= size:
                    break
            more = await loop.sock_recv(self._end, 1 << 20)
            if not more:
                raise JudgeGone("its process ended")
            buffer += more
        answer = json.loads(buffer[4:size])
        if not isinstance(answer, dict):
            raise JudgeGone("what came is not an answer")
        return answer

    def close(self) -> None:
        self._end.close()
