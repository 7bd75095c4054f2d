"""Where a repository is made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from oxide import Repository, Settings
from support import AUTHOR, write


def test_git_leaves_the_control_folder_out(tmp_path: Path) -> None:
    try:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    write(tmp_path, "notes.txt", "versioned by git")
    repo = Repository.init(tmp_path, settings=Settings(None, dict(AUTHOR)))
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.splitlines() == ["?? notes.txt"], "and no file of the user's was edited for it"
    repo.add(["."])
    assert repo.status().staged.added == ["notes.txt"], "nor does Oxide take git's folder"


def test_a_notebook_shows_where_the_repository_stands(tmp_path: Path) -> None:
    root = tmp_path / "<cats>"
    repo = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    assert "no commit yet" in repo._repr_html_()
    write(root, "cat.jpg", "a cat")
    repo.add(["."])
    made = repo.commit("cat")
    shown = repo._repr_html_()
    assert made.id[:16] in shown and "<b>main</b>" in shown
    assert "<cats>" not in shown
    assert repr(repo) == f"Repository('{root}')"


def test_a_repository_inside_another_is_left_alone(tmp_path: Path) -> None:
    outer = Repository.init(tmp_path / "outer", settings=Settings(None, dict(AUTHOR)))
    Repository.init(tmp_path / "outer/inner", settings=Settings(None, dict(AUTHOR)))
    write(outer.root, "inner/file", "the inner one's")
    write(outer.root, "own", "the outer one's")
    result = outer.add(["."])
    assert result.added == ["own"]
    assert [skipped.path for skipped in result.skipped] == ["inner"]


def test_folders_that_a_copying_tool_left_out_are_made_again(tmp_path: Path) -> None:
    repo = Repository.init(tmp_path / "tree", settings=Settings(None, dict(AUTHOR)))
    for name in ("tmp", "leases", "tombstones", "objects"):
        (repo.control / name).rmdir()
    write(repo.root, "file", "content")
    repo.add(["."])
    repo.commit("one")
    assert repo.fsck(data=True).ok
