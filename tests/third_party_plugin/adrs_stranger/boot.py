"""Runs inside: runs the program's main.py, which finds NUMBERS and leaves ORDER."""

import json
import runpy
import socket


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    with channel.makefile("rw", encoding="utf-8") as line:
        numbers = json.loads(line.readline())
        left = runpy.run_path("main.py", {"NUMBERS": numbers})
        line.write(json.dumps(left["ORDER"]) + "\n")
