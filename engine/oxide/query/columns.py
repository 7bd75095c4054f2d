"""The fields of documents in SQL: expressions over `f` (files), `i` (items), `m` (metadata), `a` (annotations)."""

from __future__ import annotations

from typing import NamedTuple


class Expression(NamedTuple):
    """SQL, and the column that it is, where it is one: then statistics of segments say something about it."""

    sql: str
    column: str | None = None

    @property
    def table(self) -> str:
        """The letter of the table that it reads first."""
        return next(letter for letter in "mifa" if f"{letter}." in self.sql)


_NAME = "split_part(f.path, '/', -1)"
_DIR = f"'/' || rtrim(left(f.path, length(f.path) - length({_NAME})), '/')"

ITEMS = {
    "id": Expression("f.item_id", "item_id"),
    "path": Expression("f.path", "path"),
    "filename": Expression("'/' || f.path"),
    "name": Expression(_NAME),
    "dir": Expression(f"({_DIR})"),
    "type": Expression("CASE WHEN f.link THEN 'link' ELSE 'file' END"),
    "hidden": Expression("coalesce(i.hidden, false)"),
    "executable": Expression("coalesce(f.executable, false)"),
    "createdAt": Expression("i.created", "created"),
    "updatedAt": Expression("coalesce(m.updated, i.created)"),
    "creator": Expression("i.creator", "creator"),
    "updatedBy": Expression("coalesce(m.updated_by, i.creator)"),
    "mimetype": Expression("f.media", "media"),
    "bitDepth": Expression("f.bit_depth", "bit_depth"),
    "contentId": Expression("lower(hex(f.content_id))"),
    "sha256": Expression("lower(hex(f.sha256))"),
    "sourceId": Expression("i.source_id", "source_id"),
    "sourceItem": Expression("i.source_item", "source_item"),
    "frameIndex": Expression("i.frame_index", "frame_index"),
    "frameTime": Expression("i.frame_time", "frame_time"),
    "metadata": Expression("m.value"),
    **{
        name: Expression(f"f.{name}", name)
        for name in (
            *("size", "width", "height", "orientation", "channels"),
            *("frames", "fps", "duration", "broken"),
        )
    },
}
ANNOTATIONS = {
    "id": Expression("a.ann_id", "ann_id"),
    "itemId": Expression("a.item_id", "item_id"),
    "runId": Expression("a.run_id", "run_id"),
    "creator": Expression("a.author", "author"),
    "updatedBy": Expression("coalesce(a.updated_by, a.author)"),
    "createdAt": Expression("a.created", "created"),
    "updatedAt": Expression("a.updated", "updated"),
    "firstFrame": Expression("a.first_frame", "first_frame"),
    "lastFrame": Expression("a.last_frame", "last_frame"),
    "attributes": Expression("a.attributes"),
    "metadata": Expression('a."foreign"'),
    **{
        name: Expression(f"a.{name}", name)
        for name in (
            *("type", "label", "source", "model", "track", "description"),
            *("score", "x", "y", "w", "h"),
        )
    },
}
EXPRESSIONS = {"items": ITEMS, "annotations": ANNOTATIONS}
