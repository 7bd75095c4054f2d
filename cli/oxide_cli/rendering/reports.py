"""What imports and exports report, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from oxide_cli.rendering.text import count, number

if TYPE_CHECKING:
    from oxide.labels.reports import ExportReport, ImportReport, Remark

SHOWN = 2
"""Examples that a line shows."""
Record = dict[str, object]


def imported(report: ImportReport) -> Record:
    """The object that ``import --json`` prints."""
    return {
        "format": report.format,
        "source": report.source,
        "run_id": report.run_id,
        "pictures": report.pictures,
        "files_added": list(report.files_added),
        "annotations": {
            "added": report.added,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "removed": report.removed,
        },
        "metadata": report.metadata,
        "labels_added": list(report.labels_added),
        "warnings": _remarks(report.warnings),
    }


def exported(report: ExportReport) -> Record:
    """The object that ``export --json`` prints."""
    return {
        "format": report.format,
        "target": report.target,
        "pictures": report.pictures,
        "annotations": report.annotations,
        "images": report.images,
        "losses": _remarks(report.losses),
    }


def _remarks(remarks: Sequence[Remark]) -> list[Record]:
    return [{"what": each.what, "count": each.count, "examples": list(each.examples)} for each in remarks]


def import_line(report: ImportReport, *, dry_run: bool) -> str:
    """``Imported 470 annotations of 50 files: 470 added; 50 files added, 80 labels added``."""
    kinds = [
        (report.added, "added"),
        (report.updated, "updated"),
        (report.removed, "removed"),
        (report.unchanged, "unchanged"),
    ]
    said = ", ".join(f"{number(amount)} {word}" for amount, word in kinds if amount) or "none"
    others = [
        (len(report.files_added), "file", "added"),
        (len(report.labels_added), "label", "added"),
        (report.metadata, "file", "with new metadata"),
    ]
    more = ", ".join(f"{count(amount, noun)} {word}" for amount, noun, word in others if amount)
    verb = "Would import" if dry_run else "Imported"
    if not report.changed:
        return (
            f"Nothing to import: {count(report.unchanged, 'annotation')} of {count(report.pictures, 'file')} unchanged"
        )
    return f"{verb} labels of {count(report.pictures, 'file')}: annotations {said}" + (f"; {more}" if more else "")


def export_line(report: ExportReport) -> str:
    """``Exported 470 annotations of 50 files to instances.json``."""
    said = f"Exported {count(report.annotations, 'annotation')} of {count(report.pictures, 'file')} to {report.target}"
    return said + (f", with {count(report.images, 'picture')}" if report.images else "")


def remark_lines(remarks: Sequence[Remark]) -> Iterator[str]:
    """One line each: what, how often, and where first."""
    for each in remarks:
        more = ", ..." if each.count > SHOWN else ""
        yield f"{each.what} ({number(each.count)}): {', '.join(each.examples[:SHOWN])}{more}"
