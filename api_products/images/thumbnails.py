"""Pictures as bytes: what they are, and their thumbnails.  No web, no database, no files."""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageCms, UnidentifiedImageError

from api_products.images import limits

SIZES = {"large": 1200, "medium": 480, "small": 160}  # pixels of the longer side, largest first
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
# Of 100; in a small picture every pixel counts for more, and it is a small file anyway.
QUALITY = {"large": 80, "medium": 84, "small": 90}
# Pixels that are decoded while somebody waits for the answer; more of them take too long.
MAX_DECODED_AT_ONCE = 2_000_000
_END_OF_JPEG = b"\xff\xd9"

_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")
# The pixels are counted here, by the header, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class PictureError(Exception):
    """The bytes are no picture that we take; the text says why, to whoever sent them."""


class UnknownFormat(PictureError):
    """They are of no format on the list."""


class ImageTooLarge(PictureError):
    """They say that they are of more pixels than we take."""


class Broken(PictureError):
    """They begin as a picture and cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is: its size once upright, and its average colour, if known."""

    width: int
    height: int
    color: str | None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One rendition: a size's name, ``webp`` or ``jpeg``, and the file."""

    size: str
    kind: str
    width: int
    height: int
    data: bytes


def inspect(data: bytes, max_pixels: int) -> Facts:
    """Look at a picture without much work: format and size by its header, then whether it decodes.

    A JPEG is decoded at an eighth of its size, anything small as a whole; for what is left, and
    for large progressive JPEGs, the checksums or the end of the file have to do, and the colour
    is not known.  Raise a ``PictureError``.
    """
    if excess := limits.excess(data):
        raise Broken(f"It has {excess}.")
    with _opened(data) as image:
        if image.width * image.height > max_pixels:
            shown = f"{image.width} x {image.height}"
            raise ImageTooLarge(f"{shown} is too large: at most {max_pixels:,} pixels are taken.")
        size = _upright(image)
        if image.info.get("progressive") and image.width * image.height > MAX_DECODED_AT_ONCE:
            # Its passes are all decoded at the whole size, whatever is asked for.
            if _END_OF_JPEG not in data[-1024:]:
                raise Broken("It cannot be decoded: the end is missing.")
            return Facts(*size, None)
        image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
        if image.width * image.height <= MAX_DECODED_AT_ONCE:
            image.load()
            return Facts(*size, _color(_plain(image)))
    with _opened(data) as image:
        image.verify()
    return Facts(*size, None)


def render(data: bytes) -> tuple[Facts, list[Thumbnail]]:
    """Decode a picture once and return its thumbnails, each size made of the next larger one.

    They are upright, in sRGB, never larger than the picture, and hold nothing but pixels.
    Raise a ``PictureError``.
    """
    with _opened(data) as image:
        size = _upright(image)
        orientation, profile = _orientation(image), image.info.get("icc_profile")
        largest = SIZES["large"]
        image.draft(image.mode, (largest, largest))
        image.load()
        picture = _shrunk(_plain(image), largest)
    picture = _turned(_in_srgb(picture, profile), orientation)
    thumbnails = []
    for name, pixels in SIZES.items():
        picture = _shrunk(picture, pixels)
        for kind, save in _SAVE.items():
            thumbnails.append(Thumbnail(name, kind, *picture.size, save(picture, QUALITY[name])))
    return Facts(*size, _color(picture)), thumbnails


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open the first frame of a picture; whatever Pillow raises becomes a ``PictureError``."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise UnknownFormat(f"Not a picture of one of {', '.join(FORMATS)}.") from error
    except Exception as error:
        # Decoders of broken bytes raise nearly anything.
        raise Broken(f"It cannot be decoded: {error}"[:200]) from error


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; what cannot be read is 1."""
    with contextlib.suppress(Exception):
        found = image.getexif().get(_ORIENTATION, 1)
        return found if found in range(1, 9) else 1
    return 1


def _upright(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) >= 5 else (width, height)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image.transpose(turn) if turn is not None else image


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture in one of the modes L, LA, RGB, RGBA and CMYK."""
    if image.mode.startswith("I"):  # 16 bits, of which the upper 8 are seen.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P" or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    mode = _MODES.get(image.mode, "RGB")
    return image if image.mode == mode else image.convert(mode)


def _shrunk(image: Image.Image, pixels: int) -> Image.Image:
    """Shrink a picture until its longer side has that many pixels, and leave it nothing else."""
    image.info = {}
    image.thumbnail((pixels, pixels), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Bring the colours of a picture with a profile of its own to sRGB; a broken one is ignored."""
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        flat = _in_srgb(image.convert("L" if image.mode == "LA" else "RGB"), profile)
        flat = flat.convert("RGB")
        flat.putalpha(alpha)
        return flat
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            if turned is not None:
                image = turned
    return image.convert("RGB")


def _color(image: Image.Image) -> str:
    """Return the average colour as ``#rrggbb``, on white where it is transparent."""
    pixel = _on_white(image).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return "#{:02x}{:02x}{:02x}".format(*pixel)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "RGBA"):
        white = Image.new("RGBA", image.size, (*_WHITE, 255))
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _webp(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    _on_white(image).save(file, "JPEG", quality=quality, progressive=True)
    return file.getvalue()


_SAVE: dict[str, Callable[[Image.Image, int], bytes]] = {"webp": _webp, "jpeg": _jpeg}
_MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "CMYK": "CMYK",
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
