"""Every verb that reads, in a copy of the specimen: what it gives, or how it fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from oxide import Repository
from oxide.errors import OxideError
from oxide.settings import Settings
from support import AUTHOR, tree, write

CONTENTS = ("images/007.png", "images/005.png", "table.csv", "clip.mp4", "other.mp4", "shortcut", "notes.txt")


class Failed(NamedTuple):
    """A typed failure."""

    code: str
    exit_code: int
    message: str
    hint: str


Outcomes = dict[str, Any]


def opened(root: Path) -> Repository:
    """The repository, with settings that depend on nothing around the test."""
    return Repository.open(root, settings=Settings(None, dict(AUTHOR)))


def observe(root: Path, *, changing: bool = True) -> Outcomes:
    """The outcome of each verb; those that change something come last."""
    outcomes: Outcomes = {}

    def take(verb: str, work: Callable[[Repository], Any]) -> None:
        try:
            outcomes[verb] = work(opened(root))
        except OxideError as error:
            outcomes[verb] = Failed(error.code, error.exit_code, str(error), error.hint)

    take("status", lambda repo: repo.status())
    take("log", lambda repo: [entry.commit.id for entry in repo.log()])
    take("ls", lambda repo: repo.ls(recursive=True))
    for path in CONTENTS:
        take(f"cat {path}", lambda repo, path=path: repo.at("HEAD").read(path))
    take("cat reference.bin", lambda repo: repo.at("HEAD").read("reference.bin"))
    take("diff", lambda repo: repo.diff("v1", "HEAD"))
    take("operations", lambda repo: [operation.id for operation in repo.operations()])
    take("tags", lambda repo: repo.tags())
    for table in ("files", "commits", "operations"):
        take(f"sql {table}", lambda repo, table=table: repo.sql(f"SELECT * FROM {table} ORDER BY ALL").fetch_rows())
    if changing:
        take("commit", lambda repo: _commit(repo))
        take("checkout", lambda repo: _there_and_back(repo, "v1"))
        take("checkout table.csv", lambda repo: _restored(repo))
    return outcomes


def _commit(repo: Repository) -> list[str]:
    write(repo.root, "later.txt", "later\n")
    repo.add(["later.txt"])
    repo.commit("Later")
    return sorted(entry.path for entry in repo.ls(recursive=True))


def _there_and_back(repo: Repository, revision: str) -> Any:
    repo.checkout(revision)
    there = tree(repo.root)
    repo.checkout("main")
    return there, tree(repo.root)


def _restored(repo: Repository) -> Any:
    for path in CONTENTS:
        (repo.root / path).unlink(missing_ok=True)
    repo.restore(["."])
    return tree(repo.root)


def wrong(sound: Outcomes, found: Outcomes, name: str) -> list[str]:
    """What breaks the rule: a verb gives what it gave before, or a failure that names an object and a remedy."""
    complaints = []
    for verb, outcome in found.items():
        if not isinstance(outcome, Failed):
            if outcome != sound[verb]:
                complaints.append(f"{verb} silently gives something else: {str(outcome)[:300]}")
            continue
        if outcome.code not in ("integrity", "unsupported", "invalid"):
            complaints.append(f"{verb} fails with {outcome}")
        if not outcome.hint:
            complaints.append(f"{verb} has no remedy: {outcome}")
        if name not in outcome.message and not re.search(r"[0-9a-f]{64}", outcome.message):
            complaints.append(f"{verb} names no object: {outcome}")
    return complaints
