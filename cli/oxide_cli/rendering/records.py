"""Results as the JSON objects that the command line promises: keys are stable, more may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oxide.types import (
        AddResult,
        BlameEntry,
        Branch,
        Broken,
        CheckoutResult,
        Commit,
        Conflict,
        Diff,
        FileChanges,
        FileEntry,
        FsckResult,
        GcResult,
        IgnoredPath,
        LogEntry,
        MergeResult,
        OperationEntry,
        Person,
        ScanResult,
        Setting,
        Skipped,
        StashEntry,
        Status,
        TableChanges,
        Tag,
        Usage,
    )

Record = dict[str, object]


def person(value: Person) -> Record:
    return {"name": value.name, "email": value.email}


def commit(value: Commit) -> Record:
    return {
        "id": value.id,
        "parents": list(value.parents),
        "author": person(value.author),
        "committer": person(value.committer),
        "time": value.time.isoformat(),
        "message": value.message,
    }


def log_entry(value: LogEntry) -> Record:
    return {**commit(value.commit), "branches": sorted(value.branches), "tags": sorted(value.tags)}


def file_changes(value: FileChanges) -> Record:
    return {
        "added": sorted(value.added),
        "modified": sorted(value.modified),
        "removed": sorted(value.removed),
        "renamed": sorted([old, new] for old, new in value.renamed),
    }


def tables(value: dict[str, TableChanges]) -> Record:
    return {
        name: {"added": changes.added, "modified": changes.modified, "removed": changes.removed}
        for name, changes in sorted(value.items())
    }


def diff(value: Diff) -> Record:
    return {"files": file_changes(value.files), "tables": tables(value.tables)}


def skipped(values: list[Skipped]) -> list[Record]:
    return [{"path": value.path, "reason": value.reason} for value in sorted(values)]


def broken(values: list[Broken]) -> list[Record]:
    return [{"path": value.path, "reason": value.reason} for value in sorted(values)]


def conflict(value: Conflict) -> Record:
    return {
        "table": value.table,
        "name": value.name,
        "title": value.title,
        "reason": value.reason,
        "fields": list(value.fields),
        "base": value.base,
        "ours": value.ours,
        "theirs": value.theirs,
        "path": value.path,
        "annotation": value.annotation,
    }


def conflicts(values: list[Conflict]) -> list[Record]:
    return [
        conflict(value) for value in sorted(values, key=lambda value: (value.table != "files", value.table, value.name))
    ]


def status(value: Status) -> Record:
    return {
        "branch": value.branch,
        "head": value.head,
        "staged": {**file_changes(value.staged), "tables": tables(value.tables)},
        "modified": sorted(value.modified),
        "removed": sorted(value.removed),
        "untracked": [{"path": entry.path, "files": entry.files} for entry in sorted(value.untracked)],
        "conflicts": conflicts(value.conflicts),
        "merging": list(value.merging),
        "skipped": skipped(value.skipped),
        "empty_folders": sorted(value.empty_folders),
        "upstream": value.upstream,
        "ahead": value.ahead,
        "behind": value.behind,
        "clean": value.clean,
    }


def add_result(value: AddResult) -> Record:
    return {
        "added": sorted(value.added),
        "modified": sorted(value.modified),
        "removed": sorted(value.removed),
        "renamed": sorted([old, new] for old, new in value.renamed),
        "skipped": skipped(value.skipped),
        "empty_folders": sorted(value.empty_folders),
        "collisions": value.collisions,
        "bytes": value.bytes,
        "broken": broken(value.broken),
    }


def scan_result(value: ScanResult) -> Record:
    return {
        "read": value.read,
        "changed": value.changed,
        "broken": broken(value.broken),
        "skipped": skipped(value.skipped),
    }


def checkout_result(value: CheckoutResult) -> Record:
    return {
        "branch": value.branch,
        "head": value.head,
        "written": sorted(value.written),
        "removed": sorted(value.removed),
        "failed": skipped(value.failed),
    }


def merge_result(value: MergeResult) -> Record:
    return {
        "kind": value.kind,
        "commit": commit(value.commit) if value.commit else None,
        "conflicts": conflicts(value.conflicts),
        "files": checkout_result(value.files) if value.files else None,
    }


def branch(value: Branch) -> Record:
    return {"name": value.name, "head": value.head, "current": value.current, "upstream": value.upstream}


def tag(value: Tag) -> Record:
    return {"name": value.name, "commit": value.commit}


def stash_entry(value: StashEntry) -> Record:
    return {
        "number": value.number,
        "commit": value.commit,
        "branch": value.branch,
        "message": value.message,
        "time": value.time.isoformat(),
    }


def operation(value: OperationEntry) -> Record:
    return {
        "number": value.number,
        "id": value.id,
        "kind": value.kind,
        "description": value.description,
        "time": value.time.isoformat(),
        "author": person(value.author),
        "current": value.current,
    }


def moved(entry: OperationEntry, files: CheckoutResult | None) -> Record:
    return {"operation": operation(entry), "files": checkout_result(files) if files else None}


def blame_entry(value: BlameEntry) -> Record:
    return {"path": value.path, "change": value.change, "commit": commit(value.commit)}


def file_entry(value: FileEntry) -> Record:
    return value._asdict()


def usage(value: Usage) -> Record:
    return {
        "revision": value.revision,
        "files": value.files,
        "logical": value.logical,
        "unique": value.unique,
        "store": dict(value.store),
    }


def fsck_result(value: FsckResult) -> Record:
    return {
        "ok": value.ok,
        "checked": dict(value.checked),
        "problems": [
            {
                "object": problem.object,
                "kind": problem.kind,
                "problem": problem.problem,
                "remedy": problem.remedy,
                "repaired": problem.repaired,
            }
            for problem in value.problems
        ],
    }


def gc_result(value: GcResult, dry_run: bool) -> Record:
    holders = [holder._asdict() for holder in value.holders]
    return {**value._asdict(), "held": dict(value.held), "holders": holders, "dry_run": dry_run}


def ignored(value: IgnoredPath) -> Record:
    return {"path": value.path, "source": value.source, "line": value.line, "pattern": value.pattern}


def setting(value: Setting) -> Record:
    return {"key": value.key, "value": value.value, "origin": value.origin}
