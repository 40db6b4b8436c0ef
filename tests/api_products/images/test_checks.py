"""Files of images: no file is lost, and no file stays without a product."""

import io
from threading import Event, Thread

import obstore
import pytest

from api_products import checks, jobs
from api_products.images import gallery, thumbnails
from shared.http.errors import ServiceUnavailable
from tests.api_products.images.test_images import picture
from tests.support.services import on_real_servers, path_of


@pytest.fixture
def files(products):
    return products.application.extensions["files"]


@pytest.fixture
def run(products, monkeypatch):
    """Return a function that runs a job like a worker, with no grace time for new files."""
    monkeypatch.setattr(gallery, "GRACE_SECONDS", -1)

    def run(function, *args):
        with products.application.app_context():
            return function(*args)

    return run


@pytest.fixture
def make(products, run):
    """Return a function that makes a product with thumbnails and returns its path."""

    def make(*pictures, **fields):
        files = [(io.BytesIO(each), "x") for each in pictures]
        body = {"name": "Pot", **fields, "image": files}
        answer = products.post("/products", data=body, content_type="multipart/form-data")
        assert answer.status_code == 201
        path = path_of(answer.location)
        for number in range(len(pictures)):
            run(jobs.make_thumbnails, path.rpartition("/")[2], number + 1)
        return path

    return make


def names(files):
    return {name for name, _ in files.entries()}


def test_a_product_is_made_with_its_pictures(products, make):
    path = make(picture(), picture("blue"), price="12.5", stock="3", attributes='{"color": "red"}')
    product = products.get(path).get_json()
    assert (product["price"], product["stock"], product["name"]) == (12.5, 3, "Pot")
    assert product["attributes"] == {"color": "red"}
    assert [each["id"] for each in product["images"]] == [1, 2]


def test_a_form_without_pictures_makes_a_product_too(products):
    body = {"title": "12", "price": "", "brand": "007"}
    answer = products.post("/products", data=body, content_type="multipart/form-data")
    product = answer.get_json()
    assert (product["name"], product["price"], product["brand"]) == ("12", None, "007")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "a\0b"}, "NUL"),
        ({"name": ["a", "b"]}, "occurs twice"),
        ({"name": "a", "attributes": '{"x": 1, "x": 2}'}, "occurs twice"),
        ({"name": "a", "stock": "NaN"}, "NaN is not a JSON number"),
    ],
)
def test_a_form_holds_nothing_that_json_may_not_hold(products, fields, why):
    answer = products.post("/products", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert why in answer.get_json()["detail"]


def test_a_form_in_another_encoding_is_refused(products):
    part = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nCafé\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x"
    for encoding, status in (("utf-8", 201), ("latin-1", 400)):
        answer = products.post("/products", data=part.encode(encoding), content_type=kind)
        assert answer.status_code == status
    assert answer.get_json()["detail"] == "The field 'name' is not UTF-8. Send the form as UTF-8."


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"name": "Pot", "price": "much"}, 422), ({"name": ""}, 422), ({"name": "Pot"}, 415)],
)
def test_a_form_that_is_wrong_leaves_nothing(products, files, fields, status):
    good = picture() if status == 422 else b"<svg/>"
    body = fields | {"image": (io.BytesIO(good), "x.png")}
    answer = products.post("/products", data=body, content_type="multipart/form-data")
    assert answer.status_code == status
    assert products.get("/products").get_json()["items"] == []
    assert names(files) == set()


def test_the_files_of_a_form_that_clashes_are_removed(products, files, run):
    products.post("/products", json={"name": "Pot", "sku": "P"})
    body = {"name": "Pot", "sku": "P", "image": (io.BytesIO(picture()), "x.png")}
    answer = products.post("/products", data=body, content_type="multipart/form-data")
    assert answer.status_code == 409
    digest = next(iter(names(files))).partition("/")[0]
    queue = products.application.extensions["connections"].queue
    assert queue.exists(f"rq:job:remove-{digest}")
    run(gallery.remove_unreferenced, digest)
    assert names(files) == set()


def test_the_files_of_a_purged_product_are_removed(products, files, make, run):
    path = make(picture())
    digest = next(iter(names(files))).partition("/")[0]
    products.delete(path)
    run(gallery.remove_unreferenced, digest)
    assert len(names(files)) == 7
    products.delete(f"{path}?purge=true")
    queue = products.application.extensions["connections"].queue
    assert queue.exists(f"rq:job:remove-{digest}")
    run(gallery.remove_unreferenced, digest)
    assert names(files) == set()


