"""`adrs stop`: ask a run to end."""

from __future__ import annotations

from adrs.cli._options import Json, RunName, StoreUrl

WAIT_S = 20.0
POLL_S = 0.1


def stop(run: RunName = None, store: StoreUrl = None, as_json: Json = False) -> None:
    """Ask a run to end; it can go on later."""
    import time

    from adrs.cli._looking import opened, resume_command, run_named, standing
    from adrs.cli._screen import Screen

    screen = Screen(as_json)
    with opened(store) as record:
        info = run_named(record, run)
        was_live = info.live
        if was_live:
            record.request_stop(info.name)
        deadline = time.monotonic() + WAIT_S
        while info.live and time.monotonic() < deadline:
            time.sleep(POLL_S)
            info = record.run(info.name)
    if as_json:
        screen.json({"run": info.name, "was_live": was_live, "live": info.live})
    elif not was_live:
        screen.line(f"{info.name} has no engine at work; it is {standing(info)}")
    elif info.live:
        screen.line(f"{info.name} was asked to stop; its engine is still closing")
    else:
        screen.line(
            f"{info.name} stopped after {max(0, info.told - 1)} trials; go on with: ",
            (resume_command(info.name, store), "cyan"),
        )
