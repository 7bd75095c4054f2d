"""A saved view that two branches changed: shown and decided by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from oxide import Repository
from oxide.errors import InConflict
from support import Oxide, with_pictures


@pytest.fixture
def oxide(tmp_path: Path) -> Oxide:
    """A repository in whose merge two views are contested."""
    found = with_pictures(tmp_path / "pets", tmp_path / "home", ["a.png"])
    found("commit", "-m", "Pets")
    found("branch", "other")
    for branch, number in (("main", 1), ("other", 2)):
        found("checkout", branch)
        repository = Repository.open(found.folder)
        for name in ("big", "small: a/b"):
            repository.save_view(name, repository.view().take(number))
        found("commit", "-m", branch)
    found("checkout", "main")
    return found


def taken(oxide: Oxide) -> dict[str, str]:
    rows = oxide("sql", "SELECT name, steps FROM views", "--json").json
    return {row["name"]: str(row["steps"]).replace(" ", "") for row in rows}


def test_a_contested_view_is_shown_and_decided_by_its_name(oxide: Oxide) -> None:
    assert "views:big: " in oxide("merge", "other", code=6).out
    assert "views:big: " in oxide("conflicts").out
    assert "views:big (" in oxide("status").out
    assert "UU views:big" in oxide("status", "--porcelain").out.splitlines()
    assert [each["title"] for each in oxide("conflicts", "--json").json] == ["views:big", "views:small: a/b"]
    assert "views:nothing" in oxide("resolve", "views:nothing", "--ours", code=1).err
    oxide("resolve", "views:big", "--theirs")
    assert "views:small: a/b" in oxide("conflicts").out and "views:big" not in oxide("conflicts").out
    assert taken(oxide)["big"] == '[{"slice":[0,2]}]'
    oxide("resolve", "views:small: a/b", "--ours")
    oxide("merge", "--continue")
    assert taken(oxide) == {"big": '[{"slice":[0,2]}]', "small: a/b": '[{"slice":[0,1]}]'}


def test_python_decides_by_title_too_and_a_commit_names_what_is_left(oxide: Oxide, tmp_path: Path) -> None:
    repository = Repository.open(tmp_path / "pets")
    assert repository.merge("other").kind == "conflicts"
    with pytest.raises(InConflict) as refused:
        repository.commit("too early")
    assert list(refused.value.paths) == ["views:big", "views:small: a/b"]
    key = next(each.name for each in repository.conflicts() if each.title == "views:small: a/b")
    assert [each.title for each in repository.resolve([key], "base")] == ["views:big"]
    assert repository.resolve(["views:big"], "theirs") == []
