"""The commands of the README, word by word, in a folder as it describes one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support import command_environment, oxide_command, picture, write


def blocks(root: Path, language: str) -> list[str]:
    """The code blocks of a language in the README."""
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(command: list[str], folder: Path, home: Path) -> str:
    """Run to success and return what was printed."""
    path = f"{Path(oxide_command()[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = command_environment(home, {"PATH": path})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_ten_minutes_run_as_written(root: Path, tmp_path: Path) -> None:
    home, dataset = tmp_path / "home", tmp_path / "my-dataset"
    write(home, "frames/0001.png", picture(1))
    write(dataset, "clips/0001.mp4", b"a clip")
    write(dataset, "labels.json", "{}")
    (session,) = [block for block in blocks(root, "sh") if "oxide init" in block]
    script = session.replace("cd my-dataset\n", "")
    assert script != session
    said = run(["bash", "-euo", "pipefail", "-c", script], dataset, home)
    assert "Nothing to commit, the working copy is clean" in said
    assert "everything is intact" in said
    assert (dataset / "frames" / "0001.png").exists()
    assert "kitten" in said and (dataset / "selection" / "frames" / "0001.png").exists()

    write(dataset, "labels.json", '{"0001": "cat"}')
    (example,) = blocks(root, "python")
    python = str(Path(oxide_command()[0]).with_name("python"))
    listed = run([python, "-c", example], dataset, home)
    assert [line.split(" ", 1)[1] for line in listed.splitlines()] == [
        "Corrected labels",
        "A selection",
        "A kitten, in fact",
        "Label the first frame",
        "First frame of each clip",
    ]
