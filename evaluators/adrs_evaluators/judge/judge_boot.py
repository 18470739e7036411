"""Runs inside the judge's sandbox: loads the author's judge.py and serves the engine's requests.

The engine's frames are a 4-byte little-endian length and JSON; the frame that asks for an
evaluation carries one end of the candidate's channel as a descriptor. What comes from the
candidate is decoded here, so a refused frame costs one evaluation and nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import json
import math
import os
import re
import socket
import sys
import time
import traceback
import types
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

MAX_FRAME = 16 * 1024 * 1024
MAX_DEPTH = 64
_MAX_TEXT = 4000
_MAX_DESCRIPTORS = 8
# Sets of workloads kept in memory: the splits of a run and some more; others are made again.
_KEPT_SETS = 6
# Only a number as long as these can be infinite or wider than a double, 210 digits and e99 among
# them; the walk finds out. Looked at from its first digit only, else a long text takes forever.
_SUSPICIOUS = re.compile(r"(?<!\d)\d{200}|[eE]\+?0*[1-9]\d\d")


class Refused(Exception):
    """The candidate's frame is not what the decoder accepts."""


class UnusableSource(Exception):
    """The author's workloads() refused the real workloads that it was given."""


class Flooded(Exception):
    """The candidate's frame is larger than MAX_FRAME."""


class HungUp(Exception):
    """The candidate's end of the channel is closed."""


class CallTimedOut(Exception):
    """A call took longer than the judge allows."""


# --- decoding what a candidate wrote ---------------------------------------------------------


def _refuse_constant(text: str) -> None:
    raise Refused(f"the answer holds {text}, which is not a number")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused("the answer holds an object with a duplicate key")
    return result


_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_DECODE = json.JSONDecoder(parse_constant=_refuse_constant).decode
_DECODE_OBJECTS = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_pairs).decode


