"""Photos by URL: from a request to the thumbnails, with a web server on this machine."""

import hashlib
import io
from dataclasses import replace

import pytest
from rq.job import Job

from api_products import jobs
from api_products.images import gallery, processing, thumbnails
from api_products.images.download import PhotoUnavailable
from api_products.images.model import original_file
from tests.api_products.images.test_images import picture
from tests.support.photo_server import PhotoServer, Reply
from tests.support.services import path_of


@pytest.fixture
def server():
    with PhotoServer() as server:
        server.replies = {
            f"/{name}": Reply(picture(name), headers={"ETag": f'"{name}"'})
            for name in ("red", "green", "blue")
        }
        yield server


@pytest.fixture
def settings(settings):
    return replace(settings, photo_hosts="127.0.0.1")


@pytest.fixture
def queue(products):
    queue = products.application.extensions["connections"].queue
    queue.set("products:files-swept", 1)
    return queue


@pytest.fixture
def work(products, queue):
    """Return a function that runs the queued jobs of products until none waits."""

    def run():
        while raw := queue.lpop("rq:queue:products"):
            job = Job.fetch(raw.decode(), connection=queue)
            with products.application.app_context():
                getattr(jobs, job.func_name.rpartition(".")[2])(*job.args)

    return run


@pytest.fixture
def make(products, server):
    """Return a function that makes a product with photos of the server; it returns the path."""

    def make(*names, **values):
        urls = [f"{server.url}/{name}" for name in names]
        made = products.post("/products", json={"name": "Pot", "image_urls": urls} | values)
        assert made.status_code == 201, made.text
        return path_of(made.location)

    return make


def images(products, path):
    return products.get(f"{path}/images").get_json()["items"]


def states(products, path):
    return [image["state"] for image in images(products, path)]


def test_photos_are_fetched_and_become_ready(products, server, make, work):
    path = make("red", "green")
    assert states(products, path) == ["queued", "queued"]
    assert products.get(path).get_json()["images"] == []
    work()
    assert states(products, path) == ["ready", "ready"]
    product = products.get(path).get_json()
    assert product["image_urls"] == [
        {"url": f"{server.url}/{name}", "alt": None} for name in ("red", "green")
    ]
    assert [image["width"] for image in product["images"]] == [300, 300]
    assert server.paths() == ["/red", "/green"]
    image = images(products, path)[0]
    assert image["url"] == f"{server.url}/red"
    assert len(image["sha256"]) == 64


def test_the_same_urls_again_change_nothing(products, server, make, work):
    path = make("red")
    work()
    before = products.get(path).get_json()
    for urls in (before["image_urls"], [f"{server.url}/red"]):
        changed = products.patch(path, json={"image_urls": urls}).get_json()
        assert changed["revision"] == before["revision"]
    again = products.post(f"{path}/images", json={"url": f"{server.url}/red"})
    assert again.status_code == 200
    assert path_of(again.location) == f"{path}/images/1"
    batch = [{"sku": "P", "name": "Pan", "image_urls": before["image_urls"]}]
    for result in ("created", "unchanged"):
        answer = products.post("/products:batch?key=sku", json=batch).get_json()
        assert answer["summary"] == {result: 1}
    work()
    assert server.paths() == ["/red", "/red"]


def test_photos_left_out_are_removed_with_their_files(products, server, make, work, queue):
    path = make("red", "green")
    work()
    changed = products.patch(path, json={"image_urls": [f"{server.url}/green"]})
    assert [image["id"] for image in changed.get_json()["images"]] == [2]
    assert any(key.startswith(b"rq:job:remove-") for key in queue.keys("rq:job:*"))
    products.patch(path, json={"image_urls": None})
    assert images(products, path) == []


def test_a_dry_run_queues_no_photo(products, make, server, work):
    batch = [{"sku": "P", "name": "Pan", "image_urls": [f"{server.url}/red"]}]
    answer = products.post("/products:batch?key=sku&dry_run=true", json=batch)
    assert answer.get_json()["summary"] == {"created": 1}
    work()
    assert server.paths() == []


