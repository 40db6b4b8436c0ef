"""Thumbnails: checks the bytes of a picture and renders its sizes.

Pure functions on bytes, without Flask, database or files.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, floor

from PIL import Image, ImageCms, PngImagePlugin, UnidentifiedImageError

from api_products.images import limits, png

SIZES = {"large": 1200, "medium": 480, "small": 160}  # pixels of the longer side, largest first
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
# percent; higher in small pictures, where each pixel matters more and the file is small anyway
QUALITY = {"large": 80, "medium": 84, "small": 90}
# pixels to decode while the client waits for the response; more of them take too long
MAX_DECODED_AT_ONCE = 2_000_000
_GAP = 2.0  # times the pixels of a thumbnail: from so many, a fast way of shrinking is as good
_BAND_ROWS = 32  # rows of a reduced picture that are made at once
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")
# Pillow's own limit is off: inspect() reads the number of pixels from the header first.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = png.MAX_PROFILE + 1


class PictureError(Exception):
    """The bytes are not an accepted picture; the text tells the client why."""


class UnknownFormat(PictureError):
    """The format is not one of ``FORMATS``."""


class PictureTooLarge(PictureError):
    """The header names more pixels than the limit."""


class BrokenPicture(PictureError):
    """The picture cannot be decoded."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """Size of a picture once upright, and its average colour, or None while unknown."""

    width: int
    height: int
    color: str | None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One file of a size: ``size`` is its name, ``format`` is ``webp`` or ``jpeg``."""

    size: str
    format: str
    width: int
    height: int
    data: bytes


def inspect(data: bytes, max_pixels: int) -> PictureInfo:
    """Check a picture with little work: its format and size by the header, then if it decodes.

    A JPEG is decoded at an eighth of its size, and a small picture of another format completely.
    Of a large picture only the checksums are checked, of a large progressive JPEG only the end of
    the file, and the colour stays unknown.  Raise a ``PictureError``.
    """
    if not data:
        raise BrokenPicture("The file is empty. Send a picture.")
    if excess := limits.excess(data):
        raise BrokenPicture(f"The picture has {excess}. Save it again with an image editor.")
    with _open(data) as image:
        if image.width * image.height > max_pixels:
            raise PictureTooLarge(
                f"The picture is too large: {image.width} x {image.height}. Send at most "
                f"{max_pixels:,} pixels."
            )
        size = _upright(image.size, _orientation(image))
        if image.info.get("progressive") and image.width * image.height > MAX_DECODED_AT_ONCE:
            # Pillow decodes all its passes at full size, even in draft mode.
            if limits.lacks_end(data):
                raise BrokenPicture("The picture cannot be decoded: the end is missing.")
            return PictureInfo(*size, None)
        image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
        if image.width * image.height <= MAX_DECODED_AT_ONCE:
            image.load()
            return PictureInfo(*size, _average_color(_to_plain_mode(image)))
    with _open(data) as image:
        image.verify()
    return PictureInfo(*size, None)


def render(data: bytes) -> tuple[PictureInfo, list[Thumbnail]]:
    """Decode a picture once and return its thumbnails, each size made of the next larger one.

    They are upright, in sRGB, never larger than the picture, and hold only pixels (no EXIF data).
    Raise a ``PictureError``.
    """
    with _open(data) as image:
        if png.lacks_rows(data):
            raise BrokenPicture("The picture cannot be decoded: its last rows are missing.")
        as_stored = image.size
        profile = image.info.get("icc_profile")
        largest = SIZES["large"]
        image.draft(image.mode, (largest, largest))
        image.load()
        orientation = _orientation(image)
        size = _upright(as_stored, orientation)
        picture = _shrink_in_bands(image, largest)
    picture = _rotate(_to_srgb(picture, profile), orientation)
    thumbnails = []
    for name, pixels in SIZES.items():
        picture = _shrink(picture, pixels)
        for format, encode in _ENCODERS.items():
            data = encode(picture, QUALITY[name])
            thumbnails.append(Thumbnail(name, format, *picture.size, data))
    return PictureInfo(*size, _average_color(picture)), thumbnails