def test_the_files_of_a_removed_image_are_removed(products, files, make, run):
    path = make(picture(), picture("blue"))
    before = names(files)
    products.delete(f"{path}/images/1")
    for digest in {name.partition("/")[0] for name in before}:
        run(gallery.remove_unreferenced, digest)
    kept = names(files)
    assert len(kept) == 7
    (image,) = products.get(path).get_json()["images"]
    assert image["thumbnails"]["small"]["webp"].removeprefix("/media/") in kept


def test_a_file_that_another_product_names_stays(products, files, make, run):
    one = make(picture())
    make(picture())
    digest = next(iter(names(files))).partition("/")[0]
    products.delete(f"{one}?purge=true")
    run(gallery.remove_unreferenced, digest)
    assert len(names(files)) == 7


@pytest.mark.parametrize(
    "sha256", ["", "a b", "../x", "../../etc", None, 7, ["x"], "A" * 64, "a\0"]
)
def test_an_invalid_digest_removes_nothing(products, files, make, run, db, sha256):
    make(picture())
    other = make(picture("blue"))
    db.products.update_one({"_id": 1}, {"$set": {"images.0.sha256": sha256}})
    assert products.delete("/products/1/images/1").status_code == 204
    run(gallery.remove_unreferenced, "")
    assert run(checks.find_file_faults)["missing"] == run(checks.find_file_faults)["lost"] == []
    assert products.get(products.get(other).get_json()["images"][0]["thumbnails"]["small"]["webp"])
    assert len(names(files)) == 14


@pytest.mark.parametrize("path", ["", "/media/../..", "a\0", "x" * 3000, 7, None])
def test_an_invalid_thumbnail_path_counts_as_missing(products, make, run, db, path):
    make(picture())
    db.products.update_one({"_id": 1}, {"$set": {"images.0.thumbnails.small.webp": path}})
    assert products.get("/products:files").status_code == 200
    assert products.post("/products:files").status_code == 200


@pytest.mark.parametrize("made", [2**63 - 1, -5, "x", 1.5, None])
def test_an_invalid_last_number_is_ignored(products, make, db, made):
    make(picture())
    db.products.update_one({"_id": 1}, {"$set": {"images_made": made}})
    files = {"image": (io.BytesIO(picture("blue")), "x")}
    answer = products.post("/products/1/images", data=files)
    assert answer.get_json()["items"][0]["id"] == 2


def test_a_product_with_a_broken_id_does_not_stop_others(products, db, make, run, monkeypatch):
    make(picture())
    waiting = {"id": 1, "state": "queued", "sha256": "a" * 64}
    db.products.insert_one({"_id": "a b", "name": "Odd", "images": [waiting]})
    db.products.insert_one({"_id": 901, "name": "Even", "images": [waiting]})
    monkeypatch.setattr(jobs, "STUCK_SECONDS", -1)
    run(jobs.sweep)
    queue = products.application.extensions["connections"].queue
    assert queue.exists("rq:job:image-901-1")
    assert products.get("/products:files").status_code == 200


@on_real_servers  # The fakes have no transactions.
def test_a_product_that_is_deleted_and_restored_always_references_its_files(products, make, run):
    """The product is deleted and restored all the time, while its files are looked up."""
    path = make(picture())
    digest = products.get(f"{path}/images/1").get_json()["sha256"]
    stopping = Event()

    def come_and_go():
        client = products.application.test_client()
        while not stopping.is_set():
            client.delete(path)
            client.post(f"{path}/restore")

    thread = Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(200):
            assert run(gallery.is_referenced, digest)
    finally:
        stopping.set()
        thread.join()


def test_a_file_that_was_just_uploaded_stays(files, run, monkeypatch):
    monkeypatch.setattr(gallery, "GRACE_SECONDS", 60)
    files.put("a" * 64 + "/original", b"x")
    run(gallery.remove_unreferenced, "a" * 64)
    assert run(checks.find_file_faults)["orphans"] == []
    assert len(names(files)) == 1


def cases(answer):
    return {what: kind["cases"] for what, kind in answer.get_json().items()}