def test_photos_are_added_to_a_product(products, server, make, work):
    path = make("red")
    one = products.post(f"{path}/images", json={"url": f"{server.url}/green", "alt": "Green"})
    assert one.status_code == 202
    assert path_of(one.location) == f"{path}/images/2"
    (image,) = one.get_json()["items"]
    assert (image["state"], image["alt"], image["sha256"]) == ("queued", "Green", None)
    several = [{"url": f"{server.url}/{name}"} for name in ("red", "blue")]
    answer = products.post(f"{path}/images", json=several)
    assert answer.status_code == 202
    assert [image["id"] for image in answer.get_json()["items"]] == [1, 3]
    work()
    assert states(products, path) == ["ready"] * 3


@pytest.mark.parametrize(
    ("body", "pointer", "why"),
    [
        ({}, "/url", "missing"),
        ({"url": "file:///etc/passwd"}, "/url", "http or https"),
        ({"url": "http://u:p@shop.example/x"}, "/url", "user name"),
        ({"url": 5}, "/url", "text"),
        ([{"url": "https://shop.example/1"}, {"alt": "x"}], "/1/url", "missing"),
        ([{"url": f"https://shop.example/{n}"} for n in range(21)], "", "more than 20"),
        ({"url": "https://shop.example/1", "size": 3}, "/size", "Unknown"),
    ],
)
def test_a_body_that_is_wrong_says_where(products, make, body, pointer, why):
    path = make()
    answer = products.post(f"{path}/images", json=body)
    assert answer.status_code == 422, answer.text
    error = answer.get_json()["errors"][0]
    assert error["pointer"] == pointer
    assert why.lower() in error["message"].lower()
    assert images(products, path) == []


def test_a_body_without_photos_is_refused(products, make):
    assert products.post(f"{make()}/images", json=[]).status_code == 400


def test_wrong_urls_of_a_product_say_where(products):
    for urls, pointer in (
        (["https://shop.example/1", "ftp://shop.example/2"], "/image_urls/1/url"),
        ([{"alt": "x"}], "/image_urls/0/url"),
        ([7], "/image_urls/0"),
        ("https://shop.example/1", "/image_urls"),
        ([f"https://shop.example/{n}" for n in range(251)], "/image_urls"),
    ):
        answer = products.post("/products", json={"name": "Pot", "image_urls": urls})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["pointer"].startswith(pointer), urls


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(status=404), "has answered 404"),
        (Reply(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "Not a picture"),
        (Reply(b""), "The file is empty"),
        (Reply(picture()[:-100]), "cannot be decoded"),
        (Reply(picture(1, (9000, 5000), "PNG", "1")), "40,000,000 pixels"),
        (Reply(b"x" * 11_000_000), "at most 10 MB"),
        (Reply(status=302, headers={"Location": "http://169.254.169.254/"}), "not public"),
    ],
)
def test_a_photo_that_cannot_be_used_fails_with_a_reason(products, server, make, work, reply, why):
    server.replies["/x"] = reply
    path = make("x")
    work()
    (image,) = images(products, path)
    assert image["state"] == "failed"
    assert why in image["reason"]
    assert products.get(path).get_json()["images"] == []
    (failed,) = products.get("/products:images?state=failed").get_json()["items"]
    assert (failed["product"], failed["id"], failed["url"]) == ("1", 1, f"{server.url}/x")
    assert products.get("/products:files").get_json()["lost"]["total"] == 0


def test_a_server_in_trouble_is_asked_again(products, server, make, work):
    server.replies["/x"] = Reply(status=503)
    path = make("x")
    for _ in range(2):
        with pytest.raises(PhotoUnavailable), products.application.app_context():
            jobs.make_thumbnails("1", 1)
        assert states(products, path) == ["processing"]
    server.replies["/x"] = Reply(picture())
    with products.application.app_context():
        jobs.make_thumbnails("1", 1)
    assert states(products, path) == ["ready"]


def test_after_three_attempts_the_image_fails(products, server, make):
    server.replies["/x"] = Reply(status=503)
    path = make("x")
    with products.application.app_context():
        for _ in range(2):
            with pytest.raises(PhotoUnavailable):
                jobs.make_thumbnails("1", 1)
        jobs.make_thumbnails("1", 1)
    (image,) = images(products, path)
    assert (image["state"], image["reason"]) == ("failed", "127.0.0.1 has answered 503.")


def fetch(products, path, number=1):
    answer = products.post(f"{path}/images/{number}/fetch")
    assert answer.status_code == 202
    assert answer.get_json()["state"] == "queued"


