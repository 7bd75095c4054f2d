"""Opening what a power cut left: whether everything acknowledged is there, and the repository goes on working."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oxide import Repository, errors
from oxide.settings import Settings
from oxide.workspace import read_state
from powercut.scenarios import QUERIES
from support import AUTHOR, noise

DERIVED = ("index", "cache")
"""Kinds of what a power cut may tear: it is recognised, and made again by the next verb that needs it."""


class Facts(NamedTuple):
    """What a scenario stored, known from its undisturbed run."""

    commits: Mapping[str, Mapping[str, tuple[bytes, bool]]]
    """Commit to path to content and executable bit."""
    operations: Mapping[int, str]
    """Number to id of every operation."""
    untracked: Sequence[str]
    """Files of the user's that no verb has been told of."""
    asked: bool
    """Whether SQL was used."""


class Promise(NamedTuple):
    """What had been acknowledged when the power went."""

    operation: int
    """The newest operation; 0 before the repository was made."""
    configs: Collection[bytes]
    """What the settings of the repository may be: those acknowledged, or those that were being set."""
    saved: Mapping[str, bytes]
    """The untracked files."""
    damaged: bool
    """Whether the scenario has done damage that no repair has mended yet."""


def inspect(tree: Path, facts: Facts, promise: Promise) -> None:
    """Fail with an AssertionError unless the repository at ``tree`` keeps the promise and goes on working."""
    repository = _open(tree, promise)
    if promise.damaged:
        repository.fsck(data=True, repair=True)
    head = read_state(repository.store).number
    assert head >= promise.operation, f"operation {promise.operation} was acknowledged, the newest one is {head}"
    _check_stored(repository, facts)
    problems = [problem for problem in repository.fsck(data=True).problems if not _is_leftover(problem, repository)]
    assert not problems, f"fsck finds {problems}"
    _check_status(repository)
    config = tree / ".oxide" / "config"
    assert not promise.configs or (config.read_bytes() if config.exists() else b"") in promise.configs
    for path, content in promise.saved.items():
        assert (tree / path).read_bytes() == content, f"the user's {path} is another"
    if facts.asked:
        _check_queries(repository)
    _check_goes_on(repository)


def _open(tree: Path, promise: Promise) -> Repository:
    settings = Settings(None, dict(AUTHOR))
    if promise.operation:
        return Repository.open(tree, settings=settings)
    try:
        repository = Repository.open(tree, settings=settings)
        read_state(repository.store)
        return repository
    except (errors.NotARepository, errors.IntegrityError):
        return Repository.init(tree, settings=settings)


def _check_stored(repository: Repository, facts: Facts) -> None:
    """The newest operation is one of the undisturbed run, so its view is too; every content is read back."""
    newest = next(iter(repository.operations()))
    known = facts.operations.get(newest.number)
    assert newest.number == 1 or newest.id == known, f"operation {newest.number} is {newest.id}, not {known}"
    view = read_state(repository.store).view
    heads = [*view["branches"].values(), *(tag["commit"] for tag in view["tags"].values())]
    for commit in {*heads, *(stash["commit"] for stash in view["stashes"])}:
        at = repository.at(commit)
        found = {entry.path: (at.read(entry.path), entry.executable) for entry in at.ls(recursive=True)}
        assert found == facts.commits[commit], f"commit {commit} reads otherwise"
    list(repository.log())


def _is_leftover(problem: Any, repository: Repository) -> bool:
    """A derived file may be torn: the next verb makes it again. An old operation that the collector was about to forget
    may outlive the one after it: no loss, and gone after a repair."""
    if problem.kind in DERIVED:
        return True
    if problem.kind != "operation" or "is cut off" not in problem.problem:
        return False
    assert int(Path(problem.object).name) < repository.store.oldest_operation()
    repository.fsck(repair=True)
    return bool(repository.fsck(data=True).ok)


def _check_status(repository: Repository) -> None:
    """What status says of tracked files is what the disk says."""
    status = repository.status()  # may finish what was interrupted
    rows = repository.store.file_rows(read_state(repository.store).pending["files"][1])
    modified, removed = set(), set()
    for row in rows:
        place = repository.disk_path(row["path"])
        try:
            looks = os.lstat(place)
        except FileNotFoundError:
            removed.add(row["path"])
            continue
        content = os.readlink(os.fsencode(place)) if stat.S_ISLNK(looks.st_mode) else Path(place).read_bytes()
        if (content, bool(looks.st_mode & stat.S_IXUSR)) != (
            repository.store.content(row["content_id"]),
            row["executable"],
        ):
            modified.add(row["path"])
    assert {*status.modified} == modified
    assert {*status.removed} == removed


def _check_queries(repository: Repository) -> None:
    """Queries see what the store holds, whatever is left of the Parquet files."""
    files, commits = (repository.sql(statement).fetch_rows() for statement in QUERIES)
    rows = repository.store.file_rows(read_state(repository.store).pending["files"][1])
    assert files == [(row["path"], row["size"]) for row in rows]
    assert commits == sorted((entry.commit.id,) for entry in repository.log())


def _check_goes_on(repository: Repository) -> None:
    state = read_state(repository.store)
    content = noise("after the cut", 5000)
    (Path(repository.folder) / "after the cut.bin").write_bytes(content)
    if state.workspace["conflicts"]:
        repository.merge_abort(force=True)
    repository.add(["after the cut.bin"])
    commit = repository.commit("after the cut")
    assert repository.at(commit.id).read("after the cut.bin") == content
    after = [problem for problem in repository.fsck(data=True).problems if problem.kind not in DERIVED]
    assert not after, f"after the next commit fsck finds {after}"
