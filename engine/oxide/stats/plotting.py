"""A picture of the distributions: a panel of bars for each measure, drawn without any plotting library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide.errors import AlreadyExists, InvalidInput
from oxide.extras import import_extra
from oxide.stats.showing import Panel

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

WIDTH, ROW, GAP, NAMES = 560, 22, 24, 170
_BARS = ((59, 130, 246), (16, 185, 129), (245, 158, 11), (239, 68, 68), (139, 92, 246), (20, 184, 166))
_INK, _PALE, _PAPER = (30, 41, 59), (148, 163, 184), (255, 255, 255)


def plot(panels: Sequence[Panel], names: Sequence[str], path: str | os.PathLike[str]) -> None:
    """Write the panels as PNG, two in a row; ``names`` are those of the states, in the colours of their bars.

    Raises:
        AlreadyExists: the file is there.
        InvalidInput: its name does not end in .png.
        MissingExtra: drawing needs the extra ``vision``.
    """
    import_extra("PIL", "vision")
    from PIL import Image, ImageDraw, ImageFont

    if not os.fspath(path).lower().endswith(".png"):
        raise InvalidInput(f"'{path}' does not end in .png", hint="as in stats.png", path=os.fspath(path))
    if os.path.lexists(path):
        raise AlreadyExists(f"'{path}' is there already", hint="name a new file", path=os.fspath(path))
    columns: list[list[Panel]] = [[], []]
    for panel in panels:
        min(columns, key=lambda column: sum(map(_height, column))).append(panel)
    height = 60 + max(sum(map(_height, column)) for column in columns)
    picture = Image.new("RGB", (2 * WIDTH + 3 * GAP, height), _PAPER)
    pen = ImageDraw.Draw(picture)
    large, left = ImageFont.load_default(18), float(GAP)
    for at, name in enumerate(names):
        pen.text((left, 16), name, _BARS[at % len(_BARS)] if len(names) > 1 else _INK, large)
        left += pen.textlength(name, large) + GAP
    small = ImageFont.load_default(13)
    for at, column in enumerate(columns):
        top = 60
        for panel in column:
            _draw(pen, panel, GAP + at * (WIDTH + GAP), top, small)
            top += _height(panel)
    picture.save(path, "PNG")


def _height(panel: Panel) -> int:
    return ROW * (len(panel.rows) + 1) + GAP


def _draw(pen: ImageDraw, panel: Panel, left: int, top: int, font: Font) -> None:
    pen.text((left, top), panel.title, _INK, font)
    most = max((number for _, numbers in panel.rows for number in numbers), default=0) or 1
    room = WIDTH - NAMES - 90
    for line, (name, numbers) in enumerate(panel.rows, start=1):
        y = top + line * ROW
        pen.text((left, y + 2), _cut(pen, name, NAMES - 10, font), _INK, font)
        thick = (ROW - 6) / len(numbers)
        for at, number in enumerate(numbers):
            length = max(1, round(room * number / most)) if number else 0
            box = (left + NAMES, y + 2 + at * thick, left + NAMES + length, y + 1 + (at + 1) * thick)
            if length:
                pen.rectangle(box, _BARS[at % len(_BARS)])
        pen.text((left + NAMES + room + 8, y + 2), " ".join(f"{number:,.0f}" for number in numbers), _PALE, font)


def _cut(pen: ImageDraw, name: str, room: int, font: Font) -> str:
    if pen.textlength(name, font) <= room:
        return name
    while name and pen.textlength(name + "…", font) > room:
        name = name[:-1]
    return name + "…"
