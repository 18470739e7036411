"""Calls of models: begun before they cost, ended before their answer is used."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from adrs.model.call import Answer, AnswerStatus, RecordedCall, Spending
from adrs.model.facts import Called, Calling
from adrs.store import codec
from adrs.store.blobs import drop_unused_blobs, keep_blobs, load_blobs
from adrs.store.schema import BLOBS, MODEL_CALLS, storable

_BLOB = sa.select(BLOBS.c.key).where(BLOBS.c.digest == sa.bindparam("digest"))
_OF_RUN = MODEL_CALLS.c.run_key == sa.bindparam("run_key")
_CALLS = (
    sa.select(MODEL_CALLS, BLOBS.c.digest.label("prompt"))
    .join(BLOBS, BLOBS.c.key == MODEL_CALLS.c.prompt_key)
    .where(_OF_RUN)
    .order_by(MODEL_CALLS.c.number)
)
_ENDS = (
    "answered_at", "status", "answer_key", "content", "usd", "tokens_in", "tokens_out", "replayed",
)  # fmt: skip
_END = (
    MODEL_CALLS.update()
    .where(
        MODEL_CALLS.c.run_key == sa.bindparam("at_run"),
        MODEL_CALLS.c.number == sa.bindparam("at_number"),
        MODEL_CALLS.c.status.is_(None),
    )
    .values({name: sa.bindparam(name) for name in _ENDS})
    .returning(MODEL_CALLS.c.key)
)
_SPENT = sa.select(
    *(
        MODEL_CALLS.c[name]
        for name in (
            "model", "status", "usd", "reserved_usd", "reserved_tokens", "tokens_in",
            "tokens_out", "replayed",
        )
    )
).where(_OF_RUN)  # fmt: skip


def begin_call(connection: sa.Connection, run: int, fact: Calling, at: float) -> None:
    """Records a call that is about to be made."""
    row = {
        "run_key": run,
        "number": fact.number,
        "ordinal": fact.ordinal,
        "step": fact.prompt.step,
        "at": at,
        "model": fact.model,
        "parameters": codec.to_json(dict(fact.parameters)),
        "prompt_key": _keep(connection, fact.prompt.content),
        "reserved_usd": fact.reserved_usd,
        "reserved_tokens": fact.reserved_tokens,
    }
    connection.execute(MODEL_CALLS.insert(), row)


def end_call(connection: sa.Connection, run: int, fact: Called, at: float) -> bool:
    """Records how a call ended; False if it was never begun, or had ended before."""
    answer = fact.answer
    text = storable(answer.text).encode()
    row = {
        "at_run": run,
        "at_number": fact.number,
        "answered_at": at,
        "status": str(answer.status),
        "answer_key": _keep(connection, text) if text else None,
        "content": codec.record_to_json(replace(answer, text="")),
        "usd": fact.usd,
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "replayed": fact.replayed,
    }
    return connection.execute(_END, row).first() is not None


def _keep(connection: sa.Connection, content: bytes) -> int:
    digest = hashlib.sha256(content).hexdigest()
    keep_blobs(connection, {digest: content})
    return int(connection.scalars(_BLOB, {"digest": digest}).one())


def load_calls(connection: sa.Connection, run: int) -> Sequence[RecordedCall]:
    """Every call of a run, in order."""
    rows = connection.execute(_CALLS, {"run_key": run}).mappings().all()
    texts = load_blobs(connection, {row["answer_key"] for row in rows if row["answer_key"]})
    return [_call(row, texts) for row in rows]


def _call(row: codec.Row, texts: dict[int, bytes]) -> RecordedCall:
    answer = None
    if row["status"] is not None:
        text = texts[row["answer_key"]].decode() if row["answer_key"] else ""
        answer = replace(codec.record_from_json(Answer, row["content"]), text=text)
    return RecordedCall(
        number=row["number"],
        ordinal=row["ordinal"],
        step=row["step"],
        model=row["model"],
        prompt=row["prompt"],
        parameters=codec.from_json(row["parameters"]),
        answer=answer,
        usd=row["reserved_usd"] if row["usd"] is None else row["usd"],
        reserved_tokens=row["reserved_tokens"],
        replayed=bool(row["replayed"]),
    )


def load_spending(connection: sa.Connection, run: int) -> Spending:
    """What the calls of a run cost, from narrow columns alone."""
    calls: Counter[str] = Counter()
    by_model: Counter[str] = Counter()
    totals: dict[str, Any] = dict.fromkeys(
        ("usd", "doubtful_usd", "tokens_in", "tokens_out", "doubtful_tokens", "replayed"), 0
    )
    for row in connection.execute(_SPENT, {"run_key": run}).mappings():
        status = AnswerStatus(row["status"] or AnswerStatus.LOST)
        calls[status.value] += 1
        if row["replayed"]:
            totals["replayed"] += 1
            continue
        usd = row["reserved_usd"] if row["usd"] is None else row["usd"]
        totals["usd"] += usd
        by_model[row["model"]] += usd
        if row["tokens_in"] is not None and row["tokens_out"] is not None:
            totals["tokens_in"] += row["tokens_in"]
            totals["tokens_out"] += row["tokens_out"]
        elif not status.free:
            totals["doubtful_tokens"] += row["reserved_tokens"]
        if status.doubtful:
            totals["doubtful_usd"] += usd
    return Spending(**totals, calls=dict(calls), by_model=dict(by_model))


def drop_calls(connection: sa.Connection, run: int) -> None:
    """Removes a run's calls, and the bytes that only they had."""
    columns = (MODEL_CALLS.c.prompt_key, MODEL_CALLS.c.answer_key)
    rows = connection.execute(sa.select(*columns).where(_OF_RUN), {"run_key": run}).all()
    connection.execute(MODEL_CALLS.delete().where(MODEL_CALLS.c.run_key == run))
    drop_unused_blobs(connection, {key for row in rows for key in row if key is not None})
