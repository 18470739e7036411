"""Which programs are the same in all but spelling."""

from __future__ import annotations

import hashlib
import marshal
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any

from adrs.model.program import Program


def normal_form(program: Program) -> str:
    """A digest that ignores comments, formatting and line numbers of Python files.

    Two Python files have the same normal form if they compile to the same code: a comparison in
    machine speed that also sees through folded constants. Files in other languages, and Python
    that does not compile, count by content.
    """
    parts = hashlib.sha256()
    for path, data in program.files.items():
        parts.update(path.encode() + b"\0")
        code = _compiled(data) if path.endswith(".py") else None
        if code is None:
            parts.update(data + b"\0")
        else:
            _add_code(code, parts.update)
    return parts.hexdigest()


def _compiled(data: bytes) -> CodeType | None:
    # Compiled, never run here; what does not compile may still be a program in an older Python.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a program has no say on the user's terminal
            return compile(data, "", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _add_code(code: CodeType, add: Callable[[bytes], None]) -> None:
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add_code(constant, add)
        else:
            constants.append(constant)
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    flags = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    add(code.co_code + getattr(code, "co_exceptiontable", b""))
    # Version 2 of the format writes no references, so equal values give equal bytes.
    add(marshal.dumps((_plain(tuple(constants)), names, flags), 2))


def _plain(constant: Any) -> Any:
    """What marshal writes the same way every time: frozen sets have no stable order."""
    if isinstance(constant, frozenset):
        return ("frozenset", sorted(map(repr, constant)))
    if isinstance(constant, tuple):
        return tuple(_plain(item) for item in constant)
    if constant is Ellipsis:
        return "..."
    return constant
