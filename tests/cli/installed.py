"""The installed ``oxide``, run in real folders as a user types it.

Ids, times and rates differ from run to run: they are replaced before texts are compared.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any


def executable() -> str:
    """The ``oxide`` beside this Python, or on the path."""
    beside = Path(sysconfig.get_path("scripts")) / "oxide"
    found = str(beside) if beside.exists() else shutil.which("oxide")
    assert found, "oxide is not installed: pip install -e ."
    return found


class Said:
    """How a command ended and what it printed."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """Standard output with ids, times and rates replaced."""
        return filtered(self.out)

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The failure as JSON."""
        return json.loads(self.err)["error"]


def filtered(text: str) -> str:
    """Text without what differs from run to run."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<full-id>", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", "<time>", text)
    return re.sub(r", [\d.]+ [kMGTP]?B/s", ", <rate>", text)


class Place:
    """A folder to run ``oxide`` in."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        self.environment = environment

    def __call__(self, *arguments: str | bytes, code: int = 0, folder: str = ".", **variables: str) -> Said:
        """Run a command, which must end with ``code``."""
        ended = subprocess.run(
            [executable(), *arguments],
            cwd=self.root / folder,
            env={**self.environment, **variables},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=600,
        )
        said = Said(ended.returncode, ended.stdout, ended.stderr)
        assert said.code == code, f"oxide {arguments} ended with {said.code}\n{said.out}\n{said.err}"
        return said

    def write(self, path: str, content: str | bytes) -> Path:
        """A file with its folders."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def read(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text()

    def files(self) -> dict[str, bytes]:
        """Every file of the working copy."""
        return {
            file.relative_to(self.root).as_posix(): file.read_bytes()
            for file in sorted(self.root.rglob("*"))
            if file.is_file() and ".oxide" not in file.relative_to(self.root).parts
        }

    def commit(self, message: str) -> str:
        """Add everything and commit. Returns the id."""
        self("add", ".")
        return str(self("commit", "-m", message, "--json").json["id"])


def diverge(place: Place) -> None:
    """Branches ``main`` and ``experiment`` that both changed ``notes.txt``; each also added a file."""
    place("checkout", "-b", "experiment")
    place.write("notes.txt", "theirs")
    place.write("theirs.txt", "new")
    place.commit("Theirs")
    place("checkout", "main")
    place.write("notes.txt", "ours")
    place.write("ours.txt", "new")
    place.commit("Ours")
