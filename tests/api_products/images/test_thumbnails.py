"""Thumbnails of generated and of real pictures."""

import io
import json
import random
import subprocess
import sys
from math import ceil
from zlib import compress, crc32

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat
from PIL.PngImagePlugin import PngImageFile

from api_products.images.thumbnails import (
    FORMATS,
    SIZES,
    BrokenPicture,
    PictureError,
    PictureTooLarge,
    UnknownFormat,
    inspect,
    render,
)
from tests.support.services import DATA, ROOT

MAX_PIXELS = 40_000_000
REFUSED = ("reject",)
TAKEN = ("accept", "accept_strip")


def manifest(folder):
    """Return the real pictures of a folder, or one skipped case without the folder."""
    file = DATA / folder / "manifest.json"
    if not file.exists():
        why = pytest.mark.skip(reason="the real pictures of ../shared/data are not here")
        return [pytest.param(None, None, marks=why)]
    return [
        pytest.param(DATA / folder / each["file"], each["expected"], id=each["file"])
        for each in json.loads(file.read_bytes())
    ]


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(thumbnail):
    return Image.open(io.BytesIO(thumbnail.data))


def find(thumbnails, size, kind):
    (found,) = [each for each in thumbnails if (each.size, each.format) == (size, kind)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("path", "expected"), manifest("images") + manifest("hostile_images"))
def test_real_pictures_come_out_as_their_manifest_says(path, expected):
    data = path.read_bytes()
    try:
        info = inspect(data, MAX_PIXELS)
        _, thumbnails = render(data)
    except PictureError:
        assert expected not in TAKEN
        return
    assert expected not in REFUSED
    assert len(thumbnails) == 6
    for each in thumbnails:
        image = opened(each)
        assert image.size == (each.width, each.height)
        assert max(image.size) <= SIZES[each.size]
        assert image.mode in ("RGB", "RGBA")
        assert not image.getexif()
        assert image.info.keys() <= {"background", "loop", "timestamp", "duration", "jfif"} | {
            *("jfif_version", "jfif_unit", "jfif_density", "progressive", "progression", "dpi")
        }
        ratio = info.width / info.height
        assert abs(each.width - each.height * ratio) <= max(1, ratio)


def test_the_eight_orientations_give_the_same_picture(data_folder):
    def small(number):
        data = (data_folder / "images" / f"sharp__Portrait_{number}.jpg").read_bytes()
        thumbnail = opened(find(render(data)[1], "small", "webp")).convert("RGB")
        assert thumbnail.size == (120, 160)
        # At a quarter of the size: the files differ by the number painted on them, and by 1.9
        # of 255 as they are, to which encoding them again adds its own noise.
        return thumbnail.resize((30, 40), Image.Resampling.BOX)

    first = small(2)
    for number in range(3, 9):
        difference = ImageStat.Stat(ImageChops.difference(first, small(number))).mean
        assert sum(difference) / 3 <= 2


