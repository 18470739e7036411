"""The order in which a run asked and told, as far as clock and keys know it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import sqlalchemy as sa

from adrs.model.moment import Moment, MomentKind
from adrs.store.schema import REJECTIONS, ROUNDS, TRIALS

_RUN: sa.BindParameter[int] = sa.bindparam("run_key")
_ASKED = (
    sa.select(TRIALS.c.asked_at, TRIALS.c.ordinal, TRIALS.c.number)
    .where(TRIALS.c.run_key == _RUN)
    .order_by(TRIALS.c.key)
)
_REFUSED, _BEGUN = (
    sa.select(rows.c.at, rows.c.ordinal).where(rows.c.run_key == _RUN).order_by(rows.c.key)
    for rows in (REJECTIONS, ROUNDS)
)
_TOLD = (
    sa.select(TRIALS.c.told_at, TRIALS.c.ordinal, TRIALS.c.number)
    .where(TRIALS.c.run_key == _RUN, TRIALS.c.told_order.is_not(None))
    .order_by(TRIALS.c.told_order)
)


def load_moments(connection: sa.Connection, run: int) -> Sequence[Moment]:
    """Each kind in its own exact order; the kinds are merged by their times.

    What is answered is recorded before what is begun, where both are recorded together.
    """
    kinds = (
        (MomentKind.TOLD, _TOLD),
        (MomentKind.ASKED, _ASKED),
        (MomentKind.REFUSED, _REFUSED),
        (MomentKind.BEGUN, _BEGUN),
    )
    found = [
        [Moment(kind, *row) for row in connection.execute(query, {"run_key": run})]
        for kind, query in kinds
    ]
    return list(heapq.merge(*found, key=lambda moment: moment.at))
