"""Two and eight processes that add, commit, branch, tag, stash, switch, merge and collect at once, some of them killed:
every acknowledged commit is there, nobody meets a lock, readers never wait and never fail, nothing is left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import crowd
import pytest
from crowd import is_certified, promises
from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR, Ran, finish, python

ROUNDS = int(os.environ.get("OXIDE_TEST_ROUNDS", "200"))
SEED = os.environ.get("OXIDE_TEST_SEED", "2026")
LONGEST = 240 + ROUNDS
"""Seconds after which a crowd counts as dead locked: many times what it needs."""


def run_crowd(root: Path, *, writers: int, readers: int, kills: int, undoes: bool) -> dict[str, Any]:
    """Let a crowd loose; a failure of any of its processes, or a dead lock, fails the test."""
    arguments = [writers, readers, ROUNDS, kills]
    process = subprocess.Popen(
        [sys.executable, crowd.__file__, root, *map(str, arguments), "undo" if undoes else "-", SEED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGUSR1)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"the crowd was not done after {LONGEST} seconds\n{process.communicate()[1]}")
    assert process.returncode == 0, err
    done: dict[str, Any] = json.loads(out)
    return done


def reachable(repo: Repository) -> set[str]:
    """Every commit that a branch or tag reaches."""
    heads = [branch.name for branch in repo.branches() if branch.head] + [tag.name for tag in repo.tags()]
    return {entry.commit.id for name in heads for entry in repo.log(name)}


def assert_reads(repo: Repository, branch: str) -> None:
    at = repo.at(branch)
    for entry in at.ls(recursive=True):
        assert is_certified(entry.path, at.read(entry.path)), entry.path


def assert_healthy(repo: Repository) -> None:
    """Everything stored is whole, every file of every branch reads, and after a collection nothing is left over."""
    assert repo.fsck(data=True).problems == []
    repo.gc(keep=0, now=True)
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).problems == []
    for branch in repo.branches():
        if branch.head:
            assert_reads(repo, branch.name)
    control = Path(repo.control)
    assert sorted(os.listdir(control / "tmp")) == []
    assert sorted(os.listdir(control / "tombstones")) == []
    assert sorted(os.listdir(control / "leases")) == ["consolidate.lock"]


def assert_goes_on(repo: Repository) -> None:
    """The next commands work as if nothing had been."""
    repo.status()
    (repo.root / "afterwards").write_bytes(crowd.certified("afterwards", 1))
    repo.add(["afterwards"])
    if repo.conflicts():
        repo.resolve([conflict.name for conflict in repo.conflicts()], "ours")
    made = repo.commit("afterwards")
    assert next(iter(repo.log())).commit.id == made.id


@pytest.mark.parametrize(
    ("writers", "readers", "kills", "undoes"),
    [
        pytest.param(2, 1, 0, False, id="two"),
        pytest.param(2, 1, 12, True, id="two-with-undo-and-kills"),
        pytest.param(8, 1, 0, True, id="eight-with-undo"),
        pytest.param(8, 1, 30, False, id="eight-with-kills"),
    ],
)
def test_a_crowd_loses_nothing(repo: Repository, writers: int, readers: int, kills: int, undoes: bool) -> None:
    root = Path(repo.root)
    (root / "first").write_bytes(crowd.certified("first", 1))
    repo.add(["first"])
    repo.commit("first")
    done = run_crowd(root, writers=writers, readers=readers, kills=kills, undoes=undoes)
    assert done["looks"] > 0 and done["killed"] <= kills

    noted = list(promises(root))
    acknowledged = {line["id"] for line in noted if line["verb"] == "commit"}
    assert len(acknowledged) > ROUNDS / 4
    repo = Repository.open(root, settings=Settings(None, dict(AUTHOR)))
    undone = sum(line["verb"] == "undone" and line["kind"] in ("commit", "amend", "merge") for line in noted)
    unfinished = sum(line["verb"] == "undoing" for line in noted) - sum(line["verb"] == "undone" for line in noted)
    lost = acknowledged - reachable(repo)
    assert len(lost) <= undone + unfinished, f"{len(lost)} commits are lost, {undone} were undone"
    if not undoes:
        tags = {tag.name: tag.commit for tag in repo.tags()}
        for line in noted:
            if line["verb"] == "tag":
                assert tags.get(line["name"]) == line["id"], line
    assert_healthy(repo)
    assert_goes_on(repo)


def crowd_of(writer: str, root: Path, *, writers: int) -> Ran:
    """A crowd with one reader whose writers do ``writer``, the body of ``round``, in each of three rounds."""
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(crowd.__file__).parent)!r})
import crowd
class Other(crowd.Writer):
    def round(self, number):
{textwrap.indent(textwrap.dedent(writer), " " * 8)}
crowd.Writer = Other
crowd.main(Path(sys.argv[1]), {writers}, 1, 3, 0, False, "7")
"""
    return finish(python(script, str(root)))


def test_a_writer_killed_in_a_round_does_something_else_when_it_begins_it_again(repo: Repository) -> None:
    """It was killed after its branch was made and before its round was over: the branch is there."""
    dying = """
        self.branch()
        if number == 0 and sum(1 for _ in crowd.promises(self.root)) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    """
    repo.commit("first", allow_empty=True)
    ran = crowd_of(dying, Path(repo.root), writers=1)
    assert ran.code == 0, ran.err
    made = [line["name"] for line in promises(Path(repo.root)) if line["verb"] == "branch"]
    assert len(made) == len(set(made)) == 4


def test_the_failure_of_one_ends_a_crowd_at_once(repo: Repository) -> None:
    """Its reader alone would go on for ever, and a failure look like a dead lock."""
    ran = crowd_of('raise ValueError("seen")', Path(repo.root), writers=2)
    assert ran.code == 1
    assert "ValueError: seen" in ran.err and "failed" in ran.err
