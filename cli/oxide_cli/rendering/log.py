"""Commits, operations and stashes as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide_cli.rendering.text import Painter, columns, moment, quote_path, short

if TYPE_CHECKING:
    from oxide.types import BlameEntry, LogEntry, OperationEntry, StashEntry


def commit_lines(entry: LogEntry, paint: Painter) -> list[str]:
    """A commit in full, with an empty line at its end."""
    commit = entry.commit
    lines = [paint(f"commit {short(commit.id)}", "yellow") + _names(entry, paint)]
    if len(commit.parents) > 1:
        lines.append(f"Merge:  {' '.join(short(parent) for parent in commit.parents)}")
    lines.append(f"Author: {commit.author}")
    lines.append(f"Date:   {moment(commit.time)}")
    lines.append("")
    lines += [f"    {line}".rstrip() for line in commit.message.rstrip("\n").split("\n")]
    return [*lines, ""]


def commit_line(entry: LogEntry, paint: Painter) -> str:
    """A commit in a line."""
    return f"{paint(short(entry.commit.id), 'yellow')}{_names(entry, paint)} {entry.commit.summary}"


def _names(entry: LogEntry, paint: Painter) -> str:
    names = [
        *(paint(name, "green") for name in sorted(entry.branches)),
        *(paint(f"tag: {name}", "cyan") for name in sorted(entry.tags)),
    ]
    return f" ({', '.join(names)})" if names else ""


def operation_lines(entries: list[OperationEntry]) -> list[str]:
    """Operations, newest first; ``*`` marks the one that the repository stands at."""
    return columns(
        [
            (
                "*" if entry.current else " ",
                str(entry.number),
                moment(entry.time),
                entry.kind,
                entry.author.name,
                entry.description,
            )
            for entry in entries
        ],
        right=(1,),
    )


def stash_line(entry: StashEntry) -> str:
    """A stash in a line, named as ``pop`` and ``drop`` take it."""
    where = f"on {entry.branch}: " if entry.branch else ""
    return f"{entry.number}: {moment(entry.time)}  {where}{entry.message}"


def blame_lines(entries: list[BlameEntry]) -> list[str]:
    """For each file the commit that last changed it."""
    return columns(
        [
            (
                short(entry.commit.id),
                entry.change,
                moment(entry.commit.time),
                entry.commit.author.name,
                quote_path(entry.path),
                entry.commit.summary,
            )
            for entry in entries
        ]
    )