def test_a_failed_photo_is_fetched_again(products, server, make, work):
    server.replies["/x"] = Reply(status=404)
    path = make("x")
    work()
    server.replies["/x"] = Reply(picture())
    fetch(products, path)
    work()
    (image,) = images(products, path)
    assert (image["state"], image["reason"]) == ("ready", None)


def test_a_photo_that_has_not_changed_stays(products, server, make, work):
    path = make("red")
    work()
    (before,) = images(products, path)
    fetch(products, path)
    assert len(products.get(path).get_json()["images"]) == 1
    work()
    assert images(products, path) == [before]
    assert server.requests[1][1]["If-None-Match"] == '"red"'


def test_a_photo_that_has_changed_replaces_the_one_before(products, server, make, work, queue):
    path = make("red")
    work()
    (before,) = images(products, path)
    server.replies["/red"] = Reply(picture("blue"), headers={"ETag": '"new"'})
    fetch(products, path)
    (shown,) = products.get(path).get_json()["images"]
    assert shown["thumbnails"] == before["thumbnails"]
    work()
    (image,) = images(products, path)
    assert image["id"] == 1
    assert image["sha256"] != before["sha256"]
    assert image["thumbnails"] != before["thumbnails"]
    assert queue.exists(f"rq:job:remove-{before['sha256']}")


def test_a_photo_that_is_gone_keeps_its_thumbnails(products, server, make, work):
    path = make("red")
    work()
    del server.replies["/red"]
    fetch(products, path)
    work()
    assert states(products, path) == ["failed"]
    assert len(products.get(path).get_json()["images"]) == 1
    faults = products.get("/products:files").get_json()
    assert all(kind["total"] == 0 for kind in faults.values()), faults


def test_an_uploaded_picture_is_not_fetched(products, make):
    path = make()
    upload = {"image": (io.BytesIO(picture()), "x")}
    products.post(f"{path}/images", data=upload)
    assert products.post(f"{path}/images/1/fetch").status_code == 409
    assert products.post(f"{path}/images/2/fetch").status_code == 404


def test_thumbnails_that_are_lost_are_made_of_the_stored_file(products, server, make, work):
    path = make("red")
    work()
    files = products.application.extensions["files"]
    files.delete([name for name, _ in files.entries() if "original" not in name])
    products.post("/products:files")
    assert products.get(path).get_json()["images"] == []
    work()
    assert states(products, path) == ["ready"]
    assert server.paths() == ["/red"]


def test_many_photos_are_queued_some_at_a_time(products, server, make, work, queue, monkeypatch):
    monkeypatch.setattr(jobs, "QUEUED_PHOTOS", 4)
    paths = [make("red", "green", "blue") for _ in range(4)]
    with products.application.app_context():
        jobs.queue_due_photos()
        jobs.queue_due_photos()
    assert sum(key.startswith(b"rq:job:image-") for key in queue.keys("rq:job:*")) == 4
    work()
    assert all(states(products, path) == ["ready"] * 3 for path in paths)
    assert len(server.requests) == 12


def test_a_job_that_was_lost_is_queued_by_the_sweep(products, make, work, queue):
    path = make("red")
    queue.delete(*queue.keys("rq:*"))
    with products.application.app_context():
        jobs.sweep()
    work()
    assert states(products, path) == ["ready"]


def test_images_are_listed_by_state_in_pages(products, server, make, work):
    for _ in range(3):
        make("red", "none")
    make()
    found = products.get("/products:images?state=queued&per=2").get_json()
    assert [(image["product"], image["id"]) for image in found["items"]] == [
        ("1", 1),
        ("1", 2),
        ("2", 1),
        ("2", 2),
    ]
    query = f"/products:images?state=queued&per=2&cursor={found['next_cursor']}"
    rest = products.get(query).get_json()
    assert [image["product"] for image in rest["items"]] == ["3", "3"]
    assert rest["next_cursor"] is None
    work()
    assert len(products.get("/products:images?state=ready").get_json()["items"]) == 3
    assert products.get("/products:images").status_code == 400
    assert products.get("/products:images?state=lost").status_code == 400


