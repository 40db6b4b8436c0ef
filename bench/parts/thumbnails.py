"""A photograph to its six thumbnails: as the job makes them, and the plain way.

    python bench/parts/thumbnails.py [PHOTO]

Without a photograph it takes a drawn one of 12 megapixels.
"""

import io
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from api_products.images.thumbnails import QUALITY, SIZES, render

ROUNDS = 5


def drawn() -> bytes:
    """Return a JPEG of 12 megapixels with some detail in it."""
    image = Image.effect_noise((4000, 3000), 60).convert("RGB")
    draw = ImageDraw.Draw(image)
    for step in range(0, 3000, 30):
        draw.ellipse((step, step // 2, step + 900, step // 2 + 900), fill=(step % 255, 90, 160))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def plainly(data: bytes) -> None:
    """Decode the whole photograph for each size, and shrink it in one step."""
    for name, pixels in SIZES.items():
        for kind in ("WEBP", "JPEG"):
            with Image.open(io.BytesIO(data)) as opened:
                image = ImageOps.exif_transpose(opened).convert("RGB")
                image.thumbnail((pixels, pixels), Image.Resampling.LANCZOS, reducing_gap=None)
                image.save(io.BytesIO(), kind, quality=QUALITY[name])


def _measure(make: Callable[[bytes], object], data: bytes) -> tuple[float, float]:
    """Return the CPU seconds of the fastest round, and the megabytes that all of them took."""
    before = _peak()
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        make(data)
        seconds.append(time.process_time() - started)
    return min(seconds), _peak() - before


def _peak() -> float:
    """Return the most megabytes this process has had in memory; only Linux tells."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    """Print both, and how many times as fast the first is."""
    data = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else drawn()
    found = []
    for name, make in (("as the job does", render), ("the plain way", plainly)):
        with get_context("spawn").Pool(1) as pool:
            seconds, megabytes = pool.apply(_measure, (make, data))
        found.append(seconds)
        print(f"{name:16} {seconds * 1000:6.0f} ms of one core, {megabytes:5.0f} MB")
    print(f"{found[1] / found[0]:.1f} times as fast")


if __name__ == "__main__":
    main()
