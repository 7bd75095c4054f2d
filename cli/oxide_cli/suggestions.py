"""The word that was probably meant. Imported only once something was mistyped."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or ``None`` when none is close."""
    from difflib import get_close_matches

    candidates = sorted(set(known))
    for candidate in candidates:
        if candidate.lower() == word.lower():
            return candidate
    matches = get_close_matches(word, candidates, n=1, cutoff=0.6)
    return matches[0] if matches else None


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


def revision(words: Iterable[str]) -> str | None:
    """The branch or tag that one of the words of a command probably meant."""
    from oxide_cli.completion import names_of_revisions

    known = names_of_revisions()
    for word in words:
        if word.startswith("-") or word in known:
            continue
        for part in (word, *word.split("..")):
            match = nearest(part.split("~")[0].split("^")[0].split(":")[0], known)
            if match:
                return match
    return None
