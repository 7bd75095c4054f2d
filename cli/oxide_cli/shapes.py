"""Shapes as they are typed on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from oxide.labels.fitting import Size
    from oxide.labels.geometry import Box, Geometry

Shape = "tuple[str, Box | None, Geometry | None]"


def key_and_value(text: str) -> tuple[str, str]:
    """``KEY=VALUE`` cut in two."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"'{text}' is no KEY=VALUE")
    return key, value


def numbers(text: str, least: int, most: int, option: str) -> list[float]:
    """Numbers between commas or spaces."""
    words = text.replace(",", " ").split()
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if not least <= len(found) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise click.UsageError(f"{option} needs {wanted} numbers, not '{text}'")
    return found


def ring(text: str, option: str, least: int) -> list[float]:
    """Points ``X,Y X,Y`` as a flat list."""
    flat = numbers(text, 2 * least, 1 << 20, option)
    if len(flat) % 2:
        raise click.UsageError(f"{option} needs pairs of numbers, not '{text}'")
    return flat


def parse(drawn: dict[str, object], size: Callable[[], Size]) -> tuple[str, Box | None, Geometry | None]:
    """(type, box, geometry) of the one shape among the options; of none, a class. ``size`` is asked for that of the
    picture where a mask has to have it.
    """
    given = {name: value for name, value in drawn.items() if value and name not in ("holes",)}
    text = given.pop("text", None)
    if len(given) > 1 or (text and set(given) - {"box"}):
        raise click.UsageError("one annotation has one shape: " + ", ".join(f"--{name}" for name in given))
    box = _box(str(given["box"])) if "box" in given else None
    if text:
        return "text", box, {"text": text}
    if drawn["holes"] and "polygons" not in given:
        raise click.UsageError("--hole needs a --polygon")
    if not given:
        return "class", None, None
    name, value = next(iter(given.items()))
    if name == "box":
        return "box", box, None
    if name == "polygons":
        assert isinstance(value, tuple) and isinstance(drawn["holes"], tuple)
        parts = [[ring(text, "--polygon", 3)] for text in value]
        parts[-1] += [ring(hole, "--hole", 3) for hole in drawn["holes"]]
        return "polygon", None, {"polygons": parts}
    return _mask(str(value), size) if name == "mask" else _other(name, str(value))


def _box(text: str) -> Box:
    left, top, width, height = numbers(text, 4, 4, "--box")
    return left, top, width, height


def _other(name: str, text: str) -> tuple[str, Box | None, Geometry | None]:
    if name == "rotated_box":
        x, y, width, height, angle = numbers(text, 5, 5, "--rotated-box")
        return name, None, {"center": [x, y], "size": [width, height], "angle": angle}
    if name == "polyline":
        return name, None, {"lines": [ring(text, "--polyline", 2)]}
    if name == "point":
        x, y = numbers(text, 2, 2, "--point")
        return name, (x, y, 0.0, 0.0), None
    if name == "ellipse":
        x, y, rx, ry, angle = [*numbers(text, 4, 5, "--ellipse"), 0.0][:5]
        return name, None, {"center": [x, y], "radii": [rx, ry], "angle": angle}
    flat = numbers(text, 3, 1 << 20, "--keypoints")
    return name, None, {"points": [int(number) if index % 3 == 2 else number for index, number in enumerate(flat)]}


def _mask(path: str, size: Callable[[], Size]) -> tuple[str, Box | None, Geometry | None]:
    from oxide.labels.pictures import read_mask

    return "mask", None, read_mask(path, size())
