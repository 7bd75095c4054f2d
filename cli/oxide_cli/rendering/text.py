"""Names, numbers, sizes and times as people read them."""

from __future__ import annotations

from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

Painter = Callable[[str, str], str]
"""``paint(text, style)``: the text in a style, or as it is where colour is off."""

SHORT_ID = 16
LISTED = 20
"""Lines shown of a long section."""
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def plain(text: str, style: str) -> str:
    """The painter without colour."""
    return text


def short(identifier: str) -> str:
    """The beginning of an id: enough to name it on a terminal."""
    return identifier[:SHORT_ID]


def quote_path(path: str) -> str:
    """A path for a line of text: as it is, or in quotes with backslash escapes when it would break or fake the line.

    Bytes that are not UTF-8 (U+F780 to U+F7FF in the engine's paths) are shown as octal escapes, as git does.
    """
    if path.isprintable() and not path.startswith('"') and not any(_is_raw_byte(character) for character in path):
        return path
    return '"' + "".join(_escape(character) for character in path) + '"'


def _is_raw_byte(character: str) -> bool:
    return "\uf780" <= character <= "\uf7ff" or "\udc80" <= character <= "\udcff"


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if _is_raw_byte(character):
        return f"\\{ord(character) & 0xFF:03o}"
    if character.isprintable() or character == "\u3000":
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogatepass"))


def number(value: int) -> str:
    """``12,411``."""
    return f"{value:,}"


def count(value: int, noun: str, several: str = "") -> str:
    """``1 file``, ``12,411 files``."""
    return f"{value:,} {noun if value == 1 else several or noun + 's'}"


def size(value: float) -> str:
    """``512 B``, ``1.2 MB``: powers of 1000, as disks are sold."""
    if abs(value) < 1000:
        return f"{int(value)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if abs(value) < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} PB"


def duration(seconds: float) -> str:
    """``4 s``, ``2 min 10 s``, ``1 h 5 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(time: datetime) -> str:
    """``2026-03-01 14:05:09 +0100``, in the zone it was recorded in."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z").rstrip()


def columns(rows: list[tuple[str, ...]], right: tuple[int, ...] = (), indent: str = "") -> list[str]:
    """Rows as aligned columns; those in ``right`` are aligned to the right, the last one is never padded."""
    if not rows:
        return []
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [
            gap + cell if at in right else cell + gap for at, (cell, gap) in enumerate(zip(row, gaps, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def display_width(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for a mark on the one before."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
