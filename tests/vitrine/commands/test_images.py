"""`vitrine images`: what it lists, and what it has fetched again."""

import pytest
from click.testing import CliRunner

from vitrine.commands import images
from vitrine.errors import RequestRefused

IMAGES = [
    {"product": "1", "id": 1, "url": "https://shop.example/1", "reason": "It has gone."},
    {"product": "1", "id": 2, "url": None, "reason": "It is broken."},
    {"product": "9", "id": 1, "url": "https://shop.example/2", "reason": "It has gone."},
]


class Service:
    """A service with some images, which refuses to fetch those of product 9."""

    service = "products"

    def __init__(self):
        self.posted = []

    def items(self, path, **query):
        assert (path, query) == ("/products:images", {"state": "failed"})
        return iter(IMAGES)

    def post(self, path, body):
        self.posted.append(path)
        if path.startswith("/products/9/"):
            raise RequestRefused("products refused: It is in the trash.", 404)


@pytest.fixture
def service(monkeypatch):
    service = Service()
    monkeypatch.setattr(images.Client, "find", lambda *args: service)
    return service


def run(*args):
    done = CliRunner().invoke(images.images_command, args)
    return done.exit_code, done.output.splitlines()


def test_images_are_listed_with_their_reasons(service):
    code, lines = run("list")
    assert code == 0
    assert lines == [
        "/products/1/images/1 https://shop.example/1: It has gone.",
        "/products/1/images/2: It is broken.",
        "/products/9/images/1 https://shop.example/2: It has gone.",
        "failed images: 3",
        "`vitrine images retry` has the photos of URLs fetched again.",
    ]


def test_photos_are_fetched_again_and_refusals_are_named(service):
    code, lines = run("retry")
    assert sorted(service.posted) == ["/products/1/images/1/fetch", "/products/9/images/1/fetch"]
    assert code == 1
    assert lines == [
        "failed images that are fetched again: 1",
        "uploaded, which only a new upload replaces: 1",
        "  products refused: It is in the trash. (1)",
    ]
