"""The plain forms that are read without click do, say and refuse the same as the ones that click reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from oxide_cli.start import plain_form

Run = Callable[..., subprocess.CompletedProcess[str]]

PLAIN = [["status"], ["add", "new.txt"], ["add", "."], ["commit", "-m", "text"], ["commit", "-am", "text"]]
BY_CLICK = [
    [],
    ["--help"],
    ["status", "--json"],
    ["status", "extra"],
    ["add"],
    ["add", "--", "-odd"],
    ["add", "--reference", "a"],
    ["commit"],
    ["commit", "-m"],
    ["commit", "-m", " "],
    ["commit", "-m", "-a"],
    ["commit", "-m", "text", "--amend"],
    ["log"],
]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_plain_forms_are_recognised(arguments: list[str]) -> None:
    assert plain_form(arguments) is not None


@pytest.mark.parametrize("arguments", BY_CLICK, ids=" ".join)
def test_everything_else_is_left_to_click(arguments: list[str]) -> None:
    assert plain_form(arguments) is None


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the executable in a folder beside others."""

    def run(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OXIDE_USER_NAME": "Ada", "OXIDE_USER_EMAIL": "ada@example.org"}
        script = str(Path(sys.executable).parent / "oxide")
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        return subprocess.run(
            [script, *arguments], cwd=place, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_both_ways_say_the_same(run: Run, tmp_path: Path) -> None:
    """Ids, and rates of reading, are each run's own: they are left out of the comparison."""
    said: dict[str, list[tuple[int, str, str]]] = {"plain": [], "click": []}
    for folder, prefix in (("plain", []), ("click", ["-C", "."])):
        run(folder, *prefix, "init")
        (tmp_path / folder / "a.txt").write_text("a")
        (tmp_path / folder / "empty").mkdir()
        for arguments in (
            ["status"],
            ["add", "missing"],
            ["add", ".."],
            ["add", "a.txt"],
            ["status"],
            ["add", "."],
            ["commit", "-m", "first\n\nand more"],
            ["commit", "-m", "nothing"],
            ["status"],
            ["commit", "-am", "nothing"],
        ):
            done = run(folder, *prefix, *arguments)
            out = "\n".join(line for line in done.stdout.replace(folder, "FOLDER").splitlines() if " -> " not in line)
            out = out.partition(" (")[0] if arguments[0] == "add" else out.partition(" ")[0]
            said[folder].append((done.returncode, out, done.stderr.replace(folder, "FOLDER")))
    assert said["plain"] == said["click"]
    assert {code for code, _, _ in said["plain"]} > {0}


@pytest.mark.parametrize("arguments", [["status"], ["add", "a.txt"], ["commit", "-m", "first"]], ids=" ".join)
def test_plain_forms_load_no_click(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    run("place", "init")
    (tmp_path / "place" / "a.txt").write_text("a")
    if arguments[0] == "commit":
        run("place", "add", "a.txt")
    program = (
        "import sys\n"
        "from oxide_cli.start import plain_form, run\n"
        f"work = plain_form({arguments!r})\n"
        f"assert work is not None and run(work, {arguments!r}) == 0\n"
        "heavy = {'click', 'typing', 'pathlib', 'json', 'subprocess', 'oxide_cli.main'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    # -S: what the site packages of this environment import at start-up is not the command's.
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path / "place",
        env={**os.environ, "PYTHONPATH": paths, "OXIDE_USER_NAME": "Ada", "OXIDE_USER_EMAIL": "ada@example.org"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