def test_a_turned_picture_is_as_large_as_it_looks():
    image = Image.new("RGB", (40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    info = inspect(encoded(image, "JPEG", exif=exif), MAX_PIXELS)
    assert (info.width, info.height) == (20, 40)


def test_a_large_png_is_not_decoded_to_find_out_how_it_is_turned(monkeypatch):
    def load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImageFile, "load", load)
    image = Image.new("RGB", (2000, 1001))
    assert inspect(encoded(image), MAX_PIXELS).width == 2000
    exif = Image.Exif()
    exif[0x0112] = 6
    assert inspect(encoded(image, exif=exif), MAX_PIXELS).width == 1001


def test_a_png_that_says_how_it_is_turned_after_its_pixels_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(Image.new("RGB", (40, 20)))
    late = whole[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + whole[-12:]
    info, thumbnails = render(late)
    assert (info.width, info.height) == (20, 40)
    assert find(thumbnails, "large", "webp").width == 20


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("kind", [(8, 2, 3), (16, 6, 8), (1, 0, 1 / 8), (4, 3, 1 / 2)])
def test_a_png_whose_rows_end_early_is_broken(kind, interlaced):
    depth, color, bytes_per_pixel = kind
    width, height = 50, 40
    head = width.to_bytes(4) + height.to_bytes(4) + bytes((depth, color, 0, 0, interlaced))
    palette = chunk(b"PLTE", bytes(48)) if color == 3 else b""

    def picture(size):
        pixels = chunk(b"IDAT", compress(bytes(size)))
        parts = (chunk(b"IHDR", head), palette, pixels, chunk(b"IEND"))
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    if interlaced:
        passes = [(7, 5), (6, 5), (13, 5), (12, 10), (25, 10), (25, 20), (50, 20)]
    else:
        passes = [(width, height)]
    whole = sum(rows * (1 + ceil(columns * bytes_per_pixel)) for columns, rows in passes)
    render(picture(whole))
    with pytest.raises(BrokenPicture, match="its last rows are missing"):
        render(picture(whole - 1))


def test_a_large_png_whose_pixels_cannot_be_unpacked_is_broken():
    size = (2000).to_bytes(4) + (2000).to_bytes(4)
    head = chunk(b"IHDR", size + bytes((8, 2, 0, 0, 0)))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"no zlib") + chunk(b"IEND")
    assert inspect(data, MAX_PIXELS).color is None
    with pytest.raises(BrokenPicture):
        render(data)


def test_transparency_is_white_in_jpeg_and_kept_in_webp():
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    info, thumbnails = render(encoded(image))
    assert info.color == "#ffffff"
    assert opened(find(thumbnails, "small", "jpeg")).getpixel((5, 5)) == (255, 255, 255)
    assert opened(find(thumbnails, "small", "webp")).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_grey_is_grey_in_every_mode(mode):
    grey = Image.new("L", (64, 64), 255)
    image = (
        Image.frombytes("I;16", (64, 64), b"\xff\xff" * 64 * 64)
        if mode == "I;16"
        else grey.convert(mode)
    )
    info, thumbnails = render(encoded(image))
    assert info.color == "#ffffff"
    assert opened(find(thumbnails, "large", "jpeg")).getpixel((9, 9)) == (255, 255, 255)


def test_nothing_is_enlarged():
    _, thumbnails = render(encoded(Image.new("RGB", (200, 10))))
    assert [each.width for each in thumbnails if each.format == "webp"] == [200, 200, 160]


def test_metadata_is_dropped():
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    _, thumbnails = render(
        encoded(Image.new("RGB", (20, 20)), "JPEG", exif=exif, comment=b"Secret")
    )
    assert all(b"Secret" not in each.data for each in thumbnails)


def test_pixels_are_counted_before_anything_is_decoded():
    with pytest.raises(PictureTooLarge, match="at most 19,999 pixels"):
        inspect(encoded(Image.new("1", (200, 100))), 19_999)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF", b"\xff\xd8\xff", b"RIFF0000WEBP"])
def test_bytes_that_are_not_a_picture_are_refused(data):
    with pytest.raises((UnknownFormat, BrokenPicture)):
        inspect(data, MAX_PIXELS)


def test_a_large_png_is_checked_by_its_sums_and_not_decoded():
    data = encoded(Image.effect_noise((1600, 1600), 50))
    assert inspect(data, MAX_PIXELS).color is None
    broken = data[:-5000] + b"\0" * 4000 + data[-1000:]
    with pytest.raises(BrokenPicture):
        inspect(broken, MAX_PIXELS)


@pytest.mark.parametrize("size", [(1, 1), (2, 5000), (5000, 2), (9, 7)])
def test_a_picture_may_be_as_thin_as_it_likes(size):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "JPEG")
    assert inspect(file.getvalue(), 10**6).width == size[0]
    _, made = render(file.getvalue())
    assert min(min(each.width, each.height) for each in made) >= 1


def chunk(kind, data=b""):
    return len(data).to_bytes(4) + kind + data + crc32(kind + data).to_bytes(4)


def png(*chunks):
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    head, tail = file.getvalue()[:33], file.getvalue()[33:]
    return head + b"".join(chunks) + tail


