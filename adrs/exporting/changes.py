"""What lies between two programs, in the form that git and patch read."""

from __future__ import annotations

import base64
import difflib
import hashlib
import io
import zlib
from collections.abc import Iterator

from adrs.model.program import Program

_NOWHERE = "/dev/null"
_ABSENT = "0" * 40
_LINE = 52  # bytes in a line of a binary patch


def changes(old: Program, new: Program) -> bytes:
    """A patch from one program to the other; empty if they are the same.

    Files with a zero byte become binary patches, which git reads and `patch` does not.
    """
    pieces = [
        _change(path, old.files.get(path), new.files.get(path))
        for path in sorted(old.files.keys() | new.files.keys())
        if old.files.get(path) != new.files.get(path)
    ]
    return b"".join(pieces)


def _change(path: str, old: bytes | None, new: bytes | None) -> bytes:
    source, target = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = [f"diff --git {source} {target}"]
    head += ["new file mode 100644"] if old is None else []
    head += ["deleted file mode 100644"] if new is None else []
    head.append(f"index {_blob(old)}..{_blob(new)}")
    before, after = old or b"", new or b""
    if b"\0" in before or b"\0" in after:
        body = b"GIT binary patch\n" + _literal(after) + _literal(before)
    elif before == after:
        body = b""  # an empty file came or went
    else:
        names = (
            _NOWHERE if old is None else _ended(source),
            _NOWHERE if new is None else _ended(target),
        )
        lines = difflib.unified_diff(_lines(before), _lines(after), *names, lineterm="\n")
        body = "".join(_whole(lines)).encode("utf-8", "surrogateescape")
    return "\n".join([*head, ""]).encode() + body


def _quoted(path: str) -> str:
    """As git writes names; of what it would quote, a program's paths can hold only this."""
    return '"' + path.replace('"', '\\"') + '"' if '"' in path else path


def _ended(path: str) -> str:
    """A name with blanks ends with a tab, so that its end is seen."""
    return path + "\t" if " " in path else path


def _blob(content: bytes | None) -> str:
    """The name that git gives to a file's content."""
    if content is None:
        return _ABSENT
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lines(content: bytes) -> list[str]:
    """Lines as patches count them; bytes that are not UTF-8 survive as lone surrogates."""
    return io.StringIO(content.decode("utf-8", "surrogateescape"), newline="\n").readlines()


def _whole(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _literal(content: bytes) -> bytes:
    """A file's whole content, deflated, in lines that begin with their length as a letter."""
    packed = zlib.compress(content)
    lines = [b"literal %d" % len(content)]
    for at in range(0, len(packed), _LINE):
        piece = packed[at : at + _LINE]
        size = len(piece)
        letter = chr(ord("A") + size - 1) if size <= 26 else chr(ord("a") + size - 27)
        lines.append(letter.encode() + base64.b85encode(piece, pad=True))
    return b"\n".join([*lines, b"", b""])
