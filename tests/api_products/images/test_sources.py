"""Rules of photos by URL."""

from datetime import UTC, datetime

import pytest

from api_products.images.sources import clean_url, with_photos

NOW = datetime(2026, 1, 31, tzinfo=UTC)
A, B, C = (f"https://shop.example/{name}.jpg" for name in "abc")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("https://Shop.Example", "https://shop.example/"),
        (
            " http://shop.example:8080/a b.jpg?v=ü#top ",
            "http://shop.example:8080/a%20b.jpg?v=%C3%BC",
        ),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("http://[2606:4700::1]/x", "http://[2606:4700::1]/x"),
        ("https://shop.example/a%20b,c.jpg", "https://shop.example/a%20b,c.jpg"),
    ],
)
def test_a_url_has_one_spelling(sent, stored):
    assert clean_url(sent) == stored
    assert clean_url(stored) == stored


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("file:///etc/passwd", "of http or https"),
        ("ftp://shop.example/x", "of http or https"),
        ("gopher://shop.example/x", "of http or https"),
        ("data:image/png;base64,AAAA", "of http or https"),
        ("//shop.example/x", "of http or https"),
        ("shop.example/x.jpg", "of http or https"),
        ("", "of http or https"),
        ("http://", "of http or https"),
        ("http:///x", "of http or https"),
        ("http://user@shop.example/", "user name"),
        ("http://user:secret@shop.example/", "user name"),
        ("http://shop.example\\@127.0.0.1/", "backslash"),
        ("http://shop.example/\r\nHost: x", "control character"),
        ("http://shop.example/\0", "control character"),
        ("http://a b/", "Is not a URL"),
        ("http://shop.example:99999/", "Is not a URL"),
        ("http://shop.example:x/", "Is not a URL"),
        ("http://shop.example/" + "x" * 2000, "2000 characters"),
        ("http://shop.example/" + "ü" * 700, "2000 characters"),
    ],
)
def test_other_urls_are_refused_with_a_reason(sent, why):
    with pytest.raises(ValueError, match=why):
        clean_url(sent)


def photos(*urls, **more):
    return [{"url": url} | more for url in urls]


def urls(product):
    return [(image["id"], image.get("url")) for image in product["images"]]


@pytest.fixture
def product():
    """A product with an uploaded picture, and two photos by URL."""
    upload = {"id": 1, "state": "ready", "sha256": "0" * 64}
    product = {"images": [upload], "images_made": 1}
    return product | with_photos(product, photos(A, B), NOW, "")


def test_new_photos_come_last_and_wait(product):
    assert urls(product) == [(1, None), (2, A), (3, B)]
    assert {image["state"] for image in product["images"][1:]} == {"due"}


def test_the_same_photos_again_change_nothing(product):
    for same in ((A, B), (B, A), (A, A, B)):
        assert with_photos(product, photos(*same), datetime.now(UTC), "later") == {}


def test_photos_that_are_left_out_go_and_uploads_stay(product):
    assert urls(with_photos(product, photos(B, C), NOW, "")) == [(1, None), (3, B), (4, C)]
    assert urls(with_photos(product, [], NOW, "")) == [(1, None)]


def test_photos_may_be_added_to_those_there(product):
    added = with_photos(product, photos(C), NOW, "", keeps_others=True)
    assert urls(added) == [(1, None), (2, A), (3, B), (4, C)]


def test_a_number_is_never_used_again(product):
    emptied = product | with_photos(product, [], NOW, "")
    assert urls(emptied | with_photos(emptied, photos(A), NOW, "")) == [(1, None), (4, A)]


def test_a_text_changes_only_if_it_is_sent(product):
    described = product | with_photos(product, photos(A, alt="Pot") + photos(B), NOW, "")
    assert [image.get("alt") for image in described["images"]] == [None, "Pot", None]
    assert with_photos(described, photos(A, B), NOW, "") == {}
    emptied = with_photos(described, photos(A, alt=None) + photos(B), NOW, "")
    assert emptied["images"][1]["alt"] is None