def test_a_form_may_have_photos_by_url_and_pictures(products, server, work):
    form = {"name": "Pot", "image_urls": f'["{server.url}/red"]'}
    form["image"] = (io.BytesIO(picture("blue")), "x")
    made = products.post("/products", data=form)
    assert made.status_code == 201
    work()
    path = path_of(made.location)
    assert [image["url"] for image in images(products, path)] == [f"{server.url}/red", None]
    assert states(products, path) == ["ready"] * 2


def test_a_product_in_the_trash_is_fetched_after_it_is_restored(products, make, work):
    path = make("red")
    products.delete(path)
    work()
    products.post(f"{path}/restore")
    with products.application.app_context():
        jobs.sweep()
    work()
    assert states(products, path) == ["ready"]


def test_a_host_that_does_not_answer_is_left_alone_for_a_while(products, server, make, queue):
    """Else all workers would wait for it, one photo after the other."""
    names = [f"x{number}" for number in range(8)]
    server.replies |= {f"/{name}": Reply(status=503) for name in names}
    path = make(*names, "red")
    with products.application.app_context():
        for number in range(1, 6):
            with pytest.raises(PhotoUnavailable):
                jobs.make_thumbnails("1", number)
        for number in range(1, 9):
            jobs.make_thumbnails("1", number)
        assert len(server.requests) == 5
        queue.delete("products:photos-failed:127.0.0.1")
        jobs.make_thumbnails("1", 9)
    assert states(products, path)[-1] == "ready"
    assert queue.get("products:photos-failed:127.0.0.1") is None


def test_an_image_whose_host_is_paused_waits_and_counts_no_attempt(
    products, server, make, queue, work, db
):
    server.replies["/x"] = Reply(status=503)
    path = make("x", "red")
    queue.set("products:photos-failed:127.0.0.1", processing.MAX_FAILURES)
    with products.application.app_context():
        for _ in range(jobs.MAX_TRIES + 1):
            jobs.make_thumbnails("1", 1)
        queue.delete("rq:queue:products")
        jobs.queue_due_photos()
        assert queue.llen("rq:queue:products") == 0  # Other hosts come first.
    assert states(products, path) == ["queued", "queued"]
    assert products.get(path).get_json()["revision"] == 1
    queue.delete("products:photos-failed:127.0.0.1")
    with products.application.app_context(), pytest.raises(PhotoUnavailable):
        jobs.make_thumbnails("1", 1)
    queue.set("products:photos-failed:127.0.0.1", processing.MAX_FAILURES)
    with products.application.app_context():
        jobs.make_thumbnails("1", 1)
    image = db.products.find_one({"_id": 1})["images"][0]
    assert (image["state"], image["tries"]) == ("due", 1)
    queue.delete("products:photos-failed:127.0.0.1")
    server.replies["/x"] = Reply(picture())
    with products.application.app_context():
        jobs.queue_due_photos()
    work()
    assert states(products, path) == ["ready", "ready"]


def test_no_image_fails_in_an_outage_of_two_minutes():
    """Each has this many attempts, however often its job is queued again."""
    assert len(jobs.PHOTO_RETRY_SECONDS) == jobs.MAX_TRIES - 1
    assert jobs.PHOTO_RETRY_SECONDS[-1] >= 120


def test_a_photo_that_is_queued_again_has_the_attempts_that_are_left(products, make, queue, db):
    path = make("red")
    for tries, left in ((0, [10, 120]), (1, [120]), (2, None)):
        db.products.update_one({"_id": 1}, {"$set": {"images.0.tries": tries}})
        queue.delete(*queue.keys("rq:*"))
        with products.application.app_context():
            jobs.queue_due_photos()
        job = Job.fetch("image-1-1", connection=queue)
        assert job.retry_intervals == left, path


def test_a_request_to_fetch_again_is_not_lost_while_the_photo_is_fetched(
    products, server, make, work, monkeypatch
):
    path = make("red")
    process = processing.process

    def meanwhile(image):
        monkeypatch.setattr(processing, "process", process)
        values = process(image)
        server.replies["/red"] = Reply(picture("blue"), headers={"ETag": '"new"'})
        fetch(products, path)
        return values

    monkeypatch.setattr(processing, "process", meanwhile)
    with products.application.app_context():
        jobs.make_thumbnails("1", 1)
    assert states(products, path) == ["queued"]
    work()
    assert states(products, path) == ["ready"]
    assert server.paths() == ["/red", "/red"]


