"""An item of a view: what is known of it, and its content when it is asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.extras import import_extra
from oxide.formats.files import open_picture
from oxide.reading import open_content

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

    from oxide._core import Store
    from oxide.labels.annotation import Annotation


class Item:
    """``record`` has the fields of ``docs/queries.md``; ``annotations`` are those that the view keeps."""

    __slots__ = ("_store", "annotations", "record")

    def __init__(self, store: Store, record: Mapping[str, Any], annotations: list[Annotation]) -> None:
        self._store = store
        self.record = record
        self.annotations = annotations

    @property
    def id(self) -> str:
        """24 hex digits."""
        return str(self.record["id"])

    @property
    def path(self) -> str:
        """From the root of the repository."""
        return str(self.record["path"])

    @property
    def metadata(self) -> dict[str, Any]:
        """Its JSON object; empty without any."""
        found: dict[str, Any] = self.record["metadata"]
        return found

    def open(self) -> IO[bytes]:
        """The content, open for reading."""
        return open_content(self._store, self.record["contentId"], self.record["size"])

    def read(self) -> bytes:
        """The whole content."""
        return self._store.content(self.record["contentId"])

    def picture(self) -> Image:
        """The content as an upright picture.

        Raises:
            InvalidInput: it is none.
            MissingExtra: this needs the extra ``vision``.
        """
        images, operations = import_extra("PIL.Image", "vision"), import_extra("PIL.ImageOps", "vision")
        try:
            with open_picture(io.BytesIO(self.read())) as picture:
                upright: Image = operations.exif_transpose(picture)
                upright.load()
                return upright
        except (OSError, ValueError, SyntaxError, images.DecompressionBombError) as error:
            raise InvalidInput(
                f"{self.path} is no picture that can be shown: {error}", hint="`oxide scan` says what it is"
            ) from error

    def array(self) -> numpy.ndarray[tuple[int, int, int], numpy.dtype[numpy.uint8]]:
        """The picture as red, green, blue: shape (height, width, 3), uint8. Raises as :meth:`picture`."""
        import numpy

        return numpy.asarray(self.picture().convert("RGB"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without the content: it is read where it is asked for, from the same folder."""
        return _opened_again, (self._store.control, self.record, self.annotations)

    def __repr__(self) -> str:
        return f"Item({self.path!r})"


def _opened_again(control: str, record: Mapping[str, Any], annotations: list[Annotation]) -> Item:
    from oxide._core import Store

    return Item(Store.open(control), record, annotations)
