"""The tutorial, followed to the letter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A file's name above its content, or commands to type.
STEP = re.compile(
    r"^`(?P<file>[\w/.]+)`\n\n```\w+\n(?P<content>.*?)^```$"
    r"|^```console\n(?P<commands>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def follow(document: Path, folder: Path) -> list[str]:
    """Writes every file and types every command of a document, in its order."""
    typed = []
    place = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
    }
    for step in STEP.finditer(document.read_text()):
        if step["file"]:
            file = folder / step["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step["content"])
            continue
        for line in step["commands"].splitlines():
            command = line.removeprefix("$ ")
            done = subprocess.run(
                command, shell=True, cwd=folder, env=place, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            typed.append(command)
    return typed


def test_who_follows_the_tutorial_has_a_verified_winner(tmp_path: Path) -> None:
    typed = follow(ROOT / "docs/tutorial.md", tmp_path)
    assert {command.split()[1] for command in typed if command.startswith("adrs")} == {
        *("new", "check", "run", "status", "trials", "verify")
    }
    [certificate] = (tmp_path / ".adrs/winners").glob("*/certificate.json")
    assert json.loads(certificate.read_text())["finding"]["verdict"] == "WINNER"
