"""Several processes on one repository: no lock error, no acknowledged commit lost, readers never in the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from oxide import Repository, staging
from support import AUTHOR, finish, python, write

PRELUDE = f"""
import sys
from pathlib import Path
from oxide import Repository
from oxide.settings import Settings
root, worker, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
repo = Repository.open(root, settings=Settings(None, {AUTHOR!r}))
"""

WRITER = (
    PRELUDE
    + """
for number in range(rounds):
    path = f"{worker}/{number}.txt"
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text(path)
    repo.add([path])
    print(repo.commit(path, allow_empty=True).id, flush=True)
"""
)

TAGGER = (
    PRELUDE
    + """
for number in range(rounds):
    repo.create_tag(f"{worker}-{number}")
"""
)

READER = (
    PRELUDE
    + """
last = 0
for _ in range(rounds):
    repo.status()
    length = sum(1 for _ in repo.log())
    assert length >= last, "history never gets shorter"
    last = length
    entries = repo.ls(recursive=True)
    assert len({entry.path for entry in entries}) == len(entries)
"""
)


@pytest.fixture
def shared(repo: Repository) -> Repository:
    write(repo.root, "first", "first")
    repo.add(["."])
    repo.commit("first")
    return repo


@pytest.mark.parametrize(("workers", "rounds"), [(2, 15), (8, 5)])
def test_every_acknowledged_commit_is_in_the_log(shared: Repository, workers: int, rounds: int) -> None:
    """Two adds may land in one commit: what counts is that every id that was returned is there, and every file."""
    writers = [python(WRITER, str(shared.root), f"worker {number}", str(rounds)) for number in range(workers)]
    reader = python(READER, str(shared.root), "reader", "20")
    done = [finish(process) for process in [*writers, reader]]
    assert [ran.code for ran in done] == [0] * (workers + 1), "\n".join(ran.err for ran in done)
    acknowledged = [commit for ran in done[:-1] for commit in ran.out.split()]
    assert len(set(acknowledged)) == workers * rounds
    log = [entry.commit for entry in shared.log()]
    assert set(acknowledged) <= {commit.id for commit in log}
    assert all(len(commit.parents) == 1 for commit in log[:-1]), "one chain"
    expected = {"first"} | {f"worker {worker}/{number}.txt" for worker in range(workers) for number in range(rounds)}
    assert {entry.path for entry in shared.ls(recursive=True)} == expected
    assert shared.status().clean
    assert shared.fsck(data=True).ok


def test_operations_of_eight_processes_make_one_chain(shared: Repository) -> None:
    before = next(iter(shared.operations(limit=1))).number
    done = [
        finish(process) for process in [python(TAGGER, str(shared.root), f"tag{number}", "10") for number in range(8)]
    ]
    assert [ran.code for ran in done] == [0] * 8, "\n".join(ran.err for ran in done)
    numbers = [operation.number for operation in shared.operations()]
    assert numbers == list(range(before + 80, 0, -1)) or numbers == list(range(before + 80, -1, -1))
    assert len(shared.tags()) == 80


def test_collecting_beside_writers_keeps_what_they_commit(shared: Repository) -> None:
    writers = [python(WRITER, str(shared.root), f"worker {number}", "8") for number in range(2)]
    while any(process.poll() is None for process in writers):
        shared.gc(keep=0, now=True)
    done = [finish(process) for process in writers]
    assert [ran.code for ran in done] == [0, 0], "\n".join(ran.err for ran in done)
    assert shared.fsck(data=True).problems == []
    for entry in shared.ls(recursive=True):
        assert len(shared.at().read(entry.path)) == entry.size


@pytest.fixture
def meanwhile(shared: Repository, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Repository], object]], None]:
    """Lets another handle work between the staging and the publishing of the next add."""

    def arrange(work: Callable[[Repository], object]) -> None:
        def publish_late(*arguments: Any, **options: Any) -> Any:
            monkeypatch.undo()
            work(Repository.open(shared.root, settings=shared.settings))
            return original(*arguments, **options)

        original = staging.publish
        monkeypatch.setattr(staging, "publish", publish_late)

    return arrange


def assert_each_file_is_an_item(repo: Repository) -> None:
    files = [row["item_id"] for row in repo.at().files]
    assert len(set(files)) == len(files)
    assert set(files) == {row["item_id"] for row in repo.at().items}


def test_a_rename_is_staged_while_another_process_removes_the_file(shared: Repository, meanwhile: Any) -> None:
    (shared.root / "first").rename(shared.root / "renamed")
    meanwhile(lambda other: other.remove(["first"], cached=True))
    shared.add(["."])
    shared.commit("renamed")
    assert [entry.path for entry in shared.ls()] == ["renamed"]
    assert_each_file_is_an_item(shared)


def test_a_change_is_staged_while_another_process_renames_the_file(shared: Repository, meanwhile: Any) -> None:
    write(shared.root, "first", "changed")

    def rename(other: Repository) -> None:
        other.move(["first"], "renamed")
        write(shared.root, "first", "changed")

    meanwhile(rename)
    shared.add(["first"])
    shared.commit("both")
    assert [entry.path for entry in shared.ls()] == ["first", "renamed"]
    assert_each_file_is_an_item(shared)


def test_a_removal_is_staged_while_another_process_renames_the_file(shared: Repository, meanwhile: Any) -> None:
    (shared.root / "first").unlink()

    def rename(other: Repository) -> None:
        write(shared.root, "first", "first")
        other.move(["first"], "renamed")

    meanwhile(rename)
    shared.add(["first"])
    shared.commit("removed")
    assert [entry.path for entry in shared.ls()] == ["renamed"]
    assert_each_file_is_an_item(shared)


def test_two_handles_in_one_process_see_each_other(shared: Repository) -> None:
    other = Repository.open(shared.root, settings=shared.settings)
    write(shared.root, "second", "second")
    shared.add(["second"])
    assert other.status().staged.added == ["second"]
    made = other.commit("second")
    assert shared.resolve_revision("HEAD") == made.id
    assert shared.status().clean


def test_a_forked_process_works_on_its_own(repo: Repository) -> None:
    """As a data loader forks its workers, from a process that has used the engine."""
    for number in range(600):
        write(repo.root, f"folder{number % 7}/{number}.txt", str(number))
    repo.add(["."])
    repo.commit("before the fork")
    child = os.fork()
    if child == 0:
        done = 1
        try:
            for number in range(600):
                write(repo.root, f"folder{number % 7}/{number}.txt", f"again {number}")
            done = int(len(repo.status().modified) != 600)
            repo.add(["."])
            repo.commit("in the fork")
        finally:
            os._exit(done)
    assert _ended(child, seconds=60) == 0
    assert [entry.commit.message for entry in repo.log()] == ["in the fork", "before the fork"]


def test_a_forked_process_asks_its_own_queries(repo: Repository) -> None:
    write(repo.root, "a", "a")
    repo.add(["a"])
    for _ in range(3):  # from the second on, the next database is opened ahead
        assert list(repo.sql("SELECT path FROM files")) == [("a",)]
    for thread in threading.enumerate():
        if thread.name == "oxide-spare":
            thread.join()
    child = os.fork()
    if child == 0:
        done = 1
        try:
            done = int(any(list(repo.sql("SELECT path FROM files")) != [("a",)] for _ in range(3)))
        finally:
            os._exit(done)
    assert _ended(child, seconds=30) == 0
    assert list(repo.sql("SELECT path FROM files")) == [("a",)]


def _ended(child: int, seconds: float) -> int:
    """The exit code of a child process, which is killed when it takes longer."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the forked process hangs")
