"""What is said of something that answers where a container engine should be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from adrs_sandboxes.docker.engine import Engine

from adrs import SandboxUnavailable


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of what gives this answer to every question."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "did not greet it"),
        (500, b'{"message": "a bad day"}', "did not greet it: a bad day"),
        (200, b"{}", "no container engine"),
        (200, b"[1]", "no container engine"),
        (200, b"null", "no container engine"),
        (200, b'{"ApiVersion": "one.two"}', "no container engine"),
        (200, b'{"ApiVersion": 1.41}', "no container engine"),
        (200, json.dumps({"ApiVersion": "1.30", "Version": "17.06"}).encode(), "is Docker 17.06"),
    ],
)
def test_what_is_no_engine_is_unavailable_with_a_cure(status: int, body: bytes, words: str) -> None:
    with (
        answering(status, body) as address,
        pytest.raises(SandboxUnavailable, match=words) as raised,
    ):
        Engine(address)
    assert "--sandbox bubblewrap" in str(raised.value)
