"""Every spelling of a revision leads to the commit that it means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from oxide import Repository, errors
from oxide.transactions import publish
from support import write


@pytest.fixture
def commits(repo: Repository) -> dict[str, str]:
    """``first`` and ``second`` on main, ``side`` beside the second, and the ``merge`` of both."""
    made: dict[str, str] = {}
    for name in ("first", "second"):
        write(repo.root, name, name)
        repo.add(["."])
        made[name] = repo.commit(name).id
    repo.create_branch("side", "HEAD~1")
    repo.checkout("side")
    write(repo.root, "side", "side")
    repo.add(["."])
    made["side"] = repo.commit("side").id
    repo.checkout("main")
    merged = repo.merge("side").commit
    assert merged is not None
    made["merge"] = merged.id
    repo.create_tag("v1", "HEAD~1")
    return made


def test_names_ids_and_ancestors(repo: Repository, commits: dict[str, str]) -> None:
    expected = {
        "HEAD": "merge",
        "@": "merge",
        "main": "merge",
        "side": "side",
        "v1": "second",
        commits["side"]: "side",
        commits["side"][:16]: "side",
        "HEAD~": "second",
        "HEAD~2": "first",
        "main^": "second",
        "main^2": "side",
        "main^2~1": "first",
        "v1~1": "first",
        "v1^0": "second",
    }
    assert {word: repo.resolve_revision(word) for word in expected} == {
        word: commits[name] for word, name in expected.items()
    }


def test_what_a_branch_was_before(repo: Repository, commits: dict[str, str]) -> None:
    assert [repo.resolve_revision(f"main@{{{steps}}}") for steps in range(3)] == [
        commits[name] for name in ("merge", "second", "first")
    ]
    assert repo.resolve_revision("@{1}") == commits["second"]
    with pytest.raises(errors.UnknownRevision):
        repo.resolve_revision("main@{3}")


def test_what_a_branch_was_at_a_time(repo: Repository, commits: dict[str, str]) -> None:
    by_description = {operation.description: operation.time for operation in repo.operations()}
    after_second = by_description["commit: second"]
    before_second = after_second - timedelta(microseconds=1)
    assert repo.resolve_revision(f"main@{{{after_second.isoformat()}}}") == commits["second"]
    assert repo.resolve_revision(f"main@{{{before_second.isoformat()}}}") == commits["first"]
    assert repo.resolve_revision("main@{now}") == commits["merge"]
    with pytest.raises(errors.UnknownRevision) as caught:
        repo.resolve_revision("main@{yesterday}")
    assert "oldest operation" in str(caught.value) and caught.value.hint


def test_branches_of_a_remote(repo: Repository, commits: dict[str, str]) -> None:
    def know(view: dict[str, object]) -> None:
        view["remotes"] = {"origin": {"main": commits["first"], "experiment/frames": commits["side"]}}

    with repo.store.begin() as session:
        publish(repo, session, "fetch", "fetch origin", know)
    assert repo.resolve_revision("origin/main") == commits["first"]
    assert repo.resolve_revision("origin/experiment/frames") == commits["side"]
    repo.delete_branch("side")
    repo.gc(keep=0, now=True)
    assert repo.at("origin/experiment/frames").read("side") == b"side", "the collector follows remote branches"
