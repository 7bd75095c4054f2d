"""Pictures that hold labels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats.files import open_picture
from oxide.labels import fitting, masks

if TYPE_CHECKING:
    from oxide.labels.fitting import Size
    from oxide.labels.masks import Mask


def read_mask(path: str | os.PathLike[str], size: Size = (None, None)) -> Mask:
    """The pixels of a picture that are not black, as a mask. ``size``: width and height that it must have, as far as
    they are known; its header tells before it is unpacked.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no picture, too large to be one, or of another size.
        MissingExtra: reading pictures needs the extra ``vision``.
    """
    import_extra("PIL", "vision")
    import numpy
    from PIL import Image

    try:
        with open_picture(path) as picture:
            _check_size(os.fspath(path), picture.size, size)
            if picture.width * picture.height > masks.MAXIMUM_PIXELS:
                raise InvalidInput(f"'{path}' is too large for a mask", hint="give a mask of the picture's own size")
            pixels = numpy.asarray(picture.convert("RGBA") if picture.mode in ("P", "PA", "LA") else picture)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{path}'", hint="name a picture", path=os.fspath(path)) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"'{path}' cannot be read as a picture: {error}", hint="give a PNG") from error
    if pixels.ndim == 2:
        return masks.encode(pixels > 0)
    shown = pixels[:, :, :3].max(axis=2) > 0
    if pixels.shape[2] == 4:
        shown &= pixels[:, :, 3] > 0
    return masks.encode(shown)


def _check_size(path: str, has: tuple[int, int], wanted: Size) -> None:
    try:
        fitting.check_mask_size(has, *wanted)
    except InvalidInput as error:
        raise InvalidInput(f"'{path}': {error.message}", hint=error.hint, path=path) from error
