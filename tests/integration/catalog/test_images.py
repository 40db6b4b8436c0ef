"""Pictures on a whole stack: real workers, real files, real deaths."""

import contextlib
import json
import os
import signal

import pytest
from redis import Redis
from rq import Queue, Retry

from tests.api_products.images.test_images import picture
from tests.support.polling import poll
from tests.support.processes import free_port
from tests.support.services import samples
from tests.support.stack import process_of, processes_of, redis_program, running_stack
from vitrine import stack as stacks


@pytest.fixture(scope="module")
def stack():
    only = ("--only", "products,categories,faulty", "--with", "tests/support/api_faulty")
    url = f"http://127.0.0.1:{free_port()}"
    with running_stack(*only, JOB_WORKERS="2", FAULTY_URL=url) as stack:
        yield stack


@pytest.fixture
def product(stack):
    return f"/products/{stack.request('POST', 'products', '/products', {'name': 'Pot'})[1]['id']}"


def upload(stack, product, data, **headers):
    url = stack.url("products") + f"{product}/images"
    answer = stack._http.request("POST", url, fields={"image": ("x", data)}, headers=headers)
    return answer.status, answer.json()


def outcome(stack, product, seconds=20):
    """Wait until no image of a product waits; return the last one."""

    def ended():
        image = stack.get("products", f"{product}/images")["items"][-1]
        return image if image["state"] in ("ready", "failed") else None

    return poll(ended, seconds)


def test_an_upload_is_soon_ready(stack, product):
    status, value = upload(stack, product, picture())
    assert (status, value["items"][0]["state"]) == (202, "queued")
    image = outcome(stack, product)
    assert image["state"] == "ready"
    path = image["thumbnails"]["small"]["webp"]
    assert stack._http.request("GET", stack.url("products") + path).data[:4] == b"RIFF"


def test_what_a_job_writes_names_the_request_that_has_queued_it(stack, product):
    upload(stack, product, picture(), **{"X-Request-ID": "upload-1"})
    outcome(stack, product)
    path = f"{product}/history"
    told = poll(lambda: each if len(each := stack.get("products", path)["items"]) == 4 else None)
    assert {(each["by"], each["request_id"]) for each in told[:2]} == {
        ("service:products", "upload-1")
    }
    assert told[0]["changes"]["images"]["from"] == []


@pytest.mark.long
@pytest.mark.parametrize("folder", ["images", "hostile_images"])
def test_real_pictures_become_what_their_manifest_says(stack, product, data_folder, folder, capsys):
    outcomes = {}
    for each in json.loads((data_folder / folder / "manifest.json").read_bytes()):
        data = (data_folder / folder / each["file"]).read_bytes()
        status, _ = upload(stack, product, data)
        assert status in (202, 413, 415, 422), each["file"]
        state = outcome(stack, product)["state"] if status == 202 else status
        outcomes.setdefault((each["expected"], state), []).append(each["file"])
        if each["expected"] in ("accept", "accept_strip"):
            assert state == "ready", each["file"]
        if each["expected"] == "reject":
            assert status != 202, each["file"]
    with capsys.disabled():
        print(f"\n{folder}:", {key: len(names) for key, names in outcomes.items()})
    assert stack.get("products", product)["name"] == "Pot"


@pytest.mark.long
def test_the_photos_of_an_export_find_their_products(stack, unpack, data_folder):
    """All 19 of them: some are named by the products, some by files that come after them."""
    folder = unpack("catalog/magento-luma-fixtures.tar.xz") / "magento"
    named = "base_image,additional_images,image"
    files = [
        folder / "ConfigurableSampleData" / "fixtures" / "products.csv",
        *folder.rglob("products_gear_*.csv"),
        *folder.rglob("products_training_video_download.csv"),
        *folder.rglob("images_gear_*.csv"),
        *folder.rglob("images_products_training_video.csv"),
    ]
    for file in files:
        args = ("--key", "sku", "--attributes", named, "--create-categories")
        done = stack.run("import", "products", file, *args)
        assert " rows: " in done.stderr  # Some repeat a SKU, and those rows are named.
    photos = data_folder / "catalog" / "magento-media"
    args = ("import", "images", photos, "--match", named)
    assert "70 images: 70 attached, 0 unchanged, 0 failed" in stack.run(*args).stderr
    assert "70 images: 0 attached, 70 unchanged, 0 failed" in stack.run(*args).stderr
    (hoodie,) = stack.get("products", "/products?sku=MH01-XS-Black")["items"]
    ready = lambda: stack.get("products", f"/products/{hoodie['id']}")["images"]  # noqa: E731
    (image,) = poll(ready)
    assert image["thumbnails"]["small"]["webp"].endswith("/small.webp")
    assert stack.run("import", "images", photos).returncode == 1


