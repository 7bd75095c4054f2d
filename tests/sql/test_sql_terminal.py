"""``oxide sql`` on a terminal and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from support import Oxide, command_environment, oxide_command, with_pictures

LONG = "SELECT repeat('a', 50) AS first, path, repeat('b', 50) AS second, repeat('c', 50) AS third, 5 AS n FROM files"


@pytest.fixture
def oxide(tmp_path: Path) -> Oxide:
    names = ["a.png", "a folder of some length/a picture of some length.png"]
    return with_pictures(tmp_path / "pets", tmp_path / "home", names)


def on_terminal(oxide: Oxide, width: int, *arguments: str) -> list[str]:
    """The lines that a terminal of some width gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in command_environment(oxide.home).items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [*oxide_command(), *arguments],
        cwd=oxide.folder,
        env={**environment, "TERM": "xterm", "PAGER": "cat"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not some:
            break
        said += some
    os.close(ours)
    assert process.stderr is not None
    assert process.wait() == 0, process.stderr.read()
    process.stderr.close()
    return said.decode().splitlines()


@pytest.mark.parametrize("width", [40, 60, 100])
def test_rows_are_cut_to_the_width_of_a_terminal(oxide: Oxide, width: int) -> None:
    lines = on_terminal(oxide, width, "sql", LONG)
    assert max(map(len, lines)) == width
    assert all("…" in line and line.endswith("5") for line in lines[2:4]) and lines[-1] == "(2 rows)"


def test_rows_in_a_pipe_and_in_other_forms_are_whole(oxide: Oxide) -> None:
    assert all("…" not in line and "b" * 50 in line for line in oxide("sql", LONG).out.splitlines()[2:4])
    assert "c" * 50 in "".join(on_terminal(oxide, 40, "sql", LONG, "--csv"))