def decode(frame: bytes) -> Any:
    """Plain data of a frame.

    Raises:
        Refused: not UTF-8, not JSON, NaN or infinite, a duplicate key, deeper than MAX_DEPTH,
            or a number wider than a double.
    """
    try:
        text = frame.decode()
        value = _DECODE_OBJECTS(text) if "{" in text else _DECODE(text)
    except RecursionError:
        raise Refused(f"the answer is nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        raise Refused(f"the answer is not plain JSON: {error}") from None
    if text.count("[") + text.count("{") > MAX_DEPTH or _SUSPICIOUS.search(text):
        _walk(value)
    return value


def _walk(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is list:
                deeper.extend(item)
            elif kind is dict:
                deeper.extend(item.values())
            elif kind is float and not math.isfinite(item):
                raise Refused("the answer holds a number that is not finite")
            elif kind is int and abs(item) > sys.float_info.max:
                raise Refused("the answer holds an integer wider than a double")
        if not deeper:
            return
        level = deeper
    raise Refused(f"the answer is nested deeper than {MAX_DEPTH}")


class Channel:
    """The judge's end of the pipe to one candidate process."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, value: Any) -> None:
        data = _ENCODE(value).encode()
        self._end.settimeout(None)
        try:
            self._end.sendall(len(data).to_bytes(4, "little") + data)
        except OSError:
            raise HungUp from None

    def exchange(self, calls: list[Any]) -> list[tuple[Any, tuple[str, str] | None]]:
        """Sends calls in one frame; the value, or exception class and text, of each."""
        limits = [call.limit_s for call in calls if call.limit_s is not None]
        limit = sum(limits) if len(limits) == len(calls) else None
        self.send([(call.target, call.name, call.arguments) for call in calls])
        answer = decode(self._receive(limit, calls))
        if type(answer) is list:
            if len(answer) != len(calls):
                raise Refused(f"{len(calls)} answers were expected, {len(answer)} came")
            return [(value, None) for value in answer]
        return self._mixed(answer, len(calls))

    @staticmethod
    def _mixed(answer: Any, count: int) -> list[tuple[Any, tuple[str, str] | None]]:
        try:
            results, failed = answer["results"], answer["failed"]
            outcomes: list[tuple[Any, tuple[str, str] | None]] = [(v, None) for v in results]
            for index, kind, text in failed:
                outcomes[index] = (None, (str(kind)[:80], str(text)[:_MAX_TEXT]))
        except (KeyError, TypeError, ValueError, IndexError):
            raise Refused("the answer is not of the protocol") from None
        if len(outcomes) != count:
            raise Refused(f"{count} answers were expected, {len(outcomes)} came")
        return outcomes

    def _receive(self, limit: float | None, calls: list[Any]) -> bytes:
        end = self._end
        deadline = None if limit is None else time.monotonic() + limit
        buffer = b""
        size = 0  # of the whole frame, once its first four bytes are here
        try:
            while True:
                if deadline is not None:
                    end.settimeout(max(0.001, deadline - time.monotonic()))
                more = end.recv(65536)
                if not more:
                    raise HungUp
                buffer = buffer + more if buffer else more
                if not size and len(buffer) >= 4:
                    size = int.from_bytes(buffer[:4], "little") + 4
                    if size - 4 > MAX_FRAME:
                        raise Flooded(f"an answer of {size - 4} bytes; {MAX_FRAME} are allowed")
                    if size > 65536:
                        return self._receive_long(buffer, size, deadline)
                if size and len(buffer) == size:
                    return buffer[4:]
                if size and len(buffer) > size:
                    raise Refused("more came than was asked for")
        except TimeoutError:
            raise CallTimedOut(f"{calls[0].name} took longer than {limit:g} s") from None
        except OSError:
            raise HungUp from None

    def _receive_long(self, start: bytes, size: int, deadline: float | None) -> bytes:
        buffer = bytearray(start)
        while len(buffer) < size:
            if deadline is not None:
                self._end.settimeout(max(0.001, deadline - time.monotonic()))
            more = self._end.recv(min(1 << 20, size - len(buffer)))
            if not more:
                raise HungUp
            buffer += more
        if len(buffer) > size:
            raise Refused("more came than was asked for")
        return bytes(buffer[4:])


# --- running the author's coroutine ----------------------------------------------------------


class _Lane:
    """One coroutine in flight and who waits for it."""

    __slots__ = ("coroutine", "index", "parent", "pending", "results")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], parent: _Lane | None, index: int):
        self.coroutine = coroutine
        self.parent = parent
        self.index = index
        self.pending = 0
        self.results: list[Any] = []


def drive(
    coroutine: Coroutine[Any, Any, Any],
    exchange: Callable[[list[Any]], list[tuple[Any, tuple[str, str] | None]]],
    judging: Any,
) -> Any:
    """Runs a judge's coroutine to its end; all calls that wait at once go in one exchange."""
    root = _Lane(coroutine, None, 0)
    ready: list[tuple[_Lane, Any, BaseException | None]] = [(root, None, None)]
    calls: list[Any] = []
    waiting: list[_Lane] = []
    call_type, together_type = judging.Call, judging.Together
    while True:
        while ready:
            now, ready = ready, []
            for lane, value, error in now:
                try:
                    if error is None:
                        wish = lane.coroutine.send(value)
                    else:
                        wish = lane.coroutine.throw(error)
                except StopIteration as stop:
                    parent = lane.parent
                    if parent is None:
                        return stop.value
                    parent.results[lane.index] = stop.value
                    parent.pending -= 1
                    if parent.pending == 0:
                        ready.append((parent, parent.results, None))
                    continue
                except Exception:
                    if lane.parent is None:
                        raise
                    # The whole evaluation fails: who runs simulations together wants all of them.
                    root.coroutine.close()
                    raise
                if type(wish) is call_type:
                    calls.append(wish)
                    waiting.append(lane)
                elif type(wish) is together_type:
                    children = [
                        _Lane(child, lane, index) for index, child in enumerate(wish.coroutines)
                    ]
                    lane.pending, lane.results = len(children), [None] * len(children)
                    ready.extend((child, None, None) for child in children)
                    if not children:
                        ready.append((lane, [], None))
                else:
                    raise TypeError(
                        "a judge may await only calls of the program and together(); "
                        f"it awaited {type(wish).__name__}"
                    )
        outcomes = exchange(calls)
        for lane, (value, failed) in zip(waiting, outcomes, strict=True):
            error = None if failed is None else judging.ProgramFailed(*failed)
            ready.append((lane, value, error))
        calls, waiting = [], []


# --- serving the engine ----------------------------------------------------------------------


class Server:
    """Answers the engine's requests about one task."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._source = paths.get("source")
        self.judging = _load("adrs.judging", paths["judging"])
        package = types.ModuleType("adrs")
        package.judging = self.judging  # type: ignore[attr-defined]
        package.__path__ = []
        sys.modules.setdefault("adrs", package)
        sys.path_hooks.insert(0, _finder_below(paths["task"]))
        sys.path.insert(0, paths["task"])
        self.judge = _load("judge", f"{paths['task']}/judge.py")
        self._sets: dict[str, dict[str, tuple[Any, int]]] = {}

    def answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        ask = request["ask"]
        if ask == "workloads":
            return self._listing(request)
        if ask == "contents":
            return self._contents(request)
        if ask == "evaluate":
            with socket.socket(fileno=os.dup(descriptors[0])) as end:
                return self._evaluate(request, end)
        return {"feedback": str(self.judge.feedback(request["samples"]))[:_MAX_TEXT]}

    def _listing(self, request: dict[str, Any]) -> dict[str, Any]:
        listing = [
            [workload.name, workload.unit or workload.name, workload.shares, digest, size]
            for digest, (workload, size) in self.made(request).items()
        ]
        return {"workloads": listing, "has_feedback": hasattr(self.judge, "feedback")}

    def _contents(self, request: dict[str, Any]) -> dict[str, Any]:
        """The data of one workload as JSON."""
        return {"contents": json.dumps(self.workload(request).data)}

    def workload(self, request: dict[str, Any]) -> Any:
        """The workload that a request is about."""
        made = self.made(request)
        if request["workload"] not in made:
            raise ValueError(
                f"workloads({request['split']!r}) made others than before from the same "
                "arguments; it must depend on its arguments alone"
            )
        return made[request["workload"]][0]

    def made(self, request: dict[str, Any]) -> dict[str, tuple[Any, int]]:
        """By digest: the workloads that a request is about, and the bytes of their data as JSON."""
        split, salt, parameters = request["split"], request["salt"], request["parameters"]
        key = json.dumps([split, salt, parameters], sort_keys=True)
        made = self._sets.pop(key, None)
        if made is None:
            while len(self._sets) >= _KEPT_SETS:
                del self._sets[next(iter(self._sets))]
            try:
                found = list(self.judge.workloads(split, salt, source=self._source, **parameters))
            except ValueError as error:
                if self._source is None:
                    raise
                raise UnusableSource(_text(error)) from None
            made = self._checked(found)
            if not made:
                raise ValueError(f"workloads({split!r}) returned none")
        self._sets[key] = made
        return made

    def _checked(self, workloads: list[Any]) -> dict[str, tuple[Any, int]]:
        checked = {}
        names = set()
        for workload in workloads:
            if type(workload) is not self.judging.Workload:
                raise TypeError(f"workloads() must return Workload objects, not {workload!r:.80}")
            texts = (workload.name, workload.unit, workload.shares)
            if not all(type(text) is str and text.isprintable() for text in texts) or not texts[0]:
                raise ValueError(
                    f"name, unit and shares of a workload must be printable text, and a name not "
                    f"empty, not {texts!a:.200}"
                )
            if workload.name in names:
                raise ValueError(f"workloads() returned two of the name {workload.name!r}")
            names.add(workload.name)
            data = json.dumps(workload.data, sort_keys=True, allow_nan=False)
            content = f"[{json.dumps(workload.name)}, {data}]"
            digest = hashlib.sha256(content.encode()).hexdigest()
            checked[digest] = (workload, len(data))
        return checked

    def _evaluate(self, request: dict[str, Any], end: socket.socket) -> dict[str, Any]:
        """Outcome of one program on one workload, or why there is none."""
        workload = self.workload(request)
        channel = Channel(end)
        judging = self.judging
        try:
            channel.send(request["entry"])
            program = judging.Program()
            metrics = drive(self.judge.evaluate(program, workload), channel.exchange, judging)
        except judging.Invalid as error:
            return {"outcome": "invalid", "reason": _text(error)}
        except Refused as error:
            return {"outcome": "invalid", "reason": _text(error)}
        except Flooded as error:
            return {"outcome": "flooded", "reason": _text(error)}
        except CallTimedOut as error:
            return {"outcome": "timed_out", "reason": _text(error)}
        except HungUp:
            return {"outcome": "ended", "reason": ""}
        except judging.ProgramFailed as error:
            memory = error.kind == "MemoryError"
            return {"outcome": "memory" if memory else "failed", "reason": _text(error)}
        return {"outcome": "metrics", "metrics": metrics}


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    """Serves until the engine hangs up."""
    serve(channel, lambda: Server(paths))


class Serves(Protocol):
    """Answers the engine's requests."""

    def answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """What the engine is told; the descriptors that came along are closed afterwards."""
        ...


def serve(channel: socket.socket, make: Callable[[], Serves]) -> None:
    """Has a server, made once it is needed, answer until the engine hangs up."""
    server: Serves | None = None
    while True:
        request, descriptors = _next_request(channel)
        if request is None:
            return
        try:
            if server is None:
                server = make()
            data = json.dumps(server.answer(request, descriptors)).encode()
        except Exception as error:  # noqa: BLE001 - a judge that raises is reported, not restarted
            data = json.dumps({"outcome": "judge_failed", "reason": _judge_fault(error)}).encode()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        channel.sendall(len(data).to_bytes(4, "little") + data)


def _next_request(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(channel, 65536, _MAX_DESCRIPTORS)
    buffer = bytearray(data)
    while data and (len(buffer) < 4 or len(buffer) < int.from_bytes(buffer[:4], "little") + 4):
        data = channel.recv(1 << 20)
        buffer += data
    if not data:
        return None, descriptors
    return json.loads(buffer[4:]), descriptors


class _FromSource(importlib.machinery.SourceFileLoader):
    """Never takes what lies in __pycache__ for a module: no hash of the task covers that."""

    def path_stats(self, path: str) -> Any:
        raise OSError(f"{path} is always compiled")


def _finder_below(folder: str) -> Callable[[str], importlib.machinery.FileFinder]:
    """What finds modules in a folder and its packages, and leaves other places to others."""

    def find(path: str) -> importlib.machinery.FileFinder:
        if path != folder and not path.startswith(f"{folder}/"):
            raise ImportError(f"{path} is not below {folder}")
        return importlib.machinery.FileFinder(
            path,
            (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
            (_FromSource, importlib.machinery.SOURCE_SUFFIXES),
            (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
        )

    return find


def _load(name: str, path: str) -> Any:
    # Named as source: inside, a mount has the room's name and not the file's, suffix included.
    loader = _FromSource(name, path)
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _text(error: BaseException) -> str:
    return str(error).encode("utf-8", "backslashreplace").decode()[-_MAX_TEXT:]


def _judge_fault(error: BaseException) -> str:
    """What an author needs to find it: the last calls from the first that is the author's own."""
    if isinstance(error, UnusableSource):
        return str(error)  # for whoever handed it in, who need not know the judge
    judge = getattr(sys.modules.get("judge"), "__file__", None)
    folder = f"{os.path.dirname(judge)}/" if judge else "no judge"  # noqa: PTH120
    frames = traceback.extract_tb(error.__traceback__)
    while frames and not frames[0].filename.startswith(folder):
        del frames[0]
    lines = traceback.format_list(frames[-4:]) + traceback.format_exception_only(error)
    return "".join(lines).encode("utf-8", "backslashreplace").decode()[-_MAX_TEXT:]
