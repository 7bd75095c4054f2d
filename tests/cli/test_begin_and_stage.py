"""Beginning, and what the next commit will hold: init, status, add, rm, mv, restore."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from installed import Place

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


def test_restore_says_which_labels_and_metadata_it_takes_back(place: Place) -> None:
    place("annotate", "images/cat.jpg", "--label", "cat")
    place("metadata", "set", "images/cat.jpg", "weather=rain")
    place("label", "add", "cat")
    assert place("restore", "--dry-run", "images").out == (
        "would take back annotations: 1 added\nwould take back metadata: 1 added\n"
    )
    assert place("restore", "--dry-run", "--json", "images").json["tables"]["metadata"]["added"] == 1
    said = place("restore", "images")
    assert "Restored rows of annotations, metadata\n" in said.out + said.err
    assert "oxide undo" in said.err
    said = place("restore", "--staged", ".")
    assert "Restored rows of ontology\nUnstaged\n" in said.out + said.err
    said = place("restore", ".")
    assert "Nothing to restore" in said.out + said.err
    assert place("status", "--json").json["staged"]["tables"] == {}


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
