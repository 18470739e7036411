"""The planner with a scripted server that misbehaves: no crash, nothing paid twice, no key kept."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import adrs
from adrs import AnswerStatus
from adrs.testing.model_server import ScriptedServer

SPOT = Path(__file__).parents[2] / "tasks" / "spot_single"
# Measured in milliseconds; most lines of its program can be changed.
QUICK = Path(__file__).parents[1] / "benchmarks" / "weights"
CANARY = "sk-canary-4f1d9a7c2b"
# Three calls in ten go wrong, in every way there is.
FAULTS = {
    "garbage": 0.03,
    "not_utf8": 0.03,
    "empty": 0.03,
    "rate_limit": 0.05,
    "error": 0.05,
    "cut": 0.03,
    "hang": 0.01,
    "drop": 0.03,
    "malformed": 0.03,
    "refusal": 0.01,
}
# Those with a whole response whose words a model may have been paid for.
SPOKEN = {
    AnswerStatus.ANSWERED,
    AnswerStatus.CUT,
    AnswerStatus.EMPTY,
    AnswerStatus.REFUSED,
    AnswerStatus.MALFORMED,
}


def command(store: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "adrs", *arguments, "--store", str(store), "--json"]


def environment() -> dict[str, str]:
    return {**os.environ, "OPENAI_API_KEY": CANARY}


def run(store: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        command(store, *arguments), env=environment(), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == code, (done.stdout[-2000:], done.stderr[-4000:])
    assert CANARY not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def search(server: ScriptedServer, trials: int, *more: str, task: Path = QUICK) -> list[str]:
    return [
        *("run", str(task), "--proposer", "planner", "--model", "scripted"),
        *("--base-url", server.base_url, "--trials", str(trials), *more),
    ]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(log=tmp_path / "log") as served:
        yield served


@pytest.fixture
def bad_server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(faults=FAULTS, log=tmp_path / "log") as served:
        yield served


def check_nothing_was_paid_twice(store: Path, name: str, log: Path) -> Counter[str]:
    """By the server's own count; how the calls ended."""
    answered = Counter(
        line.split()[1] for line in log.read_text().splitlines() if line.startswith("answered")
    )
    with closing(adrs.open_store(store)) as record:
        calls = record.calls(name)
    spoken = Counter(call.prompt for call in calls if call.status in SPOKEN)
    lost = Counter(call.prompt for call in calls if call.status is AnswerStatus.LOST)
    for digest, count in answered.items():
        assert count <= spoken[digest] + lost[digest], digest
    final = Counter((call.ordinal, call.step, call.prompt) for call in calls if call.status.final)
    assert max(final.values()) == 1
    return Counter(str(call.status) for call in calls)