@contextlib.contextmanager
def _open(data: bytes) -> Iterator[Image.Image]:
    """Open the first frame of a picture; turn errors of Pillow into ``PictureError``."""
    try:
        with Image.open(io.BytesIO(png.without_metadata(data)), formats=FORMATS) as image:
            yield image
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise UnknownFormat(f"Not a picture. Send one of {', '.join(FORMATS)}.") from error
    except Exception as error:
        # On broken bytes the decoders raise errors of nearly every type.
        raise BrokenPicture(f"The picture cannot be decoded: {error}"[:200]) from error


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if it cannot be read.

    In a PNG it may come after the pixels: then it is known once the picture was decoded.
    """
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # getexif() would decode the whole picture to find it.
    with contextlib.suppress(Exception):
        orientation = image.getexif().get(_ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    return 1


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation >= 5 else (width, height)


def _rotate(image: Image.Image, orientation: int) -> Image.Image:
    rotation = _ROTATIONS.get(orientation)
    return image.transpose(rotation) if rotation is not None else image


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """Convert a picture to one of the modes L, LA, RGB, RGBA and CMYK."""
    if image.mode.startswith("I"):  # 16 bits, of which a screen shows the upper 8
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P" or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    mode = _MODES.get(image.mode, "RGB")
    return image if image.mode == mode else image.convert(mode)


def _shrink_in_bands(image: Image.Image, pixels: int) -> Image.Image:
    """Convert a picture to a plain mode and shrink it as ``_shrink`` does.

    It is worked on in bands, because a copy of the whole may take 160 MB.
    """
    width, height = image.size
    size = _fitted(width, height, pixels)
    across, down = int(width / size[0] / _GAP), int(height / size[1] / _GAP)
    if min(across, down) < 2:
        return _shrink(_to_plain_mode(image), pixels)
    reduced: Image.Image | None = None
    for top in range(0, height, down * _BAND_ROWS):
        part = image.crop((0, top, width, min(height, top + down * _BAND_ROWS)))
        band = _to_plain_mode(part).reduce((across, down))
        reduced = reduced or Image.new(band.mode, (band.width, ceil(height / down)))
        reduced.paste(band, (0, top // down))
    assert reduced
    # Without what the last column and row have beyond the picture.
    box = (0, 0, width / across, height / down)
    return reduced.resize(size, Image.Resampling.LANCZOS, box)


def _fitted(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Return the size of a picture whose longer side has so many pixels."""
    longer, shorter = max(width, height), min(width, height)
    exact = pixels * shorter / longer
    sides = (max(1, floor(exact)), ceil(exact))
    least = min(sides, key=lambda side: abs(longer / shorter - pixels / side))
    return (pixels, least) if width >= height else (least, pixels)


def _shrink(image: Image.Image, pixels: int) -> Image.Image:
    """Shrink a picture until its longer side has so many pixels; drop all metadata."""
    image.info = {}
    image.thumbnail((pixels, pixels), Image.Resampling.LANCZOS, reducing_gap=_GAP)
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert the colours of a picture with a colour profile to sRGB; ignore a broken profile."""
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        flat = _to_srgb(image.convert("L" if image.mode == "LA" else "RGB"), profile)
        flat = flat.convert("RGB")
        flat.putalpha(alpha)
        return flat
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            if converted is not None:
                image = converted
    return image.convert("RGB")


def _average_color(image: Image.Image) -> str:
    """Return the average colour as ``#rrggbb``, on white where it is transparent."""
    pixel = _on_white(image).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return "#{:02x}{:02x}{:02x}".format(*pixel)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "RGBA"):
        white = Image.new("RGBA", image.size, (*_WHITE, 255))
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_webp(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()


def _to_jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    _on_white(image).save(file, "JPEG", quality=quality, progressive=True)
    return file.getvalue()


_ENCODERS: dict[str, Callable[[Image.Image, int], bytes]] = {"webp": _to_webp, "jpeg": _to_jpeg}
_MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "CMYK": "CMYK",
}
_ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
