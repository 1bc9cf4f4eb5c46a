"""Scale an image to fit. Runs in a child process only: Pillow decodes hostile bytes."""

import io
import warnings
from importlib import import_module
from typing import Any, BinaryIO, Final

from PIL import Image, ImageOps

from fs_server.errors import Failure

__all__ = ["parse"]

MOST_PIXELS: Final = 100_000_000
"""Of the file. In four bytes each, with the copy that turning it needs, this stays within the memory allowed."""

_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_SHOWN_AS_IS: Final = frozenset({"PNG", "JPEG", "GIF", "WEBP"})
_ORIENTATION: Final = 0x0112
_LYING: Final = frozenset({5, 6, 7, 8})
"""The orientations of EXIF by which width becomes height."""

_QUALITIES: Final = (85, 75, 60)
_SMALLER: Final = 0.75

# The limit is ours, and told in our words.
Image.MAX_IMAGE_PIXELS = None
# What Pillow imports where it needs it: loaded now, because nothing can be opened later.
Image.preinit()
for _module in (
    "ExifTags",
    "ImageCms",
    "ImageColor",
    "ImagePalette",
    "MpoImagePlugin",
    "TiffImagePlugin",
    "WebPImagePlugin",
):
    import_module(f"PIL.{_module}")


def parse(stream: BinaryIO, *, longest_side_px: int, largest_bytes: int) -> tuple[dict[str, Any], bytes]:
    """Return the facts of `images.Picture` and the encoded image.

    Raises:
        Failure: `too_large`, for too many pixels; `io_error`, for what is no image.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(stream, formats=_FORMATS) as image:
            return _fitted(image, stream, longest_side_px, largest_bytes)
    except (OSError, SyntaxError, ValueError) as error:
        raise Failure("io_error", "The image is damaged or cut off", type(error).__name__) from error


def _fitted(
    image: Image.Image, stream: BinaryIO, longest_side_px: int, largest_bytes: int
) -> tuple[dict[str, Any], bytes]:
    if image.width * image.height > MOST_PIXELS:
        raise Failure(
            "too_large",
            "The image has too many pixels",
            f"{image.width} x {image.height}; the limit is {MOST_PIXELS}",
            'format="base64" gives the bytes',
        )
    # A photograph with a small copy of itself inside is an MPO to Pillow, and a JPEG to everyone else.
    kind = "JPEG" if image.format == "MPO" else image.format or ""
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    orientation = image.getexif().get(_ORIENTATION, 1)
    facts = {"original_type": Image.MIME[kind], "frames": frames}
    size = stream.seek(0, io.SEEK_END)
    original = image.size
    fits = max(original) <= longest_side_px and size <= largest_bytes
    if fits and kind in _SHOWN_AS_IS and frames == 1 and orientation == 1:
        image.load()  # a file that cannot be decoded is told of here, not by the host
        stream.seek(0)
        return _facts(facts, original, original, Image.MIME[kind], kept=True), stream.read()
    image.seek(0)
    # A JPEG can be decoded at a half, a quarter or an eighth, which saves most of the work.
    image.draft(None, (longest_side_px, longest_side_px))
    upright = _displayable(ImageOps.exif_transpose(image) if orientation != 1 else image)
    if orientation in _LYING and kind != "TIFF":  # Pillow turns a TIFF itself, and tells its upright size
        original = original[::-1]
    upright.thumbnail((longest_side_px, longest_side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    data, media_type, shown = _encoded(upright, largest_bytes, lossless=kind != "JPEG")
    return _facts(facts, original, shown, media_type, kept=False), data


def _facts(
    facts: dict[str, Any], original: tuple[int, int], shown: tuple[int, int], kind: str, *, kept: bool
) -> dict[str, Any]:
    return facts | {
        "media_type": kind,
        "width": shown[0],
        "height": shown[1],
        "original_width": original[0],
        "original_height": original[1],
        "kept": kept,
    }


def _displayable(image: Image.Image) -> Image.Image:
    """Return the image in grey or colour with eight bits, with transparency if it has some."""
    if image.mode in {"L", "RGB", "RGBA"} and "transparency" not in image.info:
        return image
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        # Scans and measurements use a part of the range: stretch it, or all is black or white.
        low, high = image.convert("F").getextrema()
        assert isinstance(low, float)
        assert isinstance(high, float)
        scale = 255.0 / (high - low) if high > low else 0.0
        return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _encoded(image: Image.Image, largest_bytes: int, *, lossless: bool) -> tuple[bytes, str, tuple[int, int]]:
    """Return bytes, media type and size of the best encoding that fits, made smaller until one does."""
    kind = "WEBP" if image.mode == "RGBA" else "JPEG"
    while True:
        if lossless:
            data = _saved(image, "PNG", optimize=False)
            if len(data) <= largest_bytes:
                return data, "image/png", image.size
        for quality in _QUALITIES:
            data = _saved(image, kind, quality=quality)
            if len(data) <= largest_bytes or max(image.size) == 1:
                return data, Image.MIME[kind], image.size
        smaller = (max(1, int(image.width * _SMALLER)), max(1, int(image.height * _SMALLER)))
        image = image.resize(smaller, Image.Resampling.LANCZOS)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    # Without its metadata: where a photograph was taken is nobody's business here.
    image.info.clear()
    image.save(out, kind, **options)
    return out.getvalue()
