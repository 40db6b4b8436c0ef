"""Images of products: uploads, thumbnails, order and removal."""

import io
from dataclasses import replace

import pytest
from PIL import Image
from urllib3.filepost import encode_multipart_formdata

from api_products import jobs
from api_products.images import thumbnails
from tests.support.services import path_of


def picture(color="red", size=(300, 200), kind="JPEG", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, kind)
    return file.getvalue()


@pytest.fixture
def url(products):
    made = products.post("/products", json={"name": "Teapot"})
    return f"{made.location}/images"


@pytest.fixture
def upload(products, url):
    def send(*pictures, name="x.html"):
        files = [(io.BytesIO(each), name) for each in pictures]
        return products.post(url, data={"image": files})

    return send


@pytest.fixture
def work(products, redis):
    """Return a function that makes the thumbnails of an image like a worker."""

    def make(number):
        with products.application.app_context():
            jobs.make_thumbnails("1", number)

    return make


def test_an_upload_is_accepted_and_becomes_ready(products, url, upload, work):
    answer = upload(picture())
    assert answer.status_code == 202
    assert path_of(answer.location) == f"{path_of(url)}/1"
    (image,) = answer.get_json()["items"]
    assert (image["state"], image["width"], image["height"]) == ("queued", 300, 200)
    assert image["color"] == "#fe0000"
    assert products.get("/products/1").get_json()["images"] == []
    work(1)
    image = products.get(answer.location).get_json()
    assert image["state"] == "ready"
    assert image["thumbnails"]["small"]["width"] == 160
    (shown,) = products.get("/products/1").get_json()["images"]
    assert shown["thumbnails"] == image["thumbnails"]


def test_a_new_product_says_where_its_images_are(products, work):
    files = [(io.BytesIO(picture()), "a.png"), (io.BytesIO(picture(2)), "b.png")]
    keyed = {"Idempotency-Key": "pictures"}
    form = {"name": "Pot", "image": files}
    created = products.post("/products", data=form, headers=keyed)
    assert created.status_code == 201
    links = ["</products/1/images/1>", "</products/1/images/2>"]
    assert created.headers["Link"] == ", ".join(f'{link}; rel="monitor"' for link in links)
    for number, link in enumerate(links, 1):
        assert products.get(link.strip("<>")).get_json()["state"] == "queued"
        work(number)
        assert products.get(link.strip("<>")).get_json()["state"] == "ready"
    files = [(io.BytesIO(picture()), "a.png"), (io.BytesIO(picture(2)), "b.png")]
    again = products.post("/products", data={"name": "Pot", "image": files}, headers=keyed)
    assert again.status_code == 201
    assert "Link" not in products.post("/products", json={"name": "Cup"}).headers


def test_every_picture_gets_one_job(products, upload):
    queue = products.application.extensions["connections"].queue
    for count in (1, 3, 6):
        upload(*[picture()] * {1: 1, 3: 2, 6: 3}[count])
        assert queue.llen("rq:queue:products") == count


def test_a_thumbnail_is_immutable_and_has_its_media_type(products, upload, work):
    upload(picture())
    work(1)
    (image,) = products.get("/products/1").get_json()["images"]
    for kind in ("webp", "jpeg"):
        answer = products.get(image["thumbnails"]["small"][kind])
        assert answer.content_type == f"image/{kind}"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(io.BytesIO(answer.data)).size == (160, 107)
    path = image["thumbnails"]["small"]["webp"]
    part = products.get(path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"RIFF")
    whole = products.get(path)
    for several in ("bytes=0-1,4-5", "bytes=x", "items=0-3", "bytes=5-1", "nonsense"):
        answer = products.get(path, headers={"Range": several})
        assert (answer.status_code, answer.data) == (200, whole.data), several
        assert answer.headers["Accept-Ranges"] == "bytes"
    beyond = products.get(path, headers={"Range": "bytes=9999999-"})
    assert beyond.status_code == 416
    etag = whole.headers["ETag"]
    assert products.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_the_uploaded_file_is_not_served(products, upload, work):
    upload(picture())
    work(1)
    (image,) = products.get("/products/1").get_json()["images"]
    folder = image["thumbnails"]["small"]["webp"].rpartition("/")[0]
    for name in (f"{folder}/original", "/media/../../etc/passwd", "/media/x", "/media/%2e%2e/x"):
        assert products.get(name).status_code == 404


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "Not a picture"),
        (picture()[:-100], 422, "cannot be decoded"),
        (b"", 422, "The file is empty"),
        (picture(1, (9000, 5000), "PNG", "1"), 413, "at most 40,000,000 pixels"),
    ],
)
def test_an_invalid_file_is_refused_and_not_stored(products, url, upload, data, status, why):
    answer = upload(picture(), data)
    assert answer.status_code == status
    problem = answer.get_json()
    assert why in problem["detail"]
    assert problem["errors"][0]["pointer"] == "/files/1"
    assert products.get(url).get_json()["items"] == []
    assert list(products.application.extensions["files"].entries()) == []


