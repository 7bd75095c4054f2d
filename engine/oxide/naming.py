"""Branches and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide.errors import AlreadyExists, InvalidInput, UnknownRevision
from oxide.revisions import check_name, resolve
from oxide.transactions import publish
from oxide.types import Branch, Tag
from oxide.workspace import WORKSPACE, read_state

if TYPE_CHECKING:
    from oxide._core import Record
    from oxide.repository import Repository


def branches(repository: Repository) -> list[Branch]:
    """All branches by name, the current one even before its first commit."""
    state = read_state(repository.store)
    heads: dict[str, str | None] = dict(state.view["branches"])
    if state.branch is not None:
        heads.setdefault(state.branch, None)
    upstreams = state.view["upstreams"]
    return [Branch(name, heads[name], name == state.branch, upstreams.get(name)) for name in sorted(heads)]


def create_branch(repository: Repository, name: str, revision: str) -> Branch:
    """A new branch at a revision."""
    check_name(name, "branch")

    def change(view: Record) -> None:
        if name in view["branches"]:
            raise AlreadyExists(
                f"branch '{name}' exists already", hint=f"go to it with `oxide checkout {name}`, or choose another name"
            )
        refuse_name_of_tag(view, name)
        view["branches"][name] = commit

    with repository.store.begin() as session:
        commit = resolve(repository.store, read_state(repository.store), revision)
        publish(repository, session, "branch", f"branch {name}", change)
    return Branch(name, commit, False, None)


def refuse_name_of_tag(view: Record, name: str) -> None:
    """A name is a branch or a tag, never both: a revision must say which commit is meant."""
    if name in view["tags"]:
        raise AlreadyExists(
            f"a tag is named '{name}', so a branch of this name would be ambiguous", hint="choose another name"
        )


def delete_branch(repository: Repository, name: str) -> None:
    """Forget a branch that is not the current one."""

    def change(view: Record) -> None:
        if view["workspaces"][WORKSPACE]["branch"] == name:
            raise InvalidInput(f"branch '{name}' is the current one", hint="go to another first: oxide checkout NAME")
        if name not in view["branches"]:
            raise UnknownRevision(
                f"there is no branch '{name}'", hint=_close(name, list(view["branches"])) or "see `oxide branch`"
            )
        del view["branches"][name]
        view["upstreams"].pop(name, None)

    with repository.store.begin() as session:
        publish(repository, session, "branch", f"branch -d {name}", change)


def tags(repository: Repository) -> list[Tag]:
    """All tags by name."""
    view = read_state(repository.store).view
    return [Tag(name, view["tags"][name]["commit"]) for name in sorted(view["tags"])]


def create_tag(repository: Repository, name: str, revision: str) -> Tag:
    """A new tag at a revision."""
    check_name(name, "tag")

    def change(view: Record) -> None:
        if name in view["tags"]:
            raise AlreadyExists(
                f"tag '{name}' exists already",
                hint=f"remove it first with `oxide tag -d {name}`, or choose another name",
            )
        if name in view["branches"]:
            raise AlreadyExists(
                f"a branch is named '{name}', so a tag of this name would be ambiguous", hint="choose another name"
            )
        view["tags"][name] = {"commit": commit}

    with repository.store.begin() as session:
        commit = resolve(repository.store, read_state(repository.store), revision)
        publish(repository, session, "tag", f"tag {name}", change)
    return Tag(name, commit)


def delete_tag(repository: Repository, name: str) -> None:
    """Forget a tag."""

    def change(view: Record) -> None:
        if name not in view["tags"]:
            raise UnknownRevision(
                f"there is no tag '{name}'", hint=_close(name, list(view["tags"])) or "see `oxide tag`"
            )
        del view["tags"][name]

    with repository.store.begin() as session:
        publish(repository, session, "tag", f"tag -d {name}", change)


def _close(name: str, names: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else ""
