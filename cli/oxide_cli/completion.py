"""Completion of branches and tags while typing: cheap, and silent when anything fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem


def names_of_revisions() -> list[str]:
    """Branches and tags of the repository around the current folder; empty where there is none."""
    from oxide.errors import OxideError

    from oxide_cli.opening import open_repository

    try:
        repository = open_repository()
        return [branch.name for branch in repository.branches()] + [tag.name for tag in repository.tags()]
    except (OxideError, OSError):
        return []


def revisions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes a REV; in ``A..B`` the part behind the dots."""
    before, dots, typed = incomplete.rpartition("..")
    return [before + dots + name for name in [*names_of_revisions(), "HEAD"] if name.startswith(typed)]


def revisions_and_paths(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a REV, or a path by the shell's own means."""
    from click.shell_completion import CompletionItem

    found = [CompletionItem(name) for name in revisions(context, parameter, incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


def branches(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a branch."""
    return _named(incomplete, "branches")


def tags(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a tag."""
    return _named(incomplete, "tags")


def _named(incomplete: str, kind: str) -> list[str]:
    from oxide.errors import OxideError

    from oxide_cli.opening import open_repository

    try:
        repository = open_repository()
        found = [entry.name for entry in (repository.branches() if kind == "branches" else repository.tags())]
    except (OxideError, OSError):
        return []
    return [name for name in found if name.startswith(incomplete)]
