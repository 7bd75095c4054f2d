"""Pictures that hold labels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats.files import open_picture
from oxide.labels import masks

if TYPE_CHECKING:
    from oxide.labels.masks import Mask


def read_mask(path: str | os.PathLike[str]) -> Mask:
    """The pixels of a picture that are not black, as a mask.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no picture, or too large to be one.
        MissingExtra: reading pictures needs the extra ``vision``.
    """
    import_extra("PIL", "vision")
    import numpy
    from PIL import Image

    try:
        with open_picture(path) as picture:
            if picture.width * picture.height > masks.MAXIMUM_PIXELS:
                raise InvalidInput(f"'{path}' is too large for a mask", hint="give a mask of the picture's own size")
            pixels = numpy.asarray(picture.convert("RGBA") if picture.mode in ("P", "PA", "LA") else picture)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{path}'", hint="name a picture", path=os.fspath(path)) from error
    except (OSError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"'{path}' cannot be read as a picture: {error}", hint="give a PNG") from error
    if pixels.ndim == 2:
        return masks.encode(pixels > 0)
    shown = pixels[:, :, :3].max(axis=2) > 0
    if pixels.shape[2] == 4:
        shown &= pixels[:, :, 3] > 0
    return masks.encode(shown)
