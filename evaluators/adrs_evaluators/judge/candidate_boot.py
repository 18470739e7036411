"""Runs inside the candidate's sandbox: imports the program and answers the judge's calls.

Nothing here is trusted once the program is imported. Frames are a 4-byte little-endian length and
JSON. A request is a list of calls `[target, name, arguments]`: target 0 is a function of the entry
module, -n makes object n, n calls a method of it. The answer is the list of results or, if a call
failed, `{"results": [...], "failed": [[index, exception, text], ...]}`.
"""

import importlib
import json
import socket
import sys
import traceback

_MAX_TEXT = 2000
# Loaded once, before any candidate is forked: then importing them costs a candidate nothing.
for _common in (
    *("array", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq"),
    *("itertools", "math", "operator", "random", "re", "statistics", "string", "typing"),
):
    importlib.import_module(_common)


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    # The first call may follow at once, so the frame before it is read to the byte.
    size = int.from_bytes(channel.recv(4, socket.MSG_WAITALL), "little")
    entry = json.loads(channel.recv(size, socket.MSG_WAITALL))
    sys.path.insert(0, "")
    objects: dict[int, object] = {}
    module = None
    failure = None
    try:
        module = importlib.import_module(entry)
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is its answer
        failure = _describe(error)
    dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    loads = json.loads
    while True:
        frame = _receive(channel)
        if frame is None:
            return
        results: list[object] = []
        failed: list[list[object]] = []
        for target, name, arguments in loads(frame):
            try:
                if failure is not None:
                    failed.append([len(results), *failure])
                    results.append(None)
                elif target > 0:
                    results.append(getattr(objects[target], name)(*arguments))
                elif target == 0:
                    results.append(getattr(module, name)(*arguments))
                else:
                    objects[-target] = getattr(module, name)(*arguments)
                    results.append(None)
            except BaseException as error:  # noqa: BLE001 - as above
                failed.append([len(results), *_describe(error)])
                results.append(None)
        try:
            answer = dumps(results) if not failed else dumps({"results": results, "failed": failed})
        except BaseException as error:  # noqa: BLE001 - a result that is not plain data
            kind, text = _describe(error)
            text = f"a result is not plain data: {text}"
            failed = [[index, kind, text] for index in range(len(results))]
            answer = dumps({"results": [None] * len(results), "failed": failed})
        data = answer.encode()
        channel.sendall(len(data).to_bytes(4, "little") + data)


def _receive(channel: socket.socket) -> bytes | None:
    """One frame, or None when the judge hung up."""
    data = channel.recv(65536)
    if not data:
        return None
    while len(data) < 4:
        more = channel.recv(65536)
        if not more:
            return None
        data += more
    size = int.from_bytes(data[:4], "little") + 4
    if len(data) == size:
        return data[4:]
    buffer = bytearray(data)
    while len(buffer) < size:
        more = channel.recv(min(1 << 20, size - len(buffer)))
        if not more:
            return None
        buffer += more
    return bytes(buffer[4:])


def _describe(error: BaseException) -> tuple[str, str]:
    """The exception's class and its traceback without our own frames, bounded."""
    if isinstance(error, SyntaxError):
        text = "".join(traceback.format_exception_only(error))
    else:
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename != __file__ and "importlib" not in frame.filename
        ]
        text = "".join(traceback.format_list(frames) + traceback.format_exception_only(error))
    return type(error).__name__[:80], text[-_MAX_TEXT:]
