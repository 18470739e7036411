"""Runs inside the sandbox, in front of the program: standard library only.

Nothing here is trusted once the program is imported. A line of JSON comes, a line of JSON goes.
"""

import importlib
import json
import socket
import sys


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    """CHANGE: what is asked of the program. The working folder holds its files."""
    with channel.makefile("rw", encoding="utf-8") as line:
        question = json.loads(line.readline())
        sys.path.insert(0, "")
        try:
            module = importlib.import_module(question["module"])
            answer = getattr(module, question["function"])(*question["arguments"])
            reply = json.dumps({"answer": answer})
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is its answer
            reply = json.dumps({"raised": f"{type(error).__name__}: {error}"[:500]})
        line.write(f"{reply}\n")
