"""Datasets as training libraries take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from oxide.extras import import_extra
from oxide.views.handing_over import batch_of

if TYPE_CHECKING:
    from oxide.views.item import Item
    from oxide.views.view import View


class MapDataset:
    """Items by their place. Contents are read when an index is asked for, in whatever process asks."""

    def __init__(self, view: View, transform: Callable[[Item], Any] | None = None) -> None:
        self._view = view
        self._transform = transform
        self.ids = view.ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Any:
        (item,) = self._view.items_of([self.ids[index]])
        return (item.array(), item) if self._transform is None else self._transform(item)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several at once, with one look into the tables. Torch asks so for a batch."""
        items = self._view.items_of([self.ids[index] for index in indices])
        return [(item.array(), item) if self._transform is None else self._transform(item) for item in items]


def hugging_face(view: View) -> Any:
    """A ``datasets.Dataset``, made as its generator goes, so that memory stays small."""
    from oxide.views.view import parts

    datasets = import_extra("datasets", "hugging-face")

    def rows() -> Iterator[dict[str, Any]]:
        for part in parts(view.ids):
            items = view.items_of(part)
            for row, item in zip(batch_of(items).to_pylist(), items, strict=True):
                yield {"image": {"path": item.path, "bytes": item.read()}, **row}

    dataset = datasets.Dataset.from_generator(rows)
    return dataset.cast_column("image", datasets.Image())
