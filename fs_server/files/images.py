"""Pictures, made to fit into an answer."""

from dataclasses import dataclass
from typing import Final

from fs_server.files.parsed import Descriptor, parsed
from sandbox.parser_process import ParserLimits

__all__ = ["IMAGE_TYPES", "Picture", "picture"]

IMAGE_TYPES: Final = frozenset(f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "bmp", "tiff"))
"""Media types that can be shown."""

LONGEST_SIDE_PX: Final = 1568
"""What models see; anything larger is scaled down on their side, and paid for."""

LARGEST_BYTES: Final = 700_000
"""So that the base64 text of it, a third longer, stays under the megabyte that hosts accept."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that fits.

    Attributes:
        data: the encoded image.
        media_type: PNG, JPEG, GIF or WebP.
        width: in pixels, as given here.
        height: in pixels.
        original_width: in pixels, upright.
        original_height: in pixels.
        original_type: of the file.
        frames: that the file has; only the first is given.
        kept: `data` is the file, byte for byte.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    original_width: int
    original_height: int
    original_type: str
    frames: int
    kept: bool


async def picture(
    file: Descriptor,
    *,
    longest_side_px: int = LONGEST_SIDE_PX,
    largest_bytes: int = LARGEST_BYTES,
    limits: ParserLimits | None = None,
) -> Picture:
    """Return the image in `file`, upright, scaled down and encoded anew only if it has to be.

    Raises:
        Failure: `too_large` for too many pixels, `io_error` for a damaged file, `timeout`.
    """
    answer = await parsed(file, "image", limits=limits, longest_side_px=longest_side_px, largest_bytes=largest_bytes)
    return Picture(data=answer.body, **answer.facts)
