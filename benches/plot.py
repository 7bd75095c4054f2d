"""The comparison as a picture: one line for each row, a dot for each tool at its median, a bar over its range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from benches.rows import Spread

COLOURS = {
    "oxide": "#d6336c",
    "git": "#495057",
    "git-lfs": "#868e96",
    "dvc": "#1c7ed6",
    "oxen": "#2f9e44",
    "restic": "#e8590c",
    "borg": "#7048e8",
}
WIDTH, LEFT, RIGHT, LINE, TOP, BOTTOM = 1000, 470, 30, 34, 66, 40


@dataclass(frozen=True)
class Line:
    """One line of the picture."""

    title: str
    target: float
    dots: dict[str, Spread | None]
    """By tool."""


def plot(lines: list[Line], tools: list[str]) -> str:
    """An SVG. The scale is logarithmic: half and double are equally far from 1."""
    spreads = [found for line in lines for found in line.dots.values() if found]
    extremes = [value for found in spreads for value in (found.least, found.most)]
    extremes += [1.0, *(line.target for line in lines)]
    low = math.floor(math.log10(min(extremes)))
    high = max(math.ceil(math.log10(max(extremes))), low + 1)
    height = TOP + LINE * len(lines) + BOTTOM

    def across(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *legend(tools),
    ]
    bottom = height - BOTTOM
    for power in range(low, high + 1):
        x = across(10**power)
        shade = "#495057" if power == 0 else "#dee2e6"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{shade}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#495057">{10**power:g} x</text>')
    for number, line in enumerate(lines):
        y = TOP + LINE * number + LINE / 2
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" fill="#212529">{escape(line.title)}</text>'
        )
        x = across(line.target)
        parts.append(
            f'<line x1="{x:.1f}" y1="{y - 13}" x2="{x:.1f}" y2="{y + 13}" stroke="#d6336c" stroke-dasharray="3 2"/>'
        )
        for tool in reversed(tools):  # ours last, so that it lies above the others
            if found := line.dots.get(tool):
                parts += dot(tool, y, across(found.least), across(found.median), across(found.most))
    return "\n".join([*parts, "</svg>", ""])


def legend(tools: list[str]) -> list[str]:
    """Names beside their colours, and what a dashed line is."""
    parts = []
    x = 20
    for tool in tools:
        parts.append(f'<circle cx="{x}" cy="24" r="6" fill="{COLOURS[tool]}"/><text x="{x + 11}" y="29">{tool}</text>')
        x += 34 + 8 * len(tool)
    parts.append(f'<line x1="{x}" y1="13" x2="{x}" y2="35" stroke="#d6336c" stroke-dasharray="3 2"/>')
    parts.append(f'<text x="{x + 9}" y="29">the most that Oxide may take; left is faster</text>')
    return parts


def dot(tool: str, y: float, least: float, median: float, most: float) -> list[str]:
    """A tool's median over its range."""
    colour = COLOURS[tool]
    radius = 7 if tool == "oxide" else 5
    return [
        f'<line x1="{least:.1f}" y1="{y}" x2="{most:.1f}" y2="{y}" stroke="{colour}" stroke-width="3" opacity="0.35"/>',
        f'<circle cx="{median:.1f}" cy="{y}" r="{radius}" fill="{colour}"><title>{tool}</title></circle>',
    ]
