"""Repositories with pictures and labels, as several people work on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oxide import Repository
from oxide.labels.annotation import Annotation
from oxide.settings import Settings
from support import AUTHOR, picture, write

BOB = {"OXIDE_USER_NAME": "Bob Tester", "OXIDE_USER_EMAIL": "bob@example.org"}
DEPENDENT = ("annotations", "keyframes", "metadata")


def start(folder: Path, paths: Sequence[str] = ("a.png", "b.png"), **options: Any) -> Repository:
    """A repository with one commit of pictures."""
    repo = Repository.init(folder, settings=Settings(None, dict(AUTHOR)))
    for path in paths:
        write(repo.root, path, picture(path, **{"width": 128, "height": 112, **options}))
    repo.add(["."])
    repo.commit("pictures")
    return repo


def by_bob(repo: Repository) -> Repository:
    """The same repository, used by somebody else."""
    return Repository.open(repo.root, settings=Settings(None, dict(BOB)))


def box(label: str, *place: float, **fields: Any) -> Annotation:
    """A box: left, top, width, height."""
    left, top, width, height = place or (1, 1, 5, 5)
    return Annotation("box", label, (float(left), float(top), float(width), float(height)), **fields)


def changed(repo: Repository, path: str, identifier: str, **fields: Any) -> None:
    """Replace fields of an annotation."""
    from dataclasses import replace

    known = next(each for each in repo.annotations(path) if each.id == identifier)
    repo.annotate(path, replace(known, updated=None, updated_by=None, **fields))


def labels(repo: Repository, path: str, at: str | None = None) -> dict[str, str | None]:
    """Id to label of a file's annotations."""
    return {each.id or "": each.label for each in repo.annotations(path, at)}


def diverge(repo: Repository, ours: Any, theirs: Any) -> None:
    """Commit one change on ``main`` and another on ``other``; stands on ``main``."""
    repo.create_branch("other")
    repo.checkout("other")
    theirs()
    repo.commit("theirs")
    repo.checkout("main")
    ours()
    repo.commit("ours")


def dangling(repo: Repository) -> list[tuple[str, str, str]]:
    """(state, table, item) of rows whose item has no row in ``items`` or is no file, and of keyframes without their
    annotation, in every commit and pending.
    """
    from oxide.workspace import read_state, tables_of

    store = repo.store
    state = read_state(store)
    heads = {*state.view["branches"].values(), *(stash["commit"] for stash in state.view["stashes"])}
    heads |= {tag["commit"] for tag in state.view["tags"].values()} | ({state.base} if state.base else set())
    from oxide.history import walk

    states = {commit.id: tables_of(store, commit.id) for commit in walk(store, sorted(heads))}
    states["pending"] = state.pending
    found = []
    for name, tables in states.items():
        files = {row["item_id"] for row in store.file_rows(tables["files"][1])}
        schema, root = tables["items"]
        items = {row["item_id"] for row in rows(repo, (schema, root))}
        for table in DEPENDENT:
            if table in tables:
                used = {row["item_id"] for row in rows(repo, tables[table])}
                found += [(name, table, item) for item in used - (files & items)]
        known, tracks = (
            {(row["item_id"], row["ann_id"]) for row in rows(repo, tables[table])} if table in tables else set()
            for table in ("annotations", "keyframes")
        )
        found += [(name, "keyframes", f"{item} {annotation}") for item, annotation in tracks - known]
    return found


def rows(repo: Repository, table: tuple[str, str]) -> list[dict[str, Any]]:
    """Every row of a table."""
    from oxide import _core

    return [change["after"] for change in repo.store.diff_rows(table[0], _core.EMPTY_ROOT, table[1])]
