"""The installed ``oxide`` over real folders: each verb as a user types it, with what it prints.

Ids, times and rates differ from run to run: they are replaced before texts are compared.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


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
            timeout=120,
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


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    """An empty folder, with settings of nobody."""
    root = tmp_path / "dataset"
    root.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OXIDE_", "_OXIDE"))}
    for name in ("NO_COLOR", "PAGER"):
        kept.pop(name, None)
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OXIDE_USER_NAME": "Ada",
        "OXIDE_USER_EMAIL": "ada@example.org",
        "LC_ALL": "C.UTF-8",
    }
    return Place(root, environment)


@pytest.fixture
def place(empty: Place) -> Place:
    """A repository with one commit of four files."""
    empty("init")
    empty.write("images/cat.jpg", "cat")
    empty.write("images/dog.jpg", "dog")
    empty.write("images/labels/labels.txt", "cat\ndog\n")
    empty.write("notes.txt", "notes")
    empty.commit("First version")
    return empty


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


# -- beginning ---------------------------------------------------------------------------------------------------------


def test_init_names_the_next_command(empty: Place) -> None:
    said = empty("init")
    assert said.out == f"Initialized an empty repository in {empty.root}\n"
    assert said.err == "next: oxide add .\n"
    assert (empty.root / ".oxide").is_dir()
    assert empty("status").text == (
        'On branch main -> no commit yet\n\nNothing to commit yet (use "oxide add PATH..." to start)\n'
    )


def test_init_of_a_named_folder(empty: Place) -> None:
    said = empty("init", "new folder")
    assert (empty.root / "new folder" / ".oxide").is_dir()
    assert "oxide add ." in said.err


def test_outside_of_a_repository(empty: Place) -> None:
    said = empty("status", code=3)
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "oxide init" in said.err
    assert empty("status", "--json", code=3).error["code"] == "not_a_repository"


def test_the_first_commit(empty: Place) -> None:
    empty("init")
    empty.write("images/cat.jpg", "cat")
    empty.write("notes.txt", "notes")
    said = empty("add", ".")
    assert said.text == "Staged 2 files: 2 added (8 B, <rate>)\n"
    assert said.err == "next: oxide commit -m TEXT\n"
    assert empty("status").text == (
        "On branch main -> no commit yet\n\n"
        "Changes to be committed:\n"
        '  (use "oxide commit -m TEXT" to record them, "oxide restore --staged PATH..." to unstage)\n'
        "  added:     images/cat.jpg\n"
        "  added:     notes.txt\n"
    )
    said = empty("commit", "-m", "First version")
    assert said.text == "[main <id>] First version\n"
    assert said.err == "next: oxide show\n"
    assert empty("status").text == "On branch main -> <id>\n\nNothing to commit, the working copy is clean\n"


# -- status and add ----------------------------------------------------------------------------------------------------


def test_status_names_files_and_folders(place: Place) -> None:
    place.write("images/labels/labels.txt", "other")
    (place.root / "notes.txt").unlink()
    for number in range(30):
        place.write(f"frames/{number}.png", "x")
    assert place("status").text == (
        "On branch main -> <id>\n\n"
        "Modified files:\n"
        '  (use "oxide add PATH..." to stage, "oxide restore PATH..." to discard)\n'
        "  modified:  images/labels/labels.txt\n\n"
        "Removed files:\n"
        '  (use "oxide rm PATH..." to stage, "oxide restore PATH..." to bring back)\n'
        "  removed:   notes.txt\n\n"
        "Untracked files:\n"
        '  (use "oxide add PATH..." to stage)\n'
        "  frames/ with untracked 30 files\n"
    )
    assert place("status", "--porcelain").out == " M images/labels/labels.txt\n D notes.txt\n?? frames/\n"
    status = place("status", "--json").json
    assert status["branch"] == "main"
    assert len(status["head"]) == 64
    assert status["modified"] == ["images/labels/labels.txt"]
    assert status["removed"] == ["notes.txt"]
    assert status["untracked"] == [{"path": "frames/", "files": 30}]
    assert status["staged"] == {"added": [], "modified": [], "removed": [], "renamed": [], "tables": {}}
    assert status["conflicts"] == []
    assert status["ahead"] == status["behind"] == 0


def test_long_listings_are_cut(place: Place) -> None:
    for number in range(50):
        place.write(f"new-{number:02}.png", "x")
    assert place("status").out.endswith("  new-19.png\n  … 30 more (use --all)\n")
    assert place("status", "--all").out.endswith("  new-49.png\n")


def test_paths_are_relative_to_the_current_folder_and_shown_from_the_root(place: Place) -> None:
    place.write("images/cat.jpg", "other cat")
    place("add", "cat.jpg", folder="images")
    assert place("status", "--json", folder="images").json["staged"]["modified"] == ["images/cat.jpg"]
    assert place("cat", "HEAD:cat.jpg", folder="images").out == "cat"
    assert place("-C", "images", "restore", "--staged", "cat.jpg").code == 0
    assert place("status", "--porcelain").out == " M images/cat.jpg\n"


def test_add_of_a_folder_stages_what_is_gone(place: Place) -> None:
    (place.root / "images/cat.jpg").unlink()
    place("add", "images")
    assert place("status", "--porcelain").out == "D  images/cat.jpg\n"


def test_add_of_a_path_that_does_not_exist(place: Place) -> None:
    said = place("add", "nothing-here", code=1)
    assert "nothing-here" in said.err


@pytest.mark.parametrize("outside", ["..", "/"])
def test_add_of_a_path_outside(place: Place, outside: str) -> None:
    assert "outside the repository" in place("add", outside, code=2).err


def test_add_by_reference(place: Place, tmp_path: Path) -> None:
    film = tmp_path / "archive" / "film.mp4"
    film.parent.mkdir()
    film.write_bytes(b"frames")
    said = place("add", "--reference", "../../archive/film.mp4", folder="images")
    assert said.text == "Staged 1 file: 1 added (6 B, <rate>)\n"
    assert os.readlink(place.root / "images/film.mp4") == str(film)
    place("commit", "-m", "film")
    listed = place("ls", "-r", "--json").json
    assert {row["path"]: row["type"] for row in listed}["images/film.mp4"] == "reference"
    assert place("cat", "HEAD:images/film.mp4").raw == b"frames"
    assert place("status", "--porcelain").out == ""
    film.write_bytes(b"changed")
    error = place("cat", "HEAD:images/film.mp4", code=7).err
    assert film.as_uri() in error
    assert "put it back" in error
    assert "s3://bucket/film.mp4" in place("add", "--reference", "s3://bucket/film.mp4", code=1).err


def test_odd_names(place: Place) -> None:
    names = [b"-dash.jpg", b"sp ace.jpg", b"line\nbreak.jpg", "Köln 猫.jpg".encode(), b"caf\xe9.jpg"]
    for name in names:
        with open(os.path.join(os.fsencode(place.root), name), "wb") as file:
            file.write(name)
    place("add", "--", *names)
    lines = place("status", "--porcelain").out.splitlines()
    assert sorted(lines) == sorted(
        ["A  -dash.jpg", "A  sp ace.jpg", 'A  "line\\nbreak.jpg"', "A  Köln 猫.jpg", 'A  "caf\\351.jpg"']
    )
    assert "line\nbreak.jpg" in place("status", "--json").json["staged"]["added"]
    place("commit", "-m", "Odd names")
    assert place("cat", b"HEAD:caf\xe9.jpg").raw == b"caf\xe9.jpg"
    for name in names:
        os.unlink(os.path.join(os.fsencode(place.root), name))
    place("restore", ".")
    assert {name for name in names if os.path.exists(os.path.join(os.fsencode(place.root), name))} == set(names)


def test_what_cannot_be_read_is_named_and_the_rest_is_added(place: Place) -> None:
    os.mkfifo(place.root / "pipe")
    place.write("good.txt", "good")
    said = place("add", ".", code=9)
    assert "1 added" in said.out
    assert "warning: skipped pipe: " in said.err
    assert place("status", "--porcelain").out.startswith("A  good.txt\n")


def test_empty_folders_and_names_that_collide_are_told(place: Place) -> None:
    (place.root / "hollow").mkdir()
    place.write("photo.jpg", "a")
    try:
        place.write("PHOTO.jpg", "b")
        collides = len({*os.listdir(place.root)} & {"photo.jpg", "PHOTO.jpg"}) == 2
    except OSError:
        collides = False
    said = place("add", ".")
    assert "hollow" in said.err
    assert not collides or ("photo.jpg" in said.err and "PHOTO.jpg" in said.err)


def test_ignored_files(place: Place) -> None:
    place.write(".oxideignore", "*.tmp\n")
    place.write("a.tmp", "x")
    assert place("status", "--porcelain").out == "?? .oxideignore\n"
    assert place("check-ignore", "a.tmp", "notes.txt").out == "a.tmp\n"
    assert place("check-ignore", "-v", "a.tmp").out == ".oxideignore:1:*.tmp\ta.tmp\n"
    assert place("check-ignore", "a.tmp", "--json").json[0]["pattern"] == "*.tmp"
    place("check-ignore", "notes.txt", code=1)


# -- rm, mv, restore ---------------------------------------------------------------------------------------------------


def test_rm(place: Place) -> None:
    assert place("rm", "--dry-run", "images").out == (
        "would remove images/cat.jpg\nwould remove images/dog.jpg\nwould remove images/labels/labels.txt\n"
    )
    assert (place.root / "images").exists()
    said = place("rm", "images/cat.jpg")
    assert said.out == "removed images/cat.jpg\n1 file removed\n"
    assert "undo with: oxide undo\n" in said.err
    assert not (place.root / "images/cat.jpg").exists()
    place("rm", "--cached", "notes.txt")
    assert place.read("notes.txt") == "notes"
    assert place("status", "--json").json["staged"]["removed"] == ["images/cat.jpg", "notes.txt"]


def test_rm_keeps_changes_that_are_stored_nowhere(place: Place) -> None:
    place.write("notes.txt", "precious")
    said = place("rm", "notes.txt", code=6)
    assert "notes.txt" in said.err
    assert place.read("notes.txt") == "precious"
    place("rm", "--force", "notes.txt")
    assert not (place.root / "notes.txt").exists()


def test_mv_is_a_rename(place: Place) -> None:
    before = {entry["path"]: entry["item_id"] for entry in place("ls", "-r", "--json").json}
    said = place("mv", "images/cat.jpg", "images/tiger.jpg")
    assert said.out == "renamed images/cat.jpg -> images/tiger.jpg\n"
    assert place("status", "--json").json["staged"]["renamed"] == [["images/cat.jpg", "images/tiger.jpg"]]
    assert place("diff", "--staged").out == "renamed images/cat.jpg -> images/tiger.jpg\n1 file renamed\n"
    place("commit", "-m", "Tiger")
    after = {entry["path"]: entry["item_id"] for entry in place("ls", "-r", "--json").json}
    assert after["images/tiger.jpg"] == before["images/cat.jpg"]


def test_an_edit_keeps_the_item(place: Place) -> None:
    before = {entry["path"]: entry["item_id"] for entry in place("ls", "-r", "--json").json}
    for content in ("second", "third"):
        place.write("notes.txt", content)
        assert place("add", ".", "--json").json["modified"] == ["notes.txt"]
        place("commit", "-m", content)
    assert {entry["path"]: entry["item_id"] for entry in place("ls", "-r", "--json").json} == before


def test_restore(place: Place) -> None:
    before = place.files()
    (place.root / "notes.txt").unlink()
    shutil.rmtree(place.root / "images" / "labels")
    assert place("restore", "--dry-run", ".").out == (
        "would restore images/labels/labels.txt\nwould restore notes.txt\n"
    )
    place("restore", ".")
    assert place.files() == before
    place.write("notes.txt", "precious")
    assert "notes.txt" in place("restore", "notes.txt", code=6).err
    assert place.read("notes.txt") == "precious"
    place("restore", "--force", "notes.txt")
    assert place.files() == before


def test_restore_from_another_revision_and_unstage(place: Place) -> None:
    place.write("notes.txt", "second")
    place.commit("Second")
    place("restore", "--source", "HEAD~1", "notes.txt")
    assert place.read("notes.txt") == "notes"
    place("restore", "--force", "--source", "HEAD", "notes.txt")
    place.write("notes.txt", "third")
    place("add", ".")
    place("restore", "--staged", "notes.txt")
    assert place("status", "--porcelain").out == " M notes.txt\n"
    assert place.read("notes.txt") == "third"


# -- commit, log, show, diff, blame ------------------------------------------------------------------------------------


def test_commit_needs_a_message_and_something_to_commit(place: Place) -> None:
    assert "oxide commit -m" in place("commit", code=2).err
    said = place("commit", "-m", "Nothing", code=1)
    assert said.err.startswith("error: ")
    assert "hint: " in said.err
    place("commit", "--allow-empty", "-m", "Nothing")


def test_commit_of_everything_by_another_author_then_amended(place: Place) -> None:
    place.write("notes.txt", "second")
    place.write("untracked.txt", "x")
    place("commit", "-a", "-m", "Second", "--author", "Grace <grace@example.org>")
    entry = place("log", "-n", "1", "--json").json[0]
    assert entry["author"] == {"name": "Grace", "email": "grace@example.org"}
    assert place("status", "--porcelain").out == "?? untracked.txt\n"
    place("add", ".")
    place("commit", "--amend")
    amended = place("log", "--json").json
    assert [entry["message"].strip() for entry in amended] == ["Second", "First version"]
    assert place("cat", "HEAD:untracked.txt").out == "x"
    assert len(place("-q", "commit", "--amend", "-m", "Renamed").out.strip()) == 64


def test_log(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.commit("Second cat\n\nA better one.")
    assert place("log").text == (
        "commit <id> (main)\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    Second cat\n\n    A better one.\n\n"
        "commit <id>\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    First version\n\n"
    )
    assert place("log", "--oneline", "-n", "1").text == "<id> (main) Second cat\n"
    assert place("log", "--oneline", "--", "notes.txt").text == "<id> First version\n"
    assert place("log", "--oneline", "--", "images").text == "<id> (main) Second cat\n<id> First version\n"
    entries = place("log", "--json").json
    assert [entry["branches"] for entry in entries] == [["main"], []]
    assert entries[0]["parents"] == [entries[1]["id"]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", entries[0]["time"])
    assert set(entries[0]) >= {"id", "parents", "author", "time", "message", "branches", "tags"}


def test_log_as_a_graph(place: Place) -> None:
    diverge(place)
    place("merge", "experiment", code=6)
    place("resolve", "notes.txt", "--ours")
    place("merge", "--continue")
    lines = place("log", "--graph", "--oneline").text.splitlines()
    assert lines[0].startswith("*  <id> (main) ")
    assert lines[1] == "|\\"
    assert lines[-2:] == ["|/", "* <id> First version"]
    assert sorted(re.sub(r"^[*|\\/ ]+", "", line) for line in lines[2:4]) == ["<id> (experiment) Theirs", "<id> Ours"]


def test_show_and_diff(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.write("new.txt", "new")
    (place.root / "images/dog.jpg").unlink()
    assert place("diff").out == "~ images/cat.jpg\n- images/dog.jpg\n\n1 file modified, 1 removed\n"
    place.commit("Second")
    body = "~ images/cat.jpg\n- images/dog.jpg\n+ new.txt\n\n1 file added, 1 modified, 1 removed\n"
    assert place("show").text == (
        f"commit <id> (main)\nAuthor: Ada <ada@example.org>\nDate:   <time>\n\n    Second\n\n{body}"
    )
    assert place("diff", "HEAD~1", "HEAD").out == body
    assert place("diff", "HEAD~1..HEAD").out == body
    assert place("diff", "HEAD~1..HEAD", "--name-only").out == "images/cat.jpg\nimages/dog.jpg\nnew.txt\n"
    assert place("diff", "HEAD~1..HEAD", "--stat").out == (
        "./       +1\nimages/  ~1 -1\n\n1 file added, 1 modified, 1 removed\n"
    )
    assert place("diff", "HEAD~1..HEAD", "--", "images").out.endswith("\n1 file modified, 1 removed\n")
    assert place("diff", "HEAD~1..HEAD", "--json").json == {
        "files": {"added": ["new.txt"], "modified": ["images/cat.jpg"], "removed": ["images/dog.jpg"], "renamed": []},
        "tables": {},
    }
    assert set(place("show", "--json").json) >= {"id", "message", "files", "tables"}
    place("diff", "--exit-code")
    place("diff", "HEAD~1", "HEAD", "--exit-code", code=1)


def test_blame(place: Place) -> None:
    place.write("images/cat.jpg", "second cat")
    place.commit("Second")
    assert place("blame", "images/cat.jpg").text == "<id>  modified  <time>  Ada  images/cat.jpg  Second\n"
    entry = place("blame", "notes.txt", "--json").json[0]
    assert (entry["path"], entry["change"], entry["commit"]["message"].strip()) == (
        "notes.txt",
        "added",
        "First version",
    )


# -- branches, checkout, merge -----------------------------------------------------------------------------------------


def test_branches(place: Place) -> None:
    assert place("branch", "experiment").text == "Created branch experiment -> <id>\n"
    assert place("branch").text == "  experiment  <id>\n* main        <id>\n"
    listed = place("branch", "--json").json
    assert [(entry["name"], entry["current"], entry["upstream"]) for entry in listed] == [
        ("experiment", False, None),
        ("main", True, None),
    ]
    place("branch", "experiment", code=1)
    said = place("branch", "-d", "experiment")
    assert said.out == "Deleted branch experiment\n"
    assert "oxide undo" in said.err
    place("undo")
    assert len(place("branch", "--json").json) == 2


def test_checkout_there_and_back(place: Place) -> None:
    before = place.files()
    assert place("checkout", "-b", "experiment").text.startswith("On branch experiment -> <id>\n")
    place.write("frames/1.png", "frame")
    place.write("notes.txt", "other")
    place.commit("Frames")
    kept = (place.root / "images/cat.jpg").stat().st_mtime_ns
    said = place("checkout", "main")
    assert said.text == "On branch main -> <id>\n1 file written, 1 removed\n"
    assert place.files() == before
    assert not (place.root / "frames").exists()
    assert (place.root / "images/cat.jpg").stat().st_mtime_ns == kept
    place("switch", "experiment")
    assert place.read("frames/1.png") == "frame"
    said = place("checkout", "main~0")
    assert said.text.startswith("On no branch, detached -> <id>\n")
    place("switch", "HEAD", code=1)


def test_checkout_never_overwrites(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("notes.txt", "committed")
    place.write("new.txt", "committed")
    place.commit("Experiment")
    place("checkout", "main")
    place.write("notes.txt", "precious")
    place.write("new.txt", "precious")
    said = place("checkout", "experiment", code=6)
    assert "notes.txt" in said.err
    assert "new.txt" in said.err
    assert "hint: " in said.err
    assert place("checkout", "experiment", "--json", code=6).error["paths"] == ["new.txt", "notes.txt"]
    assert (place.read("notes.txt"), place.read("new.txt")) == ("precious", "precious")
    place("checkout", "--force", "experiment")
    assert (place.read("notes.txt"), place.read("new.txt")) == ("committed", "committed")


def test_mistyped_branches_get_a_suggestion(place: Place) -> None:
    place("branch", "experiment")
    said = place("checkout", "experimnt", code=1)
    assert "did you mean 'experiment'?" in said.err
    assert place("checkout", "experimnt", "--json", code=1).error["code"] == "unknown_revision"
    assert "oxide restore notes.txt" in place("checkout", "notes.txt", code=1).err


def test_merge_that_moves_forward_and_one_that_has_nothing_to_do(place: Place) -> None:
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    place.commit("New")
    place("checkout", "main")
    assert place("merge", "experiment").text == "1 file written\nFast-forward to <id>\n"
    assert place("merge", "experiment").text == "Already up to date\n"
    place("undo")
    assert not (place.root / "new.txt").exists()
    place("merge", "--no-ff", "-m", "Both", "experiment")
    assert len(place("log", "-n", "1", "--json").json[0]["parents"]) == 2


def test_conflicts_from_merge_to_commit(place: Place) -> None:
    diverge(place)
    said = place("merge", "experiment", code=6)
    assert "notes.txt" in said.out
    assert "oxide conflicts" in said.err
    assert "oxide resolve PATH --ours" in said.err
    status = place("status").text
    assert "Conflicts to resolve:\n" in status
    assert "  conflict:  notes.txt (content)\n" in status
    assert "Merging <id>:" in status
    assert place("status", "--porcelain").out.splitlines()[0].startswith(("UU notes.txt", "A  theirs.txt"))
    listed = place("conflicts", "--json").json
    assert [(entry["table"], entry["name"], entry["reason"]) for entry in listed] == [("files", "notes.txt", "content")]
    assert {"base", "ours", "theirs"} <= set(listed[0])
    assert place("conflicts").out.startswith("notes.txt: both sides changed its content\n")
    place("commit", "-m", "Too early", code=6)
    said = place("resolve", "notes.txt", "--theirs")
    assert said.out == "All conflicts are decided\n"
    assert "oxide merge --continue" in said.err
    assert place.read("notes.txt") == "theirs"
    place("merge", "--continue", "-m", "Both")
    entry = place("log", "-n", "1", "--json").json[0]
    assert entry["message"].strip() == "Both"
    assert len(entry["parents"]) == 2
    assert {"ours.txt", "theirs.txt"} <= set(place.files())


def test_merge_that_is_given_up(place: Place) -> None:
    diverge(place)
    before = place.files()
    place("merge", "experiment", code=6)
    place("merge", "--abort")
    assert place.files() == before
    assert place("status", "--json").json["conflicts"] == []
    place("merge", "--continue", code=1)


def test_tags(place: Place) -> None:
    assert place("tag", "v1.0").text == "Created tag v1.0 -> <id>\n"
    assert place("tag").text == "v1.0  <id>\n"
    assert place("tag", "--json").json[0]["name"] == "v1.0"
    assert place("log", "--json").json[0]["tags"] == ["v1.0"]
    place("tag", "-d", "v1.0")
    assert place("tag").out == ""
    place("show", "v1.0", code=1)


def test_revert_and_cherry_pick(place: Place) -> None:
    before = place.files()
    place("checkout", "-b", "experiment")
    place.write("new.txt", "new")
    place.commit("New")
    place("revert", "HEAD")
    assert place.files() == before
    place("checkout", "main")
    place("cherry-pick", "experiment~1")
    assert place.read("new.txt") == "new"
    assert place("log", "-n", "1", "--json").json[0]["message"].strip() == "New"


def test_stash(place: Place) -> None:
    before = place.files()
    place.write("notes.txt", "half done")
    said = place("stash", "-m", "half of the notes")
    assert "half of the notes" in said.out
    assert "oxide stash pop" in said.err
    assert place.files() == before
    assert place("stash", "list", "--json").json[0]["message"] == "half of the notes"
    place("stash", "pop")
    assert place.read("notes.txt") == "half done"
    assert place("stash", "list").out == ""
    place("stash")
    place("stash", "drop", "stash@{0}")
    place("stash", "pop", code=1)


def test_undo_and_redo(place: Place) -> None:
    place.write("notes.txt", "second")
    second = place.commit("Second")
    said = place("undo")
    assert said.out.startswith("Undid operation ")
    assert place("log", "--json").json[0]["id"] != second
    assert "oxide redo" in said.err
    place("redo")
    assert place("log", "--json").json[0]["id"] == second
    entries = place("operations", "--json").json
    assert [entry["number"] for entry in entries] == sorted((entry["number"] for entry in entries), reverse=True)
    assert sum(entry["current"] for entry in entries) == 1
    assert len(place("operations", "-n", "2").out.splitlines()) == 2


# -- reading and care --------------------------------------------------------------------------------------------------


def test_ls_and_cat(place: Place) -> None:
    assert place("ls").out == "14 B  folder  images/\n 5 B  file    notes.txt\n"
    assert place("ls", "images").out == (
        "3 B  file    images/cat.jpg\n3 B  file    images/dog.jpg\n8 B  folder  images/labels/\n"
    )
    entries = place("ls", "-r", "--json").json
    assert [entry["path"] for entry in entries] == [
        "images/cat.jpg",
        "images/dog.jpg",
        "images/labels/labels.txt",
        "notes.txt",
    ]
    assert {"path", "type", "size", "executable", "content_id", "sha256"} <= set(entries[0])
    assert place("ls", "HEAD", "images/labels", "--json").json[0]["size"] == 8
    content = bytes(range(256)) * 9000
    place.write("raw.bin", content)
    place.commit("Raw")
    assert place("cat", "HEAD:raw.bin").raw == content
    place("cat", "HEAD~1:raw.bin", code=1)


def test_du_doctor_version_config(place: Place) -> None:
    usage = place("du", "--json").json
    assert (usage["files"], usage["logical"]) == (4, 19)
    assert place("du").text.startswith("Revision <id>: 4 files\n")
    assert isinstance(place("doctor", "--json").json, dict)
    assert place("doctor").out
    assert place("version").out == place("--version").out
    assert place("version", "--json").json["version"] == place("version").out.split()[1]
    place("config", "user.name", "Grace")
    assert place("config", "user.name", OXIDE_USER_NAME="").out.strip() == "Grace"
    assert any(entry["key"] == "user.name" for entry in place("config", "--json").json)
    assert "user.name = " in place("config", "--show-origin").out
    said = place("config", "user.nme", "x", code=2)
    assert "user.name" in said.err


def test_sql(place: Place) -> None:
    query = "SELECT path, size FROM files ORDER BY path LIMIT 2"
    assert place("sql", query).out == (
        "path            size\n──────────────  ────\nimages/cat.jpg     3\nimages/dog.jpg     3\n(2 rows)\n"
    )
    assert place("sql", query, "--json").json == [
        {"path": "images/cat.jpg", "size": 3},
        {"path": "images/dog.jpg", "size": 3},
    ]
    assert place("sql", query, "--csv").out == "path,size\nimages/cat.jpg,3\nimages/dog.jpg,3\n"
    for name in ("rows.csv", "rows.json", "rows.parquet"):
        place("sql", query, f"--{name.split('.')[1]}", "-o", name)
        assert (place.root / name).stat().st_size > 0
    place("sql", "DROP TABLE files", code=2)
    assert place("sql", "SELECT nothing FROM files", "--json", code=2).error["code"] == "query"


def test_gc_and_fsck(place: Place) -> None:
    place.write("notes.txt", "lost")
    place.commit("Lost")
    place("undo", "--force")
    said = place("gc", "--dry-run")
    assert said.out.endswith("nothing was changed\n")
    foreseen = place("gc", "--dry-run", "--json").json
    assert foreseen["dry_run"] is True and foreseen["freed_bytes"] == 0
    assert {"live_bytes", "dead_bytes", "waiting_bytes", "objects", "packs"} < set(foreseen)
    holders = {(holder["kind"], holder["name"]): holder["bytes"] for holder in foreseen["holders"]}
    assert holders["branch", "main"] > 0
    assert foreseen["held"]["undo"] == sum(size for (kind, _), size in holders.items() if kind == "undo") > 0
    place("gc", "--json")
    place("gc", "--keep", "0s", "--now")
    assert place("fsck", "--data").out.endswith("everything is intact\n")
    checked = place("fsck", "--json").json
    assert checked["ok"] is True
    assert checked["problems"] == []


def test_fsck_tells_damage_with_a_remedy(place: Place) -> None:
    packs = [file for file in (place.root / ".oxide").rglob("*") if file.is_file() and "pack" in file.name]
    packs = packs or [
        file for file in (place.root / ".oxide").rglob("*") if file.is_file() and "pack" in str(file.parent)
    ]
    assert packs
    for pack in packs:
        content = bytearray(pack.read_bytes())
        content[len(content) // 3] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(bytes(content))
    said = place("fsck", "--data", code=7)
    assert said.out or said.err


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
    _, err = process.communicate(timeout=60)
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
        timeout=60,
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
