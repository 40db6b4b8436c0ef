"""The choice of a coding by ``Accept-Encoding`` (RFC 9110, section 12.5.3)."""

import gzip

import pytest

from shared.http.compression import choose, compress


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", ""),
        ("identity", ""),
        ("br, deflate", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.2, gzip", "gzip"),
        ("gzip;q=0.5, identity", ""),
        ("gzip;q=0", ""),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("*;q=0", ""),
        ("gzip;q=x", ""),
        ("\x00,;=" * 50, ""),
    ],
)
def test_the_client_chooses_the_coding(accept, coding):
    assert choose(accept) == coding


def test_the_same_body_is_compressed_to_the_same_bytes():
    body = b"catalog" * 1000
    assert compress(body, "gzip") == compress(body, "gzip")
    assert gzip.decompress(compress(body, "gzip")) == body
