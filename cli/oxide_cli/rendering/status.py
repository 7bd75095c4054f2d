"""``oxide status`` as text: what is to be committed, what is not, and the command that acts on each."""

from __future__ import annotations

from collections.abc import Iterator

from oxide_cli.rendering.changes import count_of_rows, more, name_of_conflict
from oxide_cli.rendering.text import Painter, count, quote_path, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.types import FileChanges, Status, Untracked


def status_lines(status: Status, paint: Painter, everything: bool = False) -> Iterator[str]:
    """The sections that have something to say, each led by the command that acts on it."""
    yield headline(status)
    yield from _upstream(status)
    if status.merging:
        yield ""
        yield f"Merging {', '.join(short(head) for head in status.merging)}:"
        yield '  (use "oxide merge --continue" to conclude it, "oxide merge --abort" to go back)'
    sections = (
        (
            "Conflicts to resolve:",
            '(use "oxide resolve PATH --ours|--theirs|--base" to take a side, or edit and "oxide add PATH"; then\n'
            '  "oxide commit" to conclude, or "oxide merge --abort" to go back)',
            [
                paint(f"conflict:  {name_of_conflict(conflict)} ({conflict.reason})", "red")
                for conflict in status.conflicts
            ],
        ),
        (
            "Changes to be committed:",
            '(use "oxide commit -m TEXT" to record them, "oxide restore --staged PATH..." to unstage)',
            [paint(line, "green") for line in [*staged_lines(status.staged), *_tables(status)]],
        ),
        (
            "Modified files:",
            '(use "oxide add PATH..." to stage, "oxide restore PATH..." to discard)',
            [paint(f"modified:  {quote_path(path)}", "yellow") for path in sorted(status.modified)],
        ),
        (
            "Removed files:",
            '(use "oxide rm PATH..." to stage, "oxide restore PATH..." to bring back)',
            [paint(f"removed:   {quote_path(path)}", "red") for path in sorted(status.removed)],
        ),
        (
            "Untracked files:",
            '(use "oxide add PATH..." to stage)',
            [paint(_untracked(entry), "red") for entry in sorted(status.untracked)],
        ),
        (
            "Skipped files:",
            "(they cannot be versioned; see the reason, or name them in .oxideignore)",
            [f"{quote_path(entry.path)}: {entry.reason}" for entry in sorted(status.skipped)],
        ),
        (
            "Empty folders:",
            "(folders are versioned through their files)",
            [quote_path(path) for path in sorted(status.empty_folders)],
        ),
    )
    for title, commands, lines in sections:
        if lines:
            yield ""
            yield title
            yield f"  {commands}"
            yield from (f"  {line}" for line in more(lines, everything))
    yield from _conclusion(status)


def headline(status: Status) -> str:
    """Where the workspace stands: ``On branch main -> ab28049e028d2a00``."""
    head = short(status.head) if status.head else "no commit yet"
    return f"On branch {status.branch} -> {head}" if status.branch else f"On no branch, detached -> {head}"


def staged_lines(changes: FileChanges) -> list[str]:
    """Staged files, one a line."""
    return [
        *(f"added:     {quote_path(path)}" for path in sorted(changes.added)),
        *(f"modified:  {quote_path(path)}" for path in sorted(changes.modified)),
        *(f"removed:   {quote_path(path)}" for path in sorted(changes.removed)),
        *(f"renamed:   {quote_path(old)} -> {quote_path(new)}" for old, new in sorted(changes.renamed)),
    ]


def _tables(status: Status) -> list[str]:
    return [f"{name}:  {count_of_rows(changes)}" for name, changes in sorted(status.tables.items())]


def _untracked(entry: Untracked) -> str:
    if entry.path.endswith("/"):
        return f"{quote_path(entry.path)} with untracked {entry.files} {'file' if entry.files == 1 else 'files'}"
    return quote_path(entry.path)


def _upstream(status: Status) -> Iterator[str]:
    if not status.upstream:
        return
    if status.ahead and status.behind:
        yield (
            f"Your branch and {status.upstream} have diverged: {count(status.ahead, 'commit')} here, "
            f'{count(status.behind, "commit")} there (use "oxide pull")'
        )
    elif status.ahead:
        yield f'Your branch is ahead of {status.upstream} by {count(status.ahead, "commit")} (use "oxide push")'
    elif status.behind:
        yield f'Your branch is behind {status.upstream} by {count(status.behind, "commit")} (use "oxide pull")'
    else:
        yield f"Your branch is up to date with {status.upstream}"


def _conclusion(status: Status) -> Iterator[str]:
    if status.clean:
        yield ""
        if status.head is None:
            yield 'Nothing to commit yet (use "oxide add PATH..." to start)'
        elif status.skipped:
            yield "Nothing to commit; whether the skipped files changed is not known"
        else:
            yield "Nothing to commit, the working copy is clean"


def porcelain_lines(status: Status) -> Iterator[str]:
    """Two letters and a path, stable for scripts: staged state, state of the working copy.

    ``A M D R`` and ``??`` as in git's first format, ``UU`` for a conflict, ``T`` for a table with pending rows,
    ``!!`` for a file that was skipped.
    """
    renamed = {new: old for old, new in status.staged.renamed}
    in_conflict = {conflict.name for conflict in status.conflicts if conflict.table == "files"}
    staged = {
        **dict.fromkeys(status.staged.added, "A"),
        **dict.fromkeys(status.staged.modified, "M"),
        **dict.fromkeys(status.staged.removed, "D"),
        **dict.fromkeys(renamed, "R"),
    }
    working = {**dict.fromkeys(status.modified, "M"), **dict.fromkeys(status.removed, "D")}
    for path in sorted({*staged, *working, *in_conflict}):
        if path in in_conflict:
            yield f"UU {quote_path(path)}"
            continue
        name = f"{quote_path(renamed[path])} -> {quote_path(path)}" if path in renamed else quote_path(path)
        yield f"{staged.get(path, ' ')}{working.get(path, ' ')} {name}"
    for conflict in status.conflicts:
        if conflict.table != "files":
            yield f"UU {quote_path(conflict.title)}"
    for table in sorted(status.tables):
        yield f"T  {table}"
    for entry in sorted(status.untracked):
        yield f"?? {quote_path(entry.path)}"
    for skipped in sorted(status.skipped):
        yield f"!! {quote_path(skipped.path)}"
