"""The verb that was probably meant. Imported only once one was mistyped; the engine suggests branches and tags."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or ``None`` when none is close."""
    from difflib import get_close_matches

    candidates = sorted(set(known))
    for candidate in candidates:
        if candidate.lower() == word.lower():
            return candidate
    matches = get_close_matches(word, candidates, cutoff=0.6)
    # Letters in another order are the likelier slip than one too many.
    same_letters = [each for each in matches if sorted(each) == sorted(word)]
    return next(iter([*same_letters, *matches]), None)


OTHER_TOOLS = {
    "unstage": "restore --staged",
    "rename": "mv",
    "move": "mv",
    "remove": "rm",
    "delete": "rm",
    "save": "commit",
    "ci": "commit",
    "co": "checkout",
    "st": "status",
    "br": "branch",
    "history": "log",
    "reflog": "operations",
    "ls-files": "ls -r",
    "ls-tree": "ls -r",
    "cat-file": "cat",
    "reset": "restore --staged, or oxide undo",
    "clean": "status",
    "verify": "fsck",
    "prune": "gc",
    "query": "sql",
}
"""What other tools call a verb, and what it is called here."""


def verb(word: str, known: Iterable[str]) -> str | None:
    """The verb that was probably meant, with its flags."""
    return OTHER_TOOLS.get(word) or nearest(word, known)
