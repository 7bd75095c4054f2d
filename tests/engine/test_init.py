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
