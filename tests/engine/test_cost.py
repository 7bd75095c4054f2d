"""Work follows the change, not the repository: counted, never timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR, counted, finish, python, write

FILES = 100_000

ADD_EVERYTHING = f"""
import sys
from oxide import Repository
from oxide.settings import Settings

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

repository = Repository.open(sys.argv[1], settings=Settings(None, {AUTHOR!r}))
repository.status()
before = peak()
repository.add(["."])
print(peak() - before)
"""


@pytest.fixture(scope="module")
def everything_added(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A tree of 100 000 files in a hundred folders, added by a process of its own, and the memory that this took."""
    root = tmp_path_factory.mktemp("large")
    for folder in range(100):
        (root / f"{folder:03}").mkdir()
    for number in range(FILES):
        (root / f"{number % 100:03}" / f"{number:06}.txt").write_bytes(b"%d" % number)
    Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    ran = finish(python(ADD_EVERYTHING, str(root)))
    assert ran.code == 0, ran.err
    return root, int(ran.out)


@pytest.fixture(scope="module")
def large(everything_added: tuple[Path, int]) -> Iterator[Repository]:
    """That tree committed, opened anew so that nothing is in memory."""
    root, _ = everything_added
    settings = Settings(None, dict(AUTHOR))
    Repository.open(root, settings=settings).commit("all")
    yield Repository.open(root, settings=settings)


def reopened(repo: Repository) -> Repository:
    """As a new command finds it."""
    return Repository.open(repo.root, settings=repo.settings)


def add_and_commit(repo: Repository, path: str) -> tuple[dict[str, int], dict[str, int]]:
    return (
        counted(lambda: reopened(repo).add([path])),
        counted(lambda: reopened(repo).commit("one change")),
    )


def settle(repo: Repository) -> None:
    """Files written within the clock's tick before they were read are hashed once more, and then never again."""
    time.sleep(0.05)
    reopened(repo).status()


def total(steps: tuple[dict[str, int], dict[str, int]], *names: str) -> int:
    return sum(step[name] for step in steps for name in names)


def test_one_changed_file_makes_one_segment_per_touched_table(large: Repository) -> None:
    path = "042/001042.txt"
    write(large.root, path, "changed")
    steps = add_and_commit(large, path)
    assert total(steps, "segments_written", "deltas_written") == 1, "only `files` is touched: the item stays"
    assert total(steps, "deltas_written") == 1
    assert total(steps, "pages_written") <= 2
    assert total(steps, "files_hashed") == 1
    for step in steps:
        assert step["table_objects_read"] <= 10


def test_commit_all_of_one_changed_file_hashes_that_file_alone(large: Repository) -> None:
    settle(large)
    write(large.root, "007/000007.txt", "changed and not added")
    step = counted(lambda: reopened(large).commit("one change", all=True))
    assert step["files_hashed"] == 1
    assert step["segments_written"] + step["deltas_written"] == 1
    assert step["table_objects_read"] <= 10


@pytest.mark.parametrize("path", ["000/000000-new.txt", "050/between.txt", "zzz/last.txt"])
def test_one_added_and_one_removed_file_make_at_most_ten_segments_each(large: Repository, path: str) -> None:
    write(large.root, path, f"new {path}")
    added = add_and_commit(large, path)
    assert total(added, "segments_written", "deltas_written") <= 10
    assert total(added, "files_hashed") == 1
    (large.root / path).unlink()
    removed = add_and_commit(large, path)
    assert total(removed, "segments_written", "deltas_written") <= 10
    assert total(removed, "files_hashed") == 0
    for step in (*added, *removed):
        assert step["table_objects_read"] <= 10


def test_status_of_an_unchanged_tree_reads_no_file(large: Repository) -> None:
    reopened(large).status()
    step = counted(lambda: reopened(large).status())
    assert (step["files_hashed"], step["bytes_hashed"]) == (0, 0)
    assert step["table_objects_read"] <= 10


def test_switching_between_commits_writes_only_what_differs(large: Repository) -> None:
    before = large.resolve_revision("HEAD")
    write(large.root, "001/000001.txt", "on another branch")
    large.checkout("other", create=True)
    large.add(["001"])
    large.commit("one file")
    assert counted(lambda: reopened(large).checkout(before))["files_written"] == 1
    assert counted(lambda: reopened(large).checkout("other"))["files_written"] == 1
    settle(large)
    assert counted(lambda: reopened(large).checkout("main"))["files_hashed"] == 0


def test_adding_takes_little_memory_for_each_file(everything_added: tuple[Path, int]) -> None:
    _, memory = everything_added
    assert memory / FILES < 1_500, "bytes a file, buffers and caches of a fixed size included"


def test_equal_contents_are_stored_once(repo: Repository) -> None:
    for number in range(100):
        write(repo.root, f"{number}", b"the same" * 1000)
    repo.add(["."])
    repo.commit("a hundred copies")
    usage = repo.du()
    assert (usage.files, usage.logical, usage.unique) == (100, 800_000, 8_000)


def test_many_commits_leave_few_files(repo: Repository) -> None:
    for number in range(300):
        write(repo.root, "counter", str(number))
        repo.add(["counter"])
        repo.commit(f"{number}")
    stored = [path for path in Path(repo.root, ".oxide").rglob("*") if path.is_file()]
    assert len(stored) < 300
    assert len(list(repo.log())) == 300
    assert repo.fsck(data=True).ok
