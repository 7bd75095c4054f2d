"""Datasets as training libraries take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from oxide.extras import import_extra
from oxide.views.handing_over import batch_of, table_schema

if TYPE_CHECKING:
    from oxide.views.item import Item
    from oxide.views.view import View


class MapDataset:
    """Items by their place. Contents are read when an index is asked for, in whatever process asks.

    Pickled it is the view and the ids: workers that are started by ``spawn`` or ``forkserver`` open the repository
    again, and see the same rows, whatever was changed meanwhile. ``transform`` must then be pickled too.
    """

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


class _Rows:
    """Makes the rows of a dataset. Pickled it is only what it stands for: ``datasets`` keeps what it made under a
    digest of the pickle, and takes it again for rows that are the same.
    """

    def __init__(self, view: View) -> None:
        self._view = view

    def __call__(self) -> Iterator[dict[str, Any]]:
        from oxide.views.view import parts

        for part in parts(self._view.ids):
            items = self._view.items_of(part)
            for row, item in zip(batch_of(items).to_pylist(), items, strict=True):
                yield {"image": {"path": item.path, "bytes": item.read()}, **row}

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (repr((self._view.state, self._view.steps, self._view.ids)),)


def hugging_face(view: View) -> Any:
    """A ``datasets.Dataset``, made as its generator goes, so that memory stays small."""
    datasets = import_extra("datasets", "hugging-face")
    # Without the types each column would have that of its first values.
    columns = datasets.Features.from_arrow_schema(table_schema())
    features = datasets.Features({"image": datasets.Image(), **columns})
    if not view.ids:  # a generator must give something
        return datasets.Dataset.from_dict({name: [] for name in features}, features=features)
    return datasets.Dataset.from_generator(_Rows(view), features=features)