def states(stack, product):
    return [each["state"] for each in stack.get("products", f"{product}/images")["items"]]


def queue_of(stack):
    return Redis.from_url(stacks.read(stack.folder).redis_url.removesuffix("0") + "1")


def test_a_worker_that_is_killed_before_it_takes_a_job_loses_none(stack, product):
    os.kill(process_of(stack, b"shared\0work\0api_products"), signal.SIGKILL)
    for color in ("red", "green", "blue"):
        assert upload(stack, product, picture(color))[0] == 202
    poll(lambda: states(stack, product) == ["ready"] * 3)


@pytest.mark.long
def test_no_disaster_loses_a_picture(stack, product):
    """They come one after the other, for each takes the sweep some seconds to mend."""
    large = picture("red", (7000, 5000), "PNG")
    for _ in range(3):
        assert upload(stack, product, large)[0] == 202
    poll(lambda: "processing" in states(stack, product))
    for worker in processes_of(stack, b"shared\0work\0"):
        with contextlib.suppress(ProcessLookupError):  # It is a job of one that was killed.
            os.kill(worker, signal.SIGKILL)
    assert states(stack, product) != ["ready"] * 3

    with queue_of(stack) as queue:
        for color in ("red", "green", "blue", "white"):
            assert upload(stack, product, picture(color, (4000, 3000)))[0] == 202
            queue.flushall()

    redis = process_of(stack, redis_program())
    assert upload(stack, product, picture("cyan", (4000, 3000)))[0] == 202
    os.kill(redis, signal.SIGKILL)
    for file in (stack.folder / "redis").rglob("*.aof*"):
        file.unlink()
    assert upload(stack, product, picture("pink"))[0] == 202
    poll(lambda: states(stack, product) == ["ready"] * 9)


def test_a_job_that_crashes_ends_itself_and_no_worker(stack):
    """It is tried again, and then the next job has its turn."""
    workers = set(processes_of(stack, b"shared\0work\0api_faulty"))
    with queue_of(stack) as redis:
        queue = Queue("faulty", connection=redis)
        job = queue.enqueue("api_faulty.jobs.crash", retry=Retry(max=1, interval=1))
        poll(lambda: job.get_status() == "failed")
        swept = queue.enqueue("api_faulty.jobs.sweep")
        poll(lambda: swept.get_status() == "finished")
    assert workers & set(processes_of(stack, b"shared\0work\0api_faulty"))
    assert stack.get("faulty", f"/jobs/{job.id}")["state"] == "failed"


def test_a_job_may_take_much_memory_but_not_all(stack):
    with queue_of(stack) as redis:
        queue = Queue("faulty", connection=redis)
        for size, taken in ((350_000_000, 350_000_000), (450_000_000, 0)):
            job = queue.enqueue("api_faulty.jobs.take_memory", size)
            poll(lambda job=job: job.get_status() == "finished")
            assert job.return_value() == taken


def test_the_queue_is_shown(stack):
    def is_at_rest():
        queue = stack.get("products", "/health/ready")["queue"]
        return queue == {"workers": 2, "waiting": 0, "oldest_seconds": None}

    assert poll(is_at_rest)


def test_jobs_are_counted_however_they_end(stack, product):
    upload(stack, product, picture())
    outcome(stack, product)
    ends = {
        "products": [("make_thumbnails", "done")],
        "faulty": [("crash", "retried"), ("crash", "failed")],
    }

    def counted(service):
        answer = stack._http.request("GET", stack.url(service) + "/metrics")
        found = samples(answer.data.decode())
        return all(found.get(("vitrine_job_seconds_count", *each)) for each in ends[service])

    assert poll(lambda: all(map(counted, ends)))
