"""Files that are large beside the memory: every command reads them in passing, and can be stopped on the way."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from support import clip, command_environment, oxide_command

MEBI = 1 << 20
FILE = 200 * MEBI
MEMORY = 130 * MEBI
"""Peak of one process: the interpreter, the buffers of a few blocks, and mapped packs up to their limit."""

SPAWN = """
import json, os, subprocess, sys
with open(os.devnull, "wb") as nothing:
    child = subprocess.Popen(sys.argv[1:], stdout=nothing, stderr=nothing)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
counts = {}
if os.path.exists("/proc/self/io"):
    with open(f"/proc/{child.pid}/io") as file:
        counts = {name: int(value) for name, value in (line.split(":") for line in file)}
_, status, usage = os.wait4(child.pid, 0)
memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, "memory": memory, "read": counts.get("rchar"), "written": counts.get("wchar")}))
"""


class Cost(NamedTuple):
    """What a command took, in bytes; what was read and written is unknown but on Linux."""

    memory: int
    read: int | None
    written: int | None


class Place:
    """A folder in which commands are measured."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "work"
        self.root.mkdir()
        self.control = self.root / ".oxide"
        self.environment = command_environment(folder)

    def __call__(self, *arguments: str) -> Cost:
        """Run a command that must succeed."""
        # Peak memory counts from before the program is loaded, so a small process starts it, not this one.
        done = subprocess.run(
            [sys.executable, "-S", "-c", SPAWN, *oxide_command(), *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        told = json.loads(done.stdout)
        assert told["code"] == 0, arguments
        return Cost(told["memory"], told["read"], told["written"])

    def settle(self) -> None:
        """Files written within the clock's tick before they are read are read once more."""
        time.sleep(0.05)

    def stored(self) -> list[str]:
        """Every file of the store, and what a session leaves behind if it leaves anything."""
        folders = ("tmp", "packs", "objects", "leases", "operations")
        files = (path for folder in folders for path in (self.control / folder).rglob("*"))
        return sorted(str(path.relative_to(self.control)) for path in files)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place("init")
    return place


def about(count: int | None, expected: int) -> bool:
    """Whether that many bytes passed, beside the interpreter's own files; true where they are not counted."""
    return count is None or expected <= count < expected + expected // 20 + 8 * MEBI


def test_a_large_file_is_read_once_and_never_held_in_memory(place: Place) -> None:
    path = place.root / "scan.raw"
    source = random.Random(1)
    with path.open("wb") as file:
        for _ in range(FILE // MEBI):
            file.write(source.randbytes(MEBI))
    kept = place.root.parent / "kept.raw"
    shutil.copyfile(path, kept)
    place.settle()
    added = place("add", ".")
    assert about(added.read, FILE), added
    assert about(added.written, FILE), added
    place("commit", "-m", "One scan")
    path.unlink()
    costs = {"add": added, "restore": place("restore", ".")}
    assert subprocess.run(["cmp", path, kept]).returncode == 0
    costs["fsck"] = place("fsck", "--data")
    costs["cat"] = place("cat", "HEAD:scan.raw")
    with path.open("r+b") as file:
        file.seek(FILE // 2)
        file.write(b"another reading")
    place.settle()
    edited = costs["add an edit"] = place("add", ".")
    assert about(edited.read, FILE), edited
    assert edited.written is None or edited.written < 4 * MEBI, edited
    costs["switch"] = place("restore", "--source", "HEAD", ".")
    assert {name: cost.memory for name, cost in costs.items() if cost.memory > MEMORY} == {}


def test_a_video_is_read_once_and_written_once(place: Place) -> None:
    content = clip("large", 60 * MEBI)
    path = place.root / "drive.mp4"
    path.write_bytes(content)
    place.settle()
    added = place("add", ".")
    assert about(added.read, len(content)), added
    # Where blocks can be shared nothing is written at all.
    assert added.written is None or added.written < len(content) + 4 * MEBI, added
    assert added.memory < MEMORY // 2
    place("commit", "-m", "One drive")
    path.unlink()
    restored = place("restore", ".")
    assert restored.memory < MEMORY // 2
    assert path.read_bytes() == content


def test_an_add_that_is_stopped_within_a_file_leaves_nothing(place: Place) -> None:
    path = place.root / "endless.raw"
    with path.open("wb") as file:
        file.truncate(64 << 30)
    before = place.stored()
    process = subprocess.Popen(
        [*oxide_command(), "add", "."],
        cwd=place.root,
        env={**place.environment, "OXIDE_PROGRESS": "json"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    steps = (json.loads(line) for line in process.stderr if line.startswith("{"))
    step = next(step for step in steps if step["bytes"])
    assert step["phase"] == "adding"
    assert 0 < step["bytes"] < step["bytes_total"] == 64 << 30
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    assert process.wait() == 130
    assert place.stored() == before
    with path.open("wb") as file:
        file.truncate(3 * MEBI)
    place.settle()
    place("add", ".")
    place("commit", "-m", "A shorter one")
    place("fsck", "--data")
