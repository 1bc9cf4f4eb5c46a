import asyncio
import io
import os
import random
import struct
import zlib
from pathlib import Path

import psutil
import pytest
from PIL import Image

from fs_server.errors import Failure
from fs_server.files import scaling
from fs_server.files.images import LARGEST_BYTES, LONGEST_SIDE_PX, Picture, picture
from sandbox.parser_process import ParserLimits
from tests.fs_server.files.disk import DiskFile

ORIENTATION = 0x0112


def shown(path: Path, limits: ParserLimits | None = None) -> Picture:
    with DiskFile(path) as file:
        return asyncio.run(picture(file, limits=limits))


def scaled(path: Path, longest_side_px: int = LONGEST_SIDE_PX, largest_bytes: int = LARGEST_BYTES) -> Picture:
    """Do in this process what the child does."""
    with path.open("rb") as stream:
        facts, data = scaling.parse(stream, longest_side_px=longest_side_px, largest_bytes=largest_bytes)
    return Picture(data=data, **facts)


def decoded(made: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(made.data))
    image.load()
    assert image.size == (made.width, made.height)
    assert Image.MIME[image.format or ""] == made.media_type
    assert max(image.size) <= LONGEST_SIDE_PX
    assert len(made.data) <= LARGEST_BYTES
    return image


def noise(mode: str, width: int, height: int) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(1).randbytes(width * height * bands))  # noqa: S311 - only noise


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_that_fits_is_given_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    Image.new("RGB", (40, 30), "red").save(path, kind)
    made = shown(path)
    assert made.data == path.read_bytes()
    assert (made.media_type, made.width, made.height, made.frames, made.kept) == (Image.MIME[kind], 40, 30, 1, True)


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_a_format_that_hosts_do_not_show_becomes_png(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    Image.new("RGB", (40, 30), (255, 0, 0)).save(path, kind)
    made = shown(path)
    assert decoded(made).getpixel((1, 1)) == (255, 0, 0)
    assert (made.media_type, made.original_type, made.kept) == ("image/png", Image.MIME[kind], False)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_large_image_is_scaled_down_and_its_own_size_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    Image.new("RGB", (4000, 1000), "blue").save(path, kind)
    made = shown(path)
    assert decoded(made).size == (1568, 392)
    assert (made.original_width, made.original_height) == (4000, 1000)


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "image/jpeg"), ("RGBA", "image/webp"), ("L", "image/jpeg")])
def test_an_image_that_does_not_compress_is_made_to_fit(tmp_path: Path, mode: str, kind: str) -> None:
    path = tmp_path / "image.png"
    noise(mode, 1000, 1000).save(path)
    made = scaled(path)
    assert decoded(made).mode == mode
    assert made.media_type == kind


def test_an_image_is_made_smaller_until_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    noise("RGB", 400, 400).save(path)
    assert scaled(path, largest_bytes=5000).width < 400
    assert scaled(path, largest_bytes=1).width == 1


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
def test_a_turned_photograph_is_given_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    """The red half is on the left, once it is turned as its EXIF says."""
    upright = Image.new("RGB", (64, 32), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 0, 32, 32))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "image"
    upright.transpose(stored).save(path, kind, exif=exif)
    made = scaled(path)
    image = decoded(made)
    assert image.size == (made.original_width, made.original_height) == (64, 32)
    pixel = image.convert("RGB").getpixel((8, 16))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert ORIENTATION not in image.getexif()


def test_of_an_animation_the_first_frame_is_given_and_the_number_told(tmp_path: Path) -> None:
    path = tmp_path / "image.gif"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    made = shown(path)
    assert decoded(made).convert("RGB").getpixel((3, 3)) == (255, 0, 0)
    assert (made.frames, made.media_type, made.kept) == (3, "image/png", False)


def test_a_photograph_with_a_second_picture_inside_is_a_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    image = Image.new("RGB", (20, 20), "red")
    image.save(path, "MPO", save_all=True, append_images=[image])
    made = scaled(path)
    assert (made.media_type, made.frames, made.kept) == ("image/jpeg", 1, True)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "CMYK", "I;16", "I", "F", "RGBA"])
def test_every_kind_of_pixel_can_be_shown(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "image.tiff"
    if mode == "I;16":
        Image.frombytes("I;16", (2, 1), struct.pack("<HH", 1000, 3000)).save(path)
    elif mode in {"I", "F"}:
        image = Image.new(mode, (2, 1), 1000)
        image.putpixel((1, 0), 3000)
        image.save(path)
    else:
        Image.new("RGB", (2, 1), "white").convert(mode).save(path)
    image = decoded(scaled(path))
    assert image.mode in {"L", "RGB", "RGBA"}
    if mode in {"I;16", "I", "F"}:
        assert [image.getpixel((0, 0)), image.getpixel((1, 0))] == [0, 255]


def test_an_image_of_one_grey_is_black(tmp_path: Path) -> None:
    path = tmp_path / "image.tiff"
    Image.new("I", (4, 4), 70_000).save(path)
    assert decoded(scaled(path)).getpixel((0, 0)) == 0


def test_transparency_of_a_palette_survives(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("P", (2000, 10), 0).save(path, transparency=0)
    assert decoded(scaled(path)).getpixel((0, 0)) == (0, 0, 0, 0)


def bomb(path: Path, side: int) -> None:
    """Write a real PNG of side x side pixels of one bit: a few hundred kilobytes."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(1 + (side + 7) // 8) * 100
    data = b"".join(packer.compress(row) for _ in range(side // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", data) + part(b"IEND", b""))


@pytest.mark.guarantee("G7")
def test_a_bomb_is_refused_and_the_server_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    bomb(path, 50_000)
    before = psutil.Process().memory_info().rss
    with pytest.raises(Failure, match=r"^\[too_large\].*50000 x 50000; the limit is 100000000"):
        shown(path)
    assert psutil.Process().memory_info().rss - before < 20 << 20
    with pytest.raises(Failure, match=r"^\[too_large\]"):
        scaled(path)


def test_pixels_beyond_the_memory_of_the_child_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    bomb(path, 10_000)
    with pytest.raises(Failure, match=r"^\[too_large\].*150 MB"):
        shown(path, ParserLimits(memory_bytes=150 << 20))
    assert shown(path).width == 1568


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a\xff\xff\xff\xff\x00", b"\xff\xd8\xff" + bytes(100)]
)
def test_what_is_no_image_is_told_of(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with pytest.raises(Failure, match=r"^\[io_error\] The image is damaged"):
        shown(path)


def test_an_image_that_is_cut_off_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    noise("RGB", 100, 100).save(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(Failure, match=r"^\[io_error\]"):
        scaled(path)


def test_a_format_that_is_not_listed_is_never_decoded(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("RGB", (4, 4)).save(path, "PPM")
    with pytest.raises(Failure, match=r"^\[io_error\]"):
        scaled(path)