def test_the_files_of_a_photo_that_is_fetched_again_meanwhile_are_removed(
    products, make, queue, monkeypatch
):
    path = make("red")
    process = processing.process

    def meanwhile(image):
        fetch(products, path)
        return process(image)

    monkeypatch.setattr(processing, "process", meanwhile)
    with products.application.app_context():
        jobs.make_thumbnails("1", 1)
    assert any(key.startswith(b"rq:job:remove-") for key in queue.keys("rq:job:*"))


def test_a_broken_url_of_a_hand_edit_stops_no_other_photo(products, make, work, db):
    path = make("red", "green")
    db.products.update_one({"_id": 1}, {"$set": {"images.0.url": "http://[x/"}})
    with products.application.app_context():
        jobs.queue_due_photos()
    work()
    assert states(products, path) == ["failed", "ready"]


def test_lost_thumbnails_of_an_image_that_still_shows_them_are_found(products, server, make, work):
    """The product shows the photo of before while another one is fetched, and after a failure."""
    path = make("red", "green")
    work()
    del server.replies["/red"]
    fetch(products, path, 1)
    work()
    fetch(products, path, 2)
    assert states(products, path) == ["failed", "queued"]
    files = products.application.extensions["files"]
    files.delete([name for name, _ in files.entries() if "original" not in name])
    missing = products.get("/products:files").get_json()["missing"]
    assert [case["image"] for case in missing["cases"]] == [1, 2]
    products.post("/products:files")
    work()
    assert states(products, path) == ["ready", "ready"]
    assert not any(kind["total"] for kind in products.get("/products:files").get_json().values())


def test_the_same_photo_of_several_products_is_rendered_once(products, make, work, monkeypatch):
    one = make("red")
    work()

    def crash(data):
        raise AssertionError("rendered again")

    monkeypatch.setattr(thumbnails, "render", crash)
    other = make("red")
    work()
    (first,), (second,) = images(products, one), images(products, other)
    assert first == second


def test_the_same_url_is_fetched_once_in_an_import(products, server, make, work):
    """Variants share a photo; a new import asks for it again."""
    products.environ_base["HTTP_IMPORT_ID"] = "shop-1"
    paths = [make("red"), make("red", "blue")]
    work()
    assert [states(products, path) for path in paths] == [["ready"], ["ready", "ready"]]
    assert sorted(path for path, _ in server.requests) == ["/blue", "/red"]
    (first, *_), (second, _) = (images(products, path) for path in paths)
    assert first["sha256"] == second["sha256"]
    products.environ_base["HTTP_IMPORT_ID"] = "shop-2"
    make("red")
    work()
    assert [path for path, _ in server.requests].count("/red") == 2


def test_the_mark_of_a_job_that_fetches_the_same_photo_stays(
    products, transport, server, make, work, monkeypatch
):
    """A job waits as long as a download may take, then fetches by itself."""
    monkeypatch.setattr(processing, "SECONDS", 0.2)
    products.environ_base["HTTP_IMPORT_ID"] = "shop-1"
    path, url = make("red"), f"{server.url}/red"
    digest = hashlib.sha256(url.encode()).hexdigest()
    mark = f"products:photo:shop-1:{digest}:fetched-now"
    transport.connections.queue.set(mark, 1)
    work()
    assert states(products, path) == ["ready"]
    assert transport.connections.queue.exists(mark)


def test_a_photo_whose_file_is_gone_is_fetched_again_in_the_import(products, server, make, work):
    products.environ_base["HTTP_IMPORT_ID"] = "shop-1"
    path = make("red")
    work()
    (image,) = images(products, path)
    with products.application.app_context():
        gallery.files().delete([original_file(image["sha256"])])
    make("red")
    work()
    assert len(server.requests) == 2


def test_lost_thumbnails_of_another_product_are_not_used(products, make, work):
    make("red")
    work()
    files = products.application.extensions["files"]
    files.delete([name for name, _ in files.entries() if "small" in name])
    path = make("red")
    work()
    (image,) = images(products, path)
    assert products.get(image["thumbnails"]["small"]["webp"]).status_code == 200


def test_one_job_queues_the_photos_of_many_requests(make, queue, work):
    for _ in range(5):
        make("red")
    assert queue.llen("rq:queue:products") == 1
