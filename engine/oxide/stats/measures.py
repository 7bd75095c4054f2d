"""What is counted, as SQL: each statement gives rows of (name, within, value)."""

from __future__ import annotations

SIDES = (0, 8, 16, 32, 64, 96, 128, 256, 512, 1024)
"""Pixels: the side of a square of the area of a box. COCO calls up to 32 small, up to 96 medium."""
ASPECTS = (0.0, 0.5, 0.67, 0.9, 1.1, 1.5, 2.0)
"""Width by height."""
SECONDS = (0, 1, 2, 5, 10, 30, 60, 300)
PER_FILE = (0, 1, 2, 3, 6, 11, 21, 51)
"""Annotations of one file."""


def _bucket(value: str, edges: tuple[float, ...]) -> str:
    """The lower edge of the bucket that a value is in, as text."""
    cases = " ".join(f"WHEN {value} >= {edge} THEN '{edge:g}'" for edge in reversed(edges))
    return f"CASE {cases} END"


_SPLIT = "CASE WHEN json_type(value, '$.split') = 'VARCHAR' THEN value ->> '$.split' END"
_MEDIA = "files WHERE NOT link AND media IS NOT NULL"

MEASURES: dict[str, str] = {
    "files": "SELECT unnest(['all', 'bytes']), NULL, unnest([count(*), coalesce(sum(size), 0)]) FROM files",
    "media": "SELECT coalesce(media, 'other'), NULL, count(*) FROM files GROUP BY 1",
    "broken": "SELECT broken, NULL, count(*) FROM files WHERE broken IS NOT NULL GROUP BY 1",
    "size": f"SELECT width || 'x' || height, NULL, count(*) FROM {_MEDIA} AND width IS NOT NULL GROUP BY 1",
    "aspect": f"SELECT {_bucket('width / height', ASPECTS)}, NULL, count(*) FROM {_MEDIA} AND height > 0 GROUP BY 1",
    "duration": f"SELECT {_bucket('duration', SECONDS)}, NULL, count(*) FROM {_MEDIA} AND duration >= 0 GROUP BY 1",
    "seconds": f"SELECT 'all', NULL, sum(duration) FROM {_MEDIA} AND duration IS NOT NULL",
    "label": "SELECT label, NULL, count(*) FROM annotations WHERE label IS NOT NULL GROUP BY 1",
    "type": "SELECT type, NULL, count(*) FROM annotations GROUP BY 1",
    "source": "SELECT source, NULL, count(*) FROM annotations GROUP BY 1",
    "area": f"SELECT {_bucket('sqrt(w * h)', SIDES)}, NULL, count(*) FROM annotations WHERE w > 0 AND h > 0 GROUP BY 1",
    "per file": (
        f"SELECT {_bucket('number', PER_FILE)}, NULL, count(*) FROM "
        "(SELECT count(*) AS number FROM annotations GROUP BY item_id) GROUP BY 1"
    ),
    "labelled": "SELECT 'all', NULL, count(DISTINCT item_id) FROM annotations",
    "split": f"SELECT {_SPLIT}, NULL, count(*) FROM metadata WHERE {_SPLIT} IS NOT NULL GROUP BY 1",
    "split label": (
        f"SELECT label, split, count(*) FROM annotations JOIN (SELECT item_id, {_SPLIT} AS split FROM metadata) "
        "USING (item_id) WHERE split IS NOT NULL AND label IS NOT NULL GROUP BY 1, 2"
    ),
}

READS = {
    "files": ("files", "media", "broken", "size", "aspect", "duration", "seconds"),
    "annotations": ("label", "type", "source", "area", "per file", "labelled"),
    "metadata": ("split",),
}
"""Measures that read one table alone, by that table: they stay while it does. The others read several."""
JOINED = {("annotations", "metadata"): ("split label",)}


def statement(names: tuple[str, ...]) -> str:
    """One statement for several measures: rows of (measure, name, within, value)."""
    parts = (f"SELECT '{name}' AS measure, * FROM ({MEASURES[name]}) AS counted(name, part, number)" for name in names)
    return " UNION ALL ".join(parts)
