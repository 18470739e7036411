"""A zygote that is a child of the engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from adrs import SandboxUnavailable
from adrs_sandboxes import _protocol


class ZygoteProgram:
    """A started program with a control socket, and what it prints."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  until close
        self._started: subprocess.Popen[bytes] | None = None

    def start(
        self, command: Callable[[int], Sequence[str]], env: Mapping[str, str], **more: Any
    ) -> socket.socket:
        """Starts it; returns this side of its control socket.

        Args:
            command: the command line, given the descriptor of the control socket.
            more: for subprocess.Popen; `pass_fds` is added to.

        Raises:
            SandboxUnavailable: it does not start.
        """
        control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = (inner.fileno(), *more.pop("pass_fds", ()))
        with inner:
            try:
                self._started = subprocess.Popen(
                    command(inner.fileno()),
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=passed,
                    start_new_session=True,
                    **more,
                )
            except OSError as error:
                control.close()
                self.close()
                raise SandboxUnavailable(f"{error}") from error
        return control

    def words(self) -> str:
        """What it has printed to standard error."""
        with suppress(OSError, ValueError):
            return os.pread(self._errors.fileno(), _protocol.OUTPUT_KEPT, 0).decode(
                errors="replace"
            )
        return ""

    def kill(self) -> None:
        """Ends it at once."""
        if self._started:
            with suppress(ProcessLookupError):
                self._started.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """Waits until it is gone; False if it still is there."""
        if self._started is None:
            return True
        try:
            self._started.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Forgets what it has printed."""
        self._errors.close()