def test_a_form_of_many_parts_is_not_called_too_large(products, url):
    answer = products.post(
        url,
        data={f"x{number}": "x" for number in range(3000)} | {"image": ""},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 413
    assert "too many parts" in answer.get_json()["detail"]


def test_a_file_that_is_too_large_is_refused(products, url, upload, settings):
    products.application.extensions["settings"] = replace(settings, max_upload_mb=0)
    answer = upload(picture())
    assert answer.status_code == 413
    assert "Send at most 0 MB" in answer.get_json()["detail"]


def test_a_picture_may_be_larger_than_other_bodies(products, url, settings):
    """``MAX_BODY_MB`` limits JSON only."""
    large = picture() + bytes(settings.max_body_mb * 1_000_000)
    # Encoded here, because the client of Flask leaves its temporary files open.
    body, kind = encode_multipart_formdata({"image": ("x", large)})
    assert products.post(url, data=body, content_type=kind).status_code == 202
    body, kind = encode_multipart_formdata({"name": "Pot", "image": ("x", large)})
    assert products.post("/products", data=body, content_type=kind).status_code == 201


@pytest.mark.parametrize("id", [901.0, "a b", float("inf"), -5])
def test_a_product_made_by_hand_accepts_pictures(products, db, id):
    db.products.insert_one({"_id": id, "name": "Odd", "slug": "odd-one"})
    answer = products.post("/products/odd-one/images", data={"image": (io.BytesIO(picture()), "x")})
    assert answer.status_code == 202
    ref = path_of(answer.location).split("/")[2]
    assert ref == ("901" if id == 901.0 else "odd-one")
    with products.application.app_context():
        jobs.make_thumbnails(ref, 1)
        jobs.sweep()
    assert products.get(answer.location).get_json()["state"] == "ready"
    assert products.get("/products:files").get_json()["missing"]["cases"] == []


def test_an_upload_without_pictures_says_how_to_send_one(products, url):
    for body in ({"data": {}}, {"data": b"raw"}):
        answer = products.post(url, **body)
        assert answer.status_code == 400
        assert "multipart/form-data" in answer.get_json()["detail"]


def test_images_of_nothing(products, upload, url):
    upload(picture())
    for path in ("/products/9/images", "/products/1/images/7", "/products/9/images/1"):
        assert products.get(path).status_code == 404
    assert products.patch("/products/1/images/7", json={"alt": "x"}).status_code == 404
    assert products.delete("/products/1/images/7").status_code == 404


def test_images_are_ordered_described_and_removed(products, url, upload):
    assert upload(picture("red"), picture("green"), picture("blue")).status_code == 202

    def numbers():
        return [each["id"] for each in products.get(url).get_json()["items"]]

    assert numbers() == [1, 2, 3]
    assert products.put(url, json={"order": [3, 1]}).status_code == 200
    assert numbers() == [3, 1, 2]
    assert products.patch(f"{url}/2", json={"main": True, "alt": "A pot"}).status_code == 200
    assert numbers() == [2, 3, 1]
    assert products.get(f"{url}/2").get_json()["alt"] == "A pot"
    assert products.delete(f"{url}/3").status_code == 204
    assert numbers() == [2, 1]
    upload(picture("white"))
    assert numbers() == [2, 1, 4]
    for order in ([], [1, 1], [1, 9], ["x"]):
        assert products.put(url, json={"order": order}).status_code == 422
    assert numbers() == [2, 1, 4]
    assert products.patch(f"{url}/2", json={"state": "ready"}).status_code == 422


def test_a_change_may_name_the_version_it_is_meant_for(products, url, upload):
    upload(picture())
    stale = {"If-Match": '"x"'}
    assert products.put(url, json={"order": [1]}, headers=stale).status_code == 412
    assert products.patch(f"{url}/1", json={"alt": "x"}, headers=stale).status_code == 412
    assert products.delete(f"{url}/1", headers=stale).status_code == 412
    files = {"image": (io.BytesIO(picture()), "x")}
    assert products.post(url, data=files, headers=stale).status_code == 412
    current = {"If-Match": products.get("/products/1").headers["ETag"]}
    both = {"alt": "x", "main": True}
    assert products.patch(f"{url}/1", json=both, headers=current).status_code == 200


def test_an_unchanged_image_is_a_304(products, url, upload):
    upload(picture())
    for path in (url, f"{url}/1"):
        etag = products.get(path).headers["ETag"]
        assert products.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_an_upload_accepts_only_pictures(products, url):
    files = {"image": (io.BytesIO(picture()), "x"), "alt": "A pot"}
    answer = products.post(url, data=files)
    assert answer.status_code == 400
    assert "Send alt afterwards with PATCH" in answer.get_json()["detail"]


def test_the_same_picture_twice_is_stored_once(products, upload, work):
    upload(picture(), picture())
    work(1)
    work(2)
    one, two = products.get("/products/1").get_json()["images"]
    assert one["thumbnails"] == two["thumbnails"]
    assert len(list(products.application.extensions["files"].entries())) == 7


def test_a_job_for_a_missing_or_ready_image_changes_nothing(products, url, upload, work):
    upload(picture())
    work(1)
    revision = products.get("/products/1").get_json()["revision"]
    work(1)
    work(7)
    assert products.get("/products/1").get_json()["revision"] == revision
    products.delete("/products/1")
    work(1)


def test_a_file_that_was_lost_fails_the_image_with_a_reason(products, url, upload, work):
    upload(picture())
    files = products.application.extensions["files"]
    files.delete([name for name, _ in files.entries()])
    work(1)
    image = products.get(f"{url}/1").get_json()
    assert (image["state"], image["reason"]) == (
        "failed",
        "The uploaded file is gone. Upload it again.",
    )


def test_every_state_is_seen_at_once(products, url, upload, work):
    """A cached product never shows an old image state."""
    upload(picture())
    for _ in range(2):
        assert products.get("/products/1").get_json()["images"] == []
    work(1)
    assert len(products.get("/products/1").get_json()["images"]) == 1
    assert len(products.get("/products").get_json()["items"][0]["images"]) == 1
    products.delete(f"{url}/1")
    assert products.get("/products/1").get_json()["images"] == []


class TestSweep:
    @pytest.fixture
    def sweep(self, products):
        def run():
            with products.application.app_context():
                jobs.sweep()

        return run

    @pytest.fixture
    def queue(self, products):
        queue = products.application.extensions["connections"].queue
        queue.set("products:files-swept", 1)
        return queue

    def test_an_image_without_a_job_is_queued_again(self, upload, sweep, queue, monkeypatch):
        upload(picture())
        assert queue.exists("rq:job:image-1-1")
        queue.delete(*queue.keys("rq:*"))
        monkeypatch.setattr(jobs, "STUCK_SECONDS", 0)
        sweep()
        assert queue.exists("rq:job:image-1-1")
        assert queue.llen("rq:queue:products") == 1

    def test_an_image_changed_recently_is_not_queued_again(self, upload, sweep, queue):
        """A worker may be about to start its job."""
        upload(picture())
        queue.delete(*queue.keys("rq:*"))
        sweep()
        assert queue.keys() == [b"products:files-swept"]

    def test_an_image_with_a_job_is_not_queued(self, products, upload, sweep, queue, monkeypatch):
        upload(picture())
        monkeypatch.setattr(jobs, "STUCK_SECONDS", 0)
        sweep()
        assert queue.llen("rq:queue:products") == 1

    def test_an_image_whose_job_crashes_fails(self, products, url, upload, work, monkeypatch):
        def crash(data):
            raise SystemExit

        upload(picture())
        with monkeypatch.context() as broken:
            broken.setattr(thumbnails, "render", crash)
            for _ in range(jobs.MAX_TRIES):
                with pytest.raises(SystemExit):
                    work(1)
        assert products.get(f"{url}/1").get_json()["state"] == "processing"
        work(1)
        image = products.get(f"{url}/1").get_json()
        assert (image["state"], image["reason"]) == ("failed", jobs.GAVE_UP)
        work(1)
        assert products.get(f"{url}/1").get_json()["state"] == "failed"
