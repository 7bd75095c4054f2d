"""Paths, revisions and ids in statements: whatever they hold they are looked up, and nothing in them runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import AmbiguousRevision, InvalidInput, NotFound, OxideError, QueryError, UnknownRevision
from support import command_environment, oxide_command

HARMFUL = [
    "'",
    "''",
    "x'); DROP TABLE files; --",
    "x'; ATTACH 'evil.db'; --",
    "') UNION SELECT 1, 2 --",
    "/* */",
    "-- ",
    ";",
    "a\0b",
    "\0",
    "a\nb",
    "\n",
    "--help",
    "-x",
    "--",
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    ".oxide",
    "HEAD@{",
    "HEAD~99999999999999999999",
    "a" * 10_000,
    "\u202e",
    "\ud800",
    "{files}",
    "%s",
    "$1",
    "*",
    "[",
    "0" * 24,
    "f" * 63,
]
REFUSALS = (QueryError, UnknownRevision, AmbiguousRevision, NotFound, InvalidInput)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """One labelled file in a folder of its own, in which nothing may appear."""
    repository = make_repository(tmp_path_factory.mktemp("pets") / "tree", "it's.jpg")
    repository.annotate("it's.jpg", Annotation("class", "cat"))
    repository.commit("cat")
    before = everything(repository)
    yield repository
    assert everything(repository) == before


def everything(repository: Repository) -> list[str]:
    """The files of the working copy, those beside it, and the state of the repository."""
    beside = [str(path) for path in repository.root.parent.rglob("*") if ".oxide" not in path.parts]
    return sorted(beside) + [str(entry.id) for entry in repository.operations()]


def answer(repository: Repository, statement: str, text: str) -> int | None:
    """The number of rows of a statement that holds a text in quotes; ``None`` when it is refused."""
    quoted = text.replace("'", "''")
    try:
        return len(repository.sql(statement.replace("{}", f"'{quoted}'")).fetch_rows())
    except REFUSALS as error:
        assert str(error) and error.exit_code in (1, 2), error
        return None


@pytest.mark.parametrize("text", HARMFUL, ids=lambda text: ascii(text[:20]))
def test_arguments_are_looked_up(pets: Repository, text: str) -> None:
    assert answer(pets, "FROM history({})", text) in (None, 0)
    assert answer(pets, "FROM annotation_history({})", text) in (None, 0)
    for statement in (
        "FROM diff({})",
        "FROM diff({}, 'HEAD')",
        "FROM diff('HEAD', {})",
        "FROM diff('HEAD', 'HEAD', {})",
        "FROM files AT (VERSION => {})",
        "FROM files f AT (VERSION => {}) JOIN history({}) h ON true",
    ):
        assert answer(pets, statement, text) is None, statement
    with pytest.raises(REFUSALS):
        pets.sql("FROM files", at=text)
    assert pets.sql("SELECT count(*) FROM history('it''s.jpg')").fetch_rows() == [(1,)]


@pytest.mark.parametrize("text", HARMFUL, ids=lambda text: ascii(text[:20]))
def test_paths_are_looked_up(pets: Repository, text: str) -> None:
    for ask in (
        lambda: list(pets.log(paths=[text])),
        lambda: pets.diff(paths=[text]),
        lambda: pets.annotations(text),
        lambda: pets.metadata(text),
        lambda: pets.blame(text),
    ):
        try:
            ask()
        except OxideError as error:
            assert str(error)


def test_the_command_line_looks_them_up_too(pets: Repository, tmp_path: Path) -> None:
    for text in ("x'; ATTACH 'evil.db'; --", "--help", "a\nb", "\udcff"):
        for arguments in (["log", "--", text], ["diff", "--", text], ["sql", "FROM files", f"--at={text}"]):
            ended = subprocess.run(
                [*oxide_command(), *map(os.fsencode, arguments)],
                cwd=pets.root,
                env=command_environment(tmp_path),
                capture_output=True,
                stdin=subprocess.DEVNULL,
            )
            assert ended.returncode in (0, 1, 2) and b"unexpected" not in ended.stderr, (arguments, ended)
            assert ended.stdout == b"" and (ended.returncode == 0 or ended.stderr.startswith(b"error: ")), ended