class TestCheck:
    @pytest.fixture
    def check(self, products):
        return lambda: cases(products.get("/products:files"))

    @pytest.fixture
    def repair(self, products):
        return lambda: cases(products.post("/products:files"))

    def test_correct_data_has_no_faults(self, make, check):
        make(picture())
        assert not any(check().values())
        assert check().keys() == {"orphans", "missing", "lost", "stuck"}

    def test_files_of_others_are_ignored(self, files, make, check, repair):
        make(picture())
        store = files._store
        for name in ("wedding.jpg", "2024/baby.jpg", "a" * 64 + "/letter.txt"):
            obstore.put(store, name, b"dear")
        repair()
        assert not any(check().values())
        assert len(list(obstore.list(store).collect())) == 10

    def test_orphans_are_listed_and_removed(self, files, make, check, repair):
        make(picture())
        orphan = "a" * 64 + "/small.webp"
        files.put(orphan, b"x")
        assert check()["orphans"] == repair()["orphans"] == [orphan]
        assert check()["orphans"] == []
        assert len(names(files)) == 7

    def test_a_missing_thumbnail_is_made_again(self, products, files, make, check, repair, run):
        path = make(picture())
        files.delete([name for name in names(files) if "small" in name])
        assert check()["missing"] == repair()["missing"] == [{"product": 1, "image": 1}]
        run(jobs.make_thumbnails, "1", 1)
        assert check()["missing"] == []
        assert len(products.get(path).get_json()["images"]) == 1

    def test_lost_images_are_reported_and_not_changed(self, products, files, make, check, repair):
        """MEDIA_URL may only name the wrong folder."""
        path = make(picture())
        stored = {name: files.get(name) for name in names(files)}
        files.delete(stored)
        assert check()["lost"] == repair()["lost"] == [{"product": 1, "image": 1}]
        assert len(products.get(path).get_json()["images"]) == 1
        for name, data in stored.items():
            files.put(name, data)
        assert not any(check().values())

    def test_stuck_images_are_queued(self, products, check, repair, run, monkeypatch):
        products.post("/products", json={"name": "Pot"})
        products.post("/products/1/images", data={"image": (io.BytesIO(picture()), "x")})
        products.application.extensions["connections"].queue.flushdb()
        monkeypatch.setattr(jobs, "STUCK_SECONDS", -1)
        assert check()["stuck"] == repair()["stuck"] == [{"product": 1, "image": 1}]
        assert check()["stuck"] == []


class TestDiskFull:
    """A write to a full disk fails, and no product refers to a file that is missing."""

    @pytest.fixture
    def fill(self, monkeypatch):
        """Yield a function that makes all writes after the first few fail like on a full disk."""
        put = obstore.put

        def fill(after):
            left = iter(range(after))

            def fail(store, name, data, **options):
                if next(left, None) is None:
                    raise OSError(28, "No space left on device")
                return put(store, name, data, **options)

            monkeypatch.setattr(obstore, "put", fail)

        yield fill
        monkeypatch.setattr(obstore, "put", put)

    def test_an_upload_is_refused(self, products, files, fill):
        products.post("/products", json={"name": "Pot"})
        fill(0)
        answer = products.post("/products/1/images", data={"image": (io.BytesIO(picture()), "x")})
        assert answer.status_code == 503
        assert "file store of the pictures failed" in answer.get_json()["detail"]
        assert products.get("/products/1/images").get_json()["items"] == []
        assert names(files) == set()

    @pytest.mark.parametrize("after", range(6))
    def test_a_job_is_tried_again_then_failed(self, products, files, fill, run, after):
        products.post("/products", json={"name": "Pot"})
        products.post("/products/1/images", data={"image": (io.BytesIO(picture()), "x")})
        for _ in range(jobs.MAX_TRIES - 1):
            fill(after)
            with pytest.raises(ServiceUnavailable):
                run(jobs.make_thumbnails, "1", 1)
        fill(after)
        run(jobs.make_thumbnails, "1", 1)
        image = products.get("/products/1/images/1").get_json()
        assert image["state"] == "failed"
        assert "file store of the pictures failed" in image["reason"]
        assert products.get("/products/1").get_json()["images"] == []

    def test_a_job_that_fits_the_next_time_makes_it_ready(self, products, fill, run):
        products.post("/products", json={"name": "Pot"})
        products.post("/products/1/images", data={"image": (io.BytesIO(picture()), "x")})
        fill(3)
        with pytest.raises(ServiceUnavailable):
            run(jobs.make_thumbnails, "1", 1)
        fill(100)
        run(jobs.make_thumbnails, "1", 1)
        assert products.get("/products/1/images/1").get_json()["state"] == "ready"
        assert thumbnails.SIZES.keys() == {"small", "medium", "large"}
