"""Runs inside the candidate's sandbox: loads its library and calls the function when told to.

Nothing here is trusted once the library is loaded. The judge sends a plan (a 4-byte little-endian
length and JSON), then one byte with a descriptor of each batch's output memory. The answer is one
byte when all is ready, or a text that tells what is wrong. Then, for each batch, comes one byte
with the descriptor of its inputs, and goes one byte when the last call has returned.
"""

from __future__ import annotations

import ctypes
import gc
import json
import socket
from typing import Any

_READ, _WRITE = 1, 2
_SHARED, _PRIVATE, _FIXED, _ANONYMOUS, _POPULATE = 0x01, 0x02, 0x10, 0x20, 0x8000
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [
    *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long),
]
_SCALARS: dict[str, Any] = {"int": ctypes.c_int64, "float": ctypes.c_double}


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    size = int.from_bytes(channel.recv(4, socket.MSG_WAITALL), "little")
    plan = json.loads(channel.recv(size, socket.MSG_WAITALL))
    _, outputs, _, _ = socket.recv_fds(channel, 1, len(plan["batches"]))
    try:
        function: Any = ctypes.CDLL(f"./{plan['library']}")[plan["function"]]
    except (OSError, AttributeError) as error:
        channel.sendall(str(error).encode("utf-8", "replace"))
        return
    function.restype = None
    batches = [
        _Batch(plan, calls, output) for calls, output in zip(plan["batches"], outputs, strict=True)
    ]
    gc.collect()
    gc.disable()
    channel.sendall(b"r")
    for batch in batches:
        _, [inputs], _, _ = socket.recv_fds(channel, 1, 1)
        _map(batch.inputs, batch.size, _READ, inputs)
        for arguments in batch.calls:
            function(*arguments)
        channel.sendall(b"d")
    channel.recv(1)  # until the judge has seen enough: ending by oneself would be a crash


class _Batch:
    """Calls whose arguments point to where the inputs will be: then only the map is left to do.

    Attributes:
        inputs: address of memory that is reserved for them.
        size: its bytes.
    """

    def __init__(self, plan: dict[str, Any], calls: int, output: int) -> None:
        input_bytes, output_bytes = plan["input_bytes"], plan["output_bytes"]
        self.size = calls * input_bytes
        self.inputs = _map(None, self.size, 0)
        outputs = _map(None, calls * output_bytes, _READ | _WRITE, output)
        self.calls = [
            (
                *(
                    _argument(kind, self.inputs + call * input_bytes + offset)
                    for kind, offset in plan["inputs"]
                ),
                *(
                    ctypes.c_void_p(outputs + call * output_bytes + offset)
                    for offset in plan["outputs"]
                ),
            )
            for call in range(calls)
        ]


def _argument(kind: str, address: int) -> Any:
    """A pointer, or a scalar that is read from its address when the function is called."""
    if kind == "array":
        return ctypes.c_void_p(address)
    return _SCALARS[kind].from_address(address)


def _map(address: int | None, size: int, access: int, descriptor: int = -1) -> int:
    """Maps shared memory with all of its pages; without a descriptor, only reserves addresses."""
    if descriptor < 0:
        flags = _PRIVATE | _ANONYMOUS
    else:
        flags = _SHARED | _POPULATE | (_FIXED if address else 0)
    found = _LIBC.mmap(address, size, access, flags, descriptor, 0)
    if found in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"{size} bytes cannot be mapped (error {ctypes.get_errno()})")
    return int(found)
