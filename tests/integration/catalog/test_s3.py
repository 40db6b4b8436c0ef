"""Pictures in a bucket instead of a folder."""

import subprocess
import sys

import pytest
import urllib3

from tests.api_products.images.test_images import picture
from tests.support.polling import poll
from tests.support.processes import free_port, suspended_process
from tests.support.stack import running_stack
from vitrine.local.processes import stop

ACCESS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def s3():
    """A server of S3 with a bucket; yields its process and URL."""
    port = free_port()
    args = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def has_bucket():
        try:
            return urllib3.request("PUT", f"{url}/shop-bucket", retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        poll(has_bucket)
        yield process, url
    finally:
        stop(process, 0.5)


@pytest.fixture(scope="module")
def stack(s3):
    env = {"AWS_ENDPOINT_URL": s3[1], "MEDIA_URL": "s3://shop-bucket/pictures", "JOB_WORKERS": "1"}
    with running_stack("--only", "products", **ACCESS, **env) as stack:
        stack.request("POST", "products", "/products", {"name": "Pot"})
        yield stack


def upload(stack, data):
    path = f"{stack.url('products')}/products/1/images"
    return urllib3.request("POST", path, fields={"image": ("x", data)}, retries=False, timeout=90)


def test_a_picture_in_a_bucket_is_answered_by_a_signed_redirect(stack):
    answer = upload(stack, picture())
    assert answer.status == 202, answer.data
    (image,) = poll(lambda: stack.get("products", "/products/1")["images"])
    path = stack.url("products") + image["thumbnails"]["small"]["webp"]
    answer = urllib3.request("GET", path, redirect=False, retries=False)
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == "private"
    file = urllib3.request("GET", answer.headers["Location"])
    assert file.data[:4] == b"RIFF"
    assert file.headers["Content-Type"] == "image/webp"
    assert "immutable" in file.headers["Cache-Control"]
    assert not any(kind["total"] for kind in stack.get("products", "/products:files").values())


@pytest.mark.long
def test_a_bucket_that_does_not_answer_is_named(stack, s3):
    images = stack.get("products", "/products/1/images")["items"]
    with suspended_process(s3[0].pid):
        answer = upload(stack, picture("blue"))
        status, value = stack.request("GET", "products", "/products:files")
    assert answer.status == 503
    assert "file store of the pictures failed" in answer.json()["detail"]
    assert (status, value["detail"]) == (503, answer.json()["detail"])
    assert stack.get("products", "/products/1/images")["items"] == images
