"""The task is whole, its programs are what they claim to be, and it is installed under its name."""

import subprocess
import sys
from pathlib import Path

from adrs import installed_plugins, load_task

FOLDER = Path(__file__).parents[1] / "my-name"


def test_it_can_be_read():
    task = load_task(FOLDER)
    assert task.name == "my-name"
    assert task.objective.reference in task.references


def test_it_passes_the_check():
    command = [sys.executable, "-m", "adrs", "check", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_installed_under_its_name():
    mine = [one for one in installed_plugins("adrs.tasks", check=True) if one.name == "my-name"]
    assert [one.error for one in mine] == [""]
    assert load_task("my-name").digest == load_task(FOLDER).digest