def jpeg(*segments, **options):
    file = io.BytesIO()
    Image.new("RGB", (40, 40)).save(file, "JPEG", **options)
    return file.getvalue()[:2] + b"".join(segments) + file.getvalue()[2:]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(chunk(b"tEXt", b"a\0b") * 300_000), "more than 10,000 parts"),
        (png(chunk(b"abCd") * 300_000), "more than 10,000 parts"),
        (jpeg(b"\xff\xe5\0\2" * 300_000), "more than 10,000 parts"),
        (jpeg(b"\xff" * 300_000), "more than 10,000 parts"),
        (jpeg(b"\0" * 300_000), "more than 10,000 parts"),
        (jpeg()[:-2] + b"\xff\xe5\0\2" * 300_000 + b"\xff\xd9", "more than 10,000 parts"),
        (jpeg(progressive=True)[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 60, "50 scans"),
    ],
)
def test_a_picture_that_keeps_a_decoder_busy_is_refused(data, why):
    with pytest.raises(BrokenPicture, match=why):
        inspect(data, MAX_PIXELS)


def test_a_large_progressive_jpeg_is_checked_by_its_end():
    file = io.BytesIO()
    Image.new("RGB", (3000, 2000)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    assert inspect(data, MAX_PIXELS).color is None
    with pytest.raises(BrokenPicture, match="the end is missing"):
        inspect(data[:-9], MAX_PIXELS)


def test_a_length_that_points_anywhere_is_only_broken():
    for data in (png(b"\xff\xff\xff\xffabcd"), jpeg(b"\xff\xe1\xff\xff"), b"\xff\xd8\xff", b""):
        with pytest.raises(PictureError):
            inspect(data, MAX_PIXELS)


def compressed(size):
    return compress(bytes(size))


def blue(width, height, kind, **options):
    return encoded(Image.new("RGB", (width, height), "blue"), kind, **options)


def with_chunks(data, *chunks):
    """Return a PNG with further chunks after its head."""
    return data[:33] + b"".join(chunks) + data[33:]


def with_bad_sum(chunk):
    return chunk[:-4] + bytes(4)


METADATA = {
    "compressed text": [chunk(b"zTXt", b"Comment\0\0" + compressed(1_500_000))],
    "compressed XMP": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + compressed(3_000_000))],
    "texts of 200 MB": [chunk(b"zTXt", b"Comment\0\0" + compressed(2_000_000))] * 100,
    "a text that is not compressed": [chunk(b"zTXt", b"Comment\0\0nothing")],
    "a text without an end": [chunk(b"iTXt", b"no zero byte")],
    "a profile of 2 MB": [chunk(b"iCCP", b"Camera\0\0" + compressed(2_000_000))],
    "a profile of 50 MB": [chunk(b"iCCP", b"Camera\0\0" + compressed(50_000_000))],
    "many profiles": [chunk(b"iCCP", b"Camera\0\0" + compressed(3_900_000))] * 1_000,
    "an unknown compression": [chunk(b"iCCP", b"Camera\0\7" + compressed(100))],
    "a broken profile": [chunk(b"iCCP", b"Camera\0\0nothing")],
    "an empty profile": [chunk(b"iCCP")],
    "a comment with a wrong sum": [with_bad_sum(chunk(b"tEXt", b"Comment\0Secret"))],
    "a size in metres with a wrong sum": [with_bad_sum(chunk(b"pHYs", bytes(9)))],
    "a gamma of no length": [chunk(b"gAMA")],
    "broken EXIF data": [chunk(b"eXIf", b"nothing")],
    "an animation that is none": [chunk(b"acTL", b"\0")],
    "a private chunk": [chunk(b"vpAg", bytes(9))],
}


@pytest.mark.parametrize(
    "size", [(30, 20), pytest.param((2000, 1500), marks=pytest.mark.slow)], ids=["small", "large"]
)
@pytest.mark.parametrize("chunks", METADATA.values(), ids=METADATA)
def test_metadata_of_a_png_refuses_no_picture(chunks, size):
    data = with_chunks(blue(*size, "PNG"), *chunks)
    info = inspect(data, MAX_PIXELS)
    assert (info.width, info.height) == size
    info, thumbnails = render(data)
    assert info.color == "#0000ff"
    assert len(thumbnails) == 6


