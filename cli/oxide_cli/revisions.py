"""Telling revisions from paths among the words of a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide_cli.exit_codes import USAGE
from oxide_cli.paths import all_to_root, to_root

if TYPE_CHECKING:
    from oxide.repository import Repository


def split_arguments(
    repository: Repository, words: Sequence[str], behind_dashes: Sequence[str] | None, most: int
) -> tuple[list[str], list[str]]:
    """Up to ``most`` leading revisions, and paths below the root.

    With ``--`` everything before it is a revision. Without, a word that is no revision but exists on disk or is
    tracked begins the paths, and every word from there must be one.
    """
    from oxide.errors import InvalidInput

    if behind_dashes is not None:
        if len(words) > most:
            raise InvalidInput(
                f"{words[most]} is one revision too many", hint="paths follow `--`: oxide VERB [REV] -- PATH..."
            )
        return list(words), _limits(repository, behind_dashes)
    for at, word in enumerate(words):
        if at < most and is_revision(repository, word):
            continue
        unknown = next((path for path in words[at:] if not _is_path(repository, path, words[:at])), None)
        if unknown is None:
            return list(words[:at]), _limits(repository, words[at:])
        if unknown == word and at < most:
            _refuse_revision(repository, word)
        raise InvalidInput(
            f"{unknown} is neither a revision nor a path that exists", hint="a path that is gone follows `--`: -- PATH"
        )
    return list(words), []


def _refuse_revision(repository: Repository, word: str) -> None:
    """Say what was probably meant by a word that names no revision."""
    from oxide.errors import UnknownRevision

    try:
        for end in _ends(word):
            repository.resolve_revision(end)
    except UnknownRevision as error:
        error.exit_code = USAGE
        raise


def _is_path(repository: Repository, word: str, revisions: Sequence[str]) -> bool:
    """Whether a word is a path on disk, or one that HEAD or a revision named before it holds."""
    from oxide.errors import OxideError

    if os.path.lexists(word):
        return True
    for revision in ("HEAD", *(end for named in revisions for end in _ends(named))):
        try:
            repository.ls(revision, to_root(repository.folder, word))
            return True
        except OxideError:
            continue
    return False


def _limits(repository: Repository, words: Sequence[str]) -> list[str]:
    """Paths to look at: none where the whole tree is meant."""
    paths = all_to_root(repository, words)
    return [] if "." in paths else paths


def is_revision(repository: Repository, word: str) -> bool:
    """Whether a word names a revision, or both ends of ``A..B`` do.

    A short id that fits several commits, and no path, is an error.
    """
    from oxide.errors import AmbiguousRevision, OxideError

    try:
        for end in _ends(word):
            repository.resolve_revision(end)
        return True
    except AmbiguousRevision:
        if os.path.lexists(word):
            return False
        raise
    except OxideError as error:
        if error.code in ("unknown_revision", "not_found", "invalid", "nothing_to_do"):
            return False
        raise


def _ends(word: str) -> list[str]:
    """The revisions that ``A..B`` names, or the word itself. A third dot is :func:`split_range`'s to refuse."""
    a, dots, b = word.partition("..")
    return [end for end in (a, b.removeprefix(".")) if end] if dots else [word]


def split_range(words: Sequence[str]) -> tuple[str | None, str | None]:
    """``A``, ``A B`` or ``A..B`` as two ends; an end of a range that is left out is HEAD."""
    from oxide.errors import InvalidInput

    if len(words) == 2:
        if any(".." in word for word in words):
            raise InvalidInput("a range and another revision exclude each other", hint="write A..B, or A B")
        return words[0], words[1]
    if not words:
        return None, None
    a, dots, b = words[0].partition("..")
    if not dots:
        return a, None
    if b.startswith("."):
        raise InvalidInput("a range has two dots", hint=f"write {a}..{b[1:]}")
    return a or "HEAD", b or "HEAD"
