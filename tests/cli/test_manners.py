"""Pipes, terminals, interruption, what is imported, and completion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from installed import Place, executable

# -- manners -----------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_failure(place: Place) -> None:
    for number in range(3):
        place.write("notes.txt", f"{number}")
        place.commit(f"Commit {number}\n" + "long text\n" * 8000)
    process = subprocess.Popen(
        [executable(), "log"],
        cwd=place.root,
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_nothing_is_coloured_and_no_progress_shown_off_a_terminal(place: Place) -> None:
    place.write("notes.txt", "x")
    said = place("status")
    assert "\x1b" not in said.out + said.err
    assert place("add", ".").err == "next: oxide commit -m TEXT\n"


def on_terminal(place: Place, *arguments: str, **variables: str) -> str:
    """What a command prints on a terminal."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [executable(), *arguments],
        cwd=place.root,
        env={**place.environment, "TERM": "xterm", "PAGER": "cat", **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the terminal is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    process.wait(60)
    return said.decode()


def test_a_terminal_gets_colour_unless_told_otherwise(place: Place) -> None:
    place.write("notes.txt", "x")
    assert "\x1b[33mmodified:  notes.txt\x1b[0m" in on_terminal(place, "status")
    assert "\x1b" not in on_terminal(place, "status", NO_COLOR="1")
    assert "\x1b" not in on_terminal(place, "status", TERM="dumb")


def test_interruption_leaves_a_repository_that_goes_on(empty: Place) -> None:
    empty("init")
    for number in range(3000):
        empty.write(f"many/{number // 100}/{number}.bin", os.urandom(2000))
    process = subprocess.Popen(
        [executable(), "add", "."],
        cwd=empty.root,
        env=empty.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode in (0, 130, -signal.SIGINT)
    if process.returncode == 130:
        assert b"run the same command again to continue: oxide add ." in err
    empty("add", ".")
    empty("commit", "-m", "All")
    assert empty("du", "--json").json["files"] == 3000


# difflib is left out: click itself imports it when it meets a short option.
FORBIDDEN = ("json", "dataclasses", "rich", "duckdb", "pyarrow", "numpy", "pandas", "polars", "subprocess")


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["add", "."], ["commit", "-m", "x"], ["log"], ["diff"], ["checkout", "main"], ["branch"]],
    ids=lambda arguments: str(arguments[0]),
)
def test_everyday_verbs_import_click_and_the_core_alone(place: Place, arguments: list[str]) -> None:
    place.write("notes.txt", "changed")
    if arguments[0] == "commit":
        place("add", ".")
    program = (
        "import sys\n"
        "from oxide_cli.main import run\n"
        f"code = run({arguments!r})\n"
        f"sys.stderr.write('loaded:' + ' '.join(name for name in {FORBIDDEN!r} if name in sys.modules))\n"
        "sys.exit(code)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place.root,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.endswith("loaded:")


@pytest.fixture
def complete(place: Place) -> Callable[[str], list[str]]:
    """What the shell offers for a command line."""

    def offer(line: str) -> list[str]:
        words = line.split(" ")
        said = place(
            _OXIDE_COMPLETE="bash_complete",
            COMP_WORDS=line,
            COMP_CWORD=str(len(words) - 1),
        )
        return [entry.partition(",")[2] for entry in said.out.splitlines()]

    return offer


def test_completion(place: Place, complete: Callable[[str], list[str]]) -> None:
    place("branch", "experiment")
    place("tag", "v1.0")
    assert complete("oxide che") == ["check-ignore", "checkout", "cherry-pick"]
    assert complete("oxide checkout exp") == ["experiment"]
    assert complete("oxide show v") == ["v1.0"]
    assert complete("oxide switch ") == ["experiment", "main"]
    assert "--porcelain" in complete("oxide status --")
