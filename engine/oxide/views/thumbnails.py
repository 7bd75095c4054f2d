"""A view in a notebook: its first pictures, or their names."""

from __future__ import annotations

import base64
import html as markup
import io
from typing import TYPE_CHECKING

from oxide.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from oxide.views.item import Item
    from oxide.views.view import View

SHOWN = 12
SIDE = 128


def html(view: View) -> str:
    """The first items as pictures that need no server, everything escaped."""
    cells = "".join(_cell(item) for item in view.take(SHOWN))
    count = len(view)
    note = f"{count} items" if count <= SHOWN else f"the first {SHOWN} of {count} items"
    return f"<div style='display:flex;flex-wrap:wrap;gap:4px'>{cells}</div><p>{note}</p>"


def _cell(item: Item) -> str:
    name = markup.escape(item.path, quote=True)
    labels = markup.escape(", ".join(sorted({each.label for each in item.annotations if each.label})))
    try:
        picture = item.picture().convert("RGB")
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=80)
        data = base64.b64encode(out.getvalue()).decode()
        shown = f"<img alt='{name}' title='{name}' src='data:image/jpeg;base64,{data}'>"
    except (InvalidInput, MissingExtra):
        shown = f"<code>{name}</code>"
    return f"<figure style='margin:0'>{shown}<figcaption>{labels}</figcaption></figure>"