def test_a_large_profile_of_a_png_is_applied():
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The columns of red and blue change places; zeros make it as large as those of printers.
    red, blue = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped = bytearray(swapped)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    profile = bytes(swapped) + random.Random(1).randbytes(1_900_000)
    data = encoded(Image.new("RGB", (2000, 1500), (255, 0, 0)), icc_profile=profile)
    assert render(data)[0].color == "#0000ff"


def test_a_wrong_checksum_of_what_a_png_needs_is_refused():
    data = blue(2000, 1500, "PNG")
    palette = with_bad_sum(chunk(b"PLTE", b"RGB"))
    for broken in (data[:32] + b"\0" + data[33:], with_chunks(data, palette)):
        with pytest.raises(PictureError):
            inspect(broken, MAX_PIXELS)


TRAILERS = {
    "zeros": bytes(300_000),
    "an end of lines": b"\r\n",
    "another picture": jpeg(progressive=True),
    "a video with bytes like scans": b"ftypmp42" + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 90,
    "a page": b"<!-- cached -->" * 500,
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
@pytest.mark.parametrize("kind", [*FORMATS, "progressive"])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param((300, 200), id="small"),
        pytest.param((2400, 1600), id="large", marks=pytest.mark.slow),
    ],
)
def test_bytes_after_the_end_of_a_picture_do_not_matter(kind, size, trailer):
    options = {"progressive": True} if kind == "progressive" else {}
    data = blue(*size, "JPEG" if options else kind, **options) + trailer
    assert inspect(data, MAX_PIXELS).width == size[0]
    assert len(render(data)[1]) == 6


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
def test_bytes_after_a_progressive_jpeg_are_not_its_end(trailer):
    data = blue(3000, 2000, "JPEG", progressive=True)
    with pytest.raises(BrokenPicture, match=r"the end is missing|more than 50 scans"):
        inspect(data[:-9] + trailer.replace(b"\xff\xd9", b""), MAX_PIXELS)


def test_a_preview_in_a_jpeg_is_neither_its_end_nor_its_scans():
    preview = b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 60 + b"\xff\xd9"
    segment = b"\xff\xed" + (len(preview) + 2).to_bytes(2) + preview
    data = blue(3000, 2000, "JPEG", progressive=True)
    data = data[:2] + segment + data[2:]
    assert inspect(data, MAX_PIXELS).width == 3000
    with pytest.raises(BrokenPicture, match="the end is missing"):
        inspect(data[:-9], MAX_PIXELS)


def test_an_empty_file_is_called_empty():
    with pytest.raises(BrokenPicture, match="The file is empty"):
        inspect(b"", MAX_PIXELS)


@pytest.mark.parametrize(
    "mode",
    ["RGB", *(pytest.param(each, marks=pytest.mark.long) for each in ("RGBA", "L", "I;16", "P"))],
)
def test_a_large_picture_is_shrunk_in_bands_as_if_at_once(mode):
    small = Image.linear_gradient("L").resize((60, 41))
    plain = Image.merge("RGB", [small, small.rotate(180), small.transpose(0)])
    image = plain.resize((4807, 3301)).convert("L" if mode == "I;16" else mode)
    image = image.convert("I").convert(mode) if mode == "I;16" else image
    _, thumbnails = render(encoded(image, compress_level=1))
    at_once = Image.open(io.BytesIO(encoded(image))).convert("RGBA" if mode == "RGBA" else "RGB")
    at_once.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    if mode != "I;16":  # of which the upper eight bits are shown
        difference = ImageChops.difference(
            at_once, opened(find(thumbnails, "large", "webp")).convert(at_once.mode)
        )
        assert max(high for _, high in difference.getextrema()) < 40
        assert max(ImageStat.Stat(difference).mean) < 2
    assert find(thumbnails, "large", "webp").height == 824


def test_the_whole_of_a_large_picture_is_not_copied(tmp_path):
    """Pillow copies it to shrink one with transparency: 160 MB for 40 million pixels."""
    file = tmp_path / "large.png"
    Image.new("RGBA", (6000, 6000)).save(file, compress_level=1)  # 144 MB of pixels
    script = """
import pathlib, sys
from api_products.images.thumbnails import render
render(pathlib.Path(sys.argv[1]).read_bytes())
print(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, file], cwd=ROOT, capture_output=True, check=True
    )
    assert 140_000 < int(done.stdout) < 280_000
