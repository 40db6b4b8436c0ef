"""Photos are uploaded to the products that name them."""

import pytest

from vitrine.errors import RequestRefused, StackError
from vitrine.transfer import images


class Service:
    """A products service with images, in memory."""

    service = "products"

    def __init__(self, *items):
        self.products = [{"id": id, **item} for id, item in enumerate(items, 1)]
        self.uploaded = []

    def get(self, path, **query):
        if path == "/":
            return {"fields": {"id": {"read_only": True}, "attributes": {"read_only": False}}}
        return {"items": [{"sha256": None}]}

    def items(self, path, **query):
        return iter(self.products)

    def upload(self, path, name, data):
        if data == b"bad":
            raise RequestRefused("products refused: Not a picture")
        self.uploaded.append((path, name))


@pytest.fixture
def folder(tmp_path):
    for name, data in (("hat.jpg", b"1"), ("cap.png", b"2"), ("unused.jpg", b"3"), ("x", b"bad")):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "below").mkdir()
    return tmp_path


def test_a_product_names_its_photos_by_path_name_or_stem(folder):
    service = Service(
        {"attributes": {"photo": "/m/h/hat.jpg"}},
        {"attributes": {"photo": "cap.png, /a/hat.jpg"}},
        {"sku": "cap"},
        {"attributes": {"photo": ["hat"]}},
        {"attributes": {"other": "hat.jpg"}},
        {"attributes": {}, "photo": None},
    )
    report = images.attach_images(service, folder, ["photo", "sku"], dry_run=False)
    assert service.uploaded == [
        ("/products/2/images", "cap.png"),
        ("/products/3/images", "cap.png"),
        ("/products/1/images", "hat.jpg"),
        ("/products/2/images", "hat.jpg"),
        ("/products/4/images", "hat.jpg"),
    ]
    assert report.counts == {"attached": 5}
    assert report.unmatched == ["unused.jpg", "x"]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("cafe\u0301.jpg", "/m/caf\u00e9.jpg"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("CAFE\u0301.JPG", "caf\u00e9"),
        ("가방.jpg", "\u1100\u1161\u1107\u1161\u11bc.jpg"),
        ("mug.jpg", "mug.jpg?v=1"),
        ("mug.jpg", "https://cdn.shop.example/files/Mug.jpg?v=17&size=1,200#top"),
        ("mug.jpg", "mug.jpg?path=a/b/c"),
        ("big mug.jpg", "/files/big%20mug.jpg"),
        ("café.jpg", "https://cdn.shop.example/caf%C3%A9.jpg?v=1"),
        ("café.jpg", "https://cdn.shop.example/cafe%CC%81.jpg"),
        ("mug.jpg", "https://storage.example/o/products%2Fmug.jpg?alt=media"),
        ("big%20mug.jpg", "big mug.jpg"),
        ("mug.jpg?v=1", "mug.jpg"),
        ("mug.jpg", "images\\mug.jpg"),
        ("50%off.jpg", "50%off.jpg"),
        ("what?.jpg", "what?.jpg"),
        ("mug.jpg", " mug.jpg\u00a0"),
        ("mug.jpg", "https://shop.example/a.jpg, https://shop.example/mug.jpg"),
        ("mug.jpg", ["a.jpg", "https://shop.example/mug.jpg?a=1,2"]),
    ],
)
def test_a_name_is_found_in_every_spelling(tmp_path, file, named):
    (tmp_path / file).write_bytes(b"1")
    (tmp_path / "c.jpg").write_bytes(b"2")  # Part of a query string above.
    service = Service({"photo": named})
    report = images.attach_images(service, tmp_path, ["photo"], dry_run=False)
    assert service.uploaded == [("/products/1/images", file)]
    assert report.unmatched == ["c.jpg"]
    several = isinstance(named, list) or ", " in named
    assert report.missing == (1 if several else 0)


@pytest.mark.parametrize("named", ["mug.jpg?v=2,2", "hat", "mug", "2%2Ejpg%2Fx", "?v=mug.jpg", "/"])
def test_other_names_are_not_found(tmp_path, named):
    for name in ("big mug.jpg", "v=1", "x.jpg.jpg"):
        (tmp_path / name).write_bytes(b"1")
    service = Service({"photo": named})
    assert not images.attach_images(service, tmp_path, ["photo"], dry_run=False).counts


def test_a_refused_photo_is_reported_and_the_others_are_uploaded(folder):
    service = Service({"photo": "x"}, {"photo": "hat.jpg"})
    report = images.attach_images(service, folder, ["photo"], dry_run=False)
    assert report.counts == {"failed": 1, "attached": 1}
    assert report.errors == ["x: products refused: Not a picture"]


def test_a_dry_run_uploads_nothing(folder):
    service = Service({"photo": "hat.jpg"})
    assert images.attach_images(service, folder, ["photo"], dry_run=True).counts == {"attached": 1}
    assert service.uploaded == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StackError, match="cannot be read: No such file"):
        images.attach_images(Service(), tmp_path / "none", ["photo"], dry_run=False)