def test_a_server_that_misbehaves_is_borne(bad_server: ScriptedServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    summary = run(store, *search(bad_server, 25, "--call-timeout", "2"))
    assert summary["status"] == "finished"
    assert summary["trials"] == 25
    assert summary["best"] is not None
    ended = check_nothing_was_paid_twice(store, summary["run"], tmp_path / "log")
    assert summary["models"]["calls"] == dict(ended)
    assert ended["ANSWERED"] > 25
    assert len(ended) > 4
    assert summary["tokens"] > 1000


def test_what_was_asked_answered_and_paid_can_be_looked_at(
    server: ScriptedServer, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    prices = tmp_path / "prices.toml"
    prices.write_text('name = "ours"\n[model."scripted"]\ninput = 20\noutput = 20\n')
    limited = ["--prices", str(prices), "--max-usd", "2", "--ideas", "2"]
    summary = run(store, *search(server, 60, *limited))
    assert summary["status"] == "budget"
    assert "$2 for models are spent" in summary["reason"]
    assert 1 < summary["usd"] <= 2
    assert summary["held_out"] is not None or summary["best"]["trial"] == 0
    shown = run(store, "show", f"{summary['run']}/1", "--calls")
    plan, write = shown["calls"][:2]
    assert (plan["step"], write["step"]) == ("plan", "write-1")
    assert "ideas wanted: 2" in plan["messages"][1]["content"]
    assert plan["parameters"]["price"][:2] == [20.0, 20.0]
    assert plan["parameters"]["template"].startswith("plan@")
    assert "SEARCH" in write["answer"]["text"]
    assert shown["lineage"]["idea"]["metric"] == "loss"
    assert shown["lineage"]["author"] == "scripted"
    status = run(store, "status")
    assert status["last_round"]["operator"] in ("refine", "explore", "combine")
    assert "planner 100 %" in status["last_round"]["reason"]
    assert status["models"]["usd_of_best"] <= status["usd"]
    notes = subprocess.run(
        [sys.executable, "-m", "adrs", "note", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "predicted loss" in notes
    more = run(store, "run", "--resume", summary["run"], "--max-usd", "2.5")
    assert summary["usd"] < more["usd"] <= 2.5


def test_a_record_answers_with_the_network_cut(server: ScriptedServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    one = ["--workers", "1", "--calls-in-flight", "1"]
    first = run(store, *search(server, 12, *one))
    asked = len(server.calls)
    again = run(store, "run", str(QUICK), "--model", f"record:{first['run']}")
    assert len(server.calls) == asked
    assert (again["usd"], again["tokens"]) == (0, 0)
    assert again["models"]["replayed"] == len(server.calls)
    with closing(adrs.open_store(store)) as record:
        names = (first["run"], again["run"])
        trials = [
            [(t.program.id, t.lineage, t.score) for t in record.trials(name)] for name in names
        ]
        refused = [record.rejections(name) for name in names]
    assert trials[0] == trials[1]
    assert refused[0] == refused[1]
    missing = run(
        store, "run", str(QUICK), "--model", f"record:{first['run']}", "--seed", "7", code=3
    )
    assert f"is not in the record of {first['run']}" in missing["error"]


def test_the_key_is_nowhere(tmp_path: Path) -> None:
    """Not in the store, not in an answer that holds it, not in what is printed, not in a child."""
    store = tmp_path / "store"

    def echo(request: Any) -> str:
        return f"Your key is {CANARY}; policy.py\n" + json.dumps(request)[:200]

    with ScriptedServer(answer=echo, key=CANARY) as served:
        summary = run(store, *search(served, 2), code=3)
        assert served.calls[0].authorized
    assert summary["status"] == "unavailable"
    assert "gave no program that could be measured" in summary["error"]
    assert summary["trials"] == 0 < summary["rejections"]
    for path in [*store.rglob("*")]:
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path
    with closing(adrs.open_store(store)) as record:
        for call in record.calls(summary["run"]):
            assert CANARY.encode() not in record.prompt(call.prompt)
            assert call.answer is not None
            assert CANARY not in call.answer.text
            assert "[key removed]" in call.answer.text
    with ScriptedServer(key="another") as served:
        refused = run(store, *search(served, 2), code=3)
    assert "declines" in refused["error"]
    assert CANARY[-4:] not in refused["error"]


@pytest.mark.slow
def test_a_server_that_is_not_there_ends_it_with_the_way_to_go_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with ScriptedServer() as served:
        gone = search(served, 5, "--ideas", "1")
    summary = run(store, *gone, code=3)
    assert summary["status"] == "unavailable"
    assert summary["trials"] == 0
    assert "did not answer" in summary["error"]
    with ScriptedServer(port=int(served.base_url.split(":")[2].split("/")[0])):
        assert run(store, "run", "--resume", summary["run"])["status"] == "finished"


@pytest.mark.slow
def test_kills_at_random_moments_pay_nothing_twice(
    bad_server: ScriptedServer, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    seed = random.SystemRandom().randrange(10**6)
    luck = random.Random(seed)
    arguments = search(bad_server, 200, "--call-timeout", "2", task=SPOT)
    name, kills = "", 0
    while True:
        again = ["run", "--resume", name] if name else arguments
        engine = subprocess.Popen(
            command(store, *again), env=environment(), stdout=subprocess.PIPE, text=True
        )
        limit = luck.uniform(2.0, 7.0) if kills < 10 else 600
        try:
            out, _ = engine.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            engine.send_signal(signal.SIGKILL)
            engine.communicate()
            kills += 1
            time.sleep(0.1)
            with closing(adrs.open_store(store)) as record:
                name = record.runs()[0].name if record.runs() else ""
            continue
        assert engine.returncode == 0, (seed, out)
        break
    summary = json.loads(out.splitlines()[-1])
    assert (summary["status"], summary["trials"]) == ("finished", 200), seed
    ended = check_nothing_was_paid_twice(store, summary["run"], tmp_path / "log")
    print(f"seed {seed}, {kills} kills, {dict(ended)}, best {summary['best']['objective']}")
    assert ended["LOST"] <= 8 * kills, seed
