"""Batches for training: shuffled by a seed, divided among processes, read ahead, and resumed where they were left."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from oxide.errors import InvalidInput, OxideError
from oxide.views.item import Item
from oxide.views.resolving import digest

if TYPE_CHECKING:
    import numpy

    from oxide.views.view import View


class Sample(NamedTuple):
    """An item and what was made of it: its picture as an array (height, width, 3) of uint8 unless told otherwise."""

    item: Item
    value: Any


class Loader:
    """Iterating gives lists of :class:`Sample`, in an order that depends on the seed and the epoch alone.

    ``rank`` of ``world`` processes gets every ``world``-th item, so that none is seen twice; ``even`` cuts all to one
    length. ``state()`` between two batches, given to ``resume`` of a loader with the same settings, goes on behind the
    last batch. ``decode`` makes the value of an item, on a thread. Items that cannot be decoded raise, or with
    ``skip_broken`` are left out and counted in ``skipped``.
    """

    def __init__(
        self,
        view: View,
        *,
        batch: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        rank: int = 0,
        world: int = 1,
        even: bool = False,
        workers: int = 2,
        ahead: int = 2,
        decode: Callable[[Item], Any] | None = None,
        skip_broken: bool = False,
    ) -> None:
        if batch < 1 or workers < 1 or ahead < 1 or not 0 <= rank < world:
            raise InvalidInput(
                f"there is no rank {rank} of {world} with batches of {batch} and {workers} workers",
                hint="batches and workers are 1 or more, the rank is below the world",
            )
        self._view = view
        self._batch, self._workers, self._ahead = batch, workers, ahead
        self._decode = decode or Item.array
        self._skip_broken = skip_broken
        self._settings = {"seed": seed, "shuffle": shuffle, "rank": rank, "world": world, "even": even}
        self.epoch = epoch
        self.done = 0
        self.skipped = 0

    def order(self) -> list[str]:
        """The ids of this rank, as they come."""
        ids = self._view.ids
        if self._settings["shuffle"]:
            mixed = int.from_bytes(digest(self._settings["seed"], str(self.epoch))[:8], "big")
            ids = sorted(ids, key=lambda each: digest(mixed, each))
        rank, world = self._settings["rank"], self._settings["world"]
        own = ids[rank::world]
        return own[: len(ids) // world] if self._settings["even"] else own

    def __len__(self) -> int:
        return -(-len(self.order()) // self._batch)

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON: to be kept with a checkpoint."""
        return {"epoch": self.epoch, "done": self.done, "items": self._fingerprint(), **self._settings}

    def resume(self, state: dict[str, Any]) -> Loader:
        """Go on where a state was taken. Raises InvalidInput when it is of other items or settings."""
        expected = {"items": self._fingerprint(), **self._settings}
        if not {"epoch", "done"} <= state.keys() or any(state.get(name) != value for name, value in expected.items()):
            raise InvalidInput(
                "the state is of other items or settings", hint="use the same view, seed, rank and world"
            )
        self.epoch, self.done = state["epoch"], state["done"]
        return self

    def _fingerprint(self) -> str:
        return hashlib.blake2b("".join(self._view.ids).encode(), digest_size=8).hexdigest()

    def __iter__(self) -> Iterator[list[Sample]]:
        ids = self.order()
        starts = iter(range(self.done, len(ids), self._batch))
        waiting: deque[tuple[int, list[Future[Sample | None]]]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="oxide-loader") as pool:
            try:
                for start in starts:
                    waiting.append(self._begin(pool, ids[start : start + self._batch]))
                    if len(waiting) > self._ahead:
                        yield self._finish(*waiting.popleft())
                while waiting:
                    yield self._finish(*waiting.popleft())
            finally:
                for _, futures in waiting:
                    for future in futures:
                        future.cancel()
        self.epoch, self.done = self.epoch + 1, 0

    def _begin(self, pool: ThreadPoolExecutor, ids: Sequence[str]) -> tuple[int, list[Future[Sample | None]]]:
        return len(ids), [pool.submit(self._load, item) for item in self._view.items_of(ids)]

    def _finish(self, count: int, futures: list[Future[Sample | None]]) -> list[Sample]:
        samples = [future.result() for future in futures]
        self.done += count
        self.skipped += samples.count(None)
        return [sample for sample in samples if sample is not None]

    def _load(self, item: Item) -> Sample | None:
        try:
            return Sample(item, self._decode(item))
        except OxideError:
            if self._skip_broken:
                return None
            raise


def stacked(samples: Sequence[Sample]) -> numpy.ndarray[Any, numpy.dtype[Any]]:
    """The values of samples of one shape as one array: shape (samples, ...)."""
    import numpy

    return numpy.stack([sample.value for sample in samples])
