"""Many at once, through real workers: ids, slugs, revisions, deaths."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.polling import poll
from tests.support.processes import descendants, is_alive


def at_once(count, call):
    with ThreadPoolExecutor(count) as pool:
        return [each.result() for each in [pool.submit(call, number) for number in range(count)]]


def test_50_posts_of_one_name_get_50_ids_and_slugs(stack):
    def post(number):
        return stack.request("POST", "products", "/products", {"name": "Everybody's"})

    answers = at_once(50, post)
    assert {status for status, _ in answers} == {201}
    ids = sorted(value["id"] for _, value in answers)
    assert ids == list(range(ids[0], ids[0] + 50))
    assert len({value["slug"] for _, value in answers}) == 50


def test_50_posts_of_one_sku_make_one_product(stack):
    def post(number):
        body = {"name": f"Only one {number}", "sku": "ONLY-ONE"}
        return stack.request("POST", "products", "/products", body)[0]

    statuses = at_once(50, post)
    assert sorted(set(statuses)) == [201, 409]
    assert statuses.count(201) == 1
    assert stack.get("products", "/products?sku=ONLY-ONE")["total"] == 1


def test_with_if_match_one_writer_wins_each_round(stack):
    _, product = stack.request("POST", "products", "/products", {"name": "Contested"})
    url = f"/products/{product['id']}"
    for turn in range(5):
        revision = stack.get("products", url)["revision"]
        etag = stack._http.request("GET", stack.url("products") + url).headers["ETag"]

        def patch(number, etag=etag, turn=turn):
            body = {"description": f"{turn} {number}"}
            return stack.request("PATCH", "products", url, body, **{"If-Match": etag})[0]

        assert sorted(at_once(8, patch)) == [200] + [412] * 7
        assert stack.get("products", url)["revision"] == revision + 1


def test_without_if_match_no_field_is_lost(stack):
    _, product = stack.request("POST", "products", "/products", {"name": "Shared"})
    url = f"/products/{product['id']}"
    fields = {"brand": "B", "sku": "SHARED-1", "price": 5, "stock": 3, "description": "D"}

    def patch(number):
        name = list(fields)[number]
        return stack.request("PATCH", "products", url, {name: fields[name]})[0]

    assert set(at_once(5, patch)) == {200}
    after = stack.get("products", url)
    assert {name: after[name] for name in fields} == fields
    assert after["revision"] == 6


def test_deleting_and_restoring_at_once_neither_loses_nor_doubles(stack):
    _, product = stack.request("POST", "products", "/products", {"name": "Peekaboodle"})
    url = f"/products/{product['id']}"

    def churn(number):
        for turn in range(6):
            if (number + turn) % 3 == 0:
                stack.request("DELETE", "products", url)
            elif (number + turn) % 3 == 1:
                stack.request("POST", "products", f"{url}/restore")
            else:
                stack.request("PATCH", "products", url, {"stock": number * 10 + turn})

    at_once(8, churn)
    stack.request("POST", "products", f"{url}/restore")
    assert stack.get("products", url)["name"] == "Peekaboodle"
    assert stack.request("POST", "products", f"{url}/restore")[0] == 404
    assert stack.get("products", "/products?q=peekaboodle")["total"] == 1


def test_batches_of_the_same_keys_at_once_make_each_item_once(stack):
    items = [{"name": f"Key {n}", "external_ref": f"k{n}"} for n in range(100)]

    def post(number):
        return stack.request("POST", "clients", "/clients:batch?key=external_ref", items)

    answers = at_once(6, post)
    assert {status for status, _ in answers} == {207}
    results = [each["result"] for _, value in answers for each in value["results"]]
    assert (results.count("created"), results.count("unchanged")) == (100, 500)
    found = stack.get("clients", "/clients?q=key&per=1")
    assert found["total"] == 100


def test_merge_patches_in_batches_at_once_lose_nothing(stack):
    stack.request("POST", "products", "/products", {"name": "Merged", "sku": "MERGED"})

    def post(number):
        item = {"sku": "MERGED", "attributes": {f"k{number}": number}}
        headers = {"Content-Type": "application/merge-patch+json"}
        _, value = stack.request("POST", "products", "/products:batch?key=sku", [item], **headers)
        return value["results"][0]["result"]

    assert set(at_once(20, post)) == {"updated"}
    (product,) = stack.get("products", "/products?sku=MERGED")["items"]
    assert product["attributes"] == {f"k{number}": number for number in range(20)}


def test_all_or_none_batches_of_one_name_at_once_all_succeed(stack):
    def post(number):
        path = "/products:batch?on_error=reject_all"
        return stack.request("POST", "products", path, [{"name": "Crowd"}] * 30)

    answers = at_once(4, post)
    assert {status for status, _ in answers} == {207}
    slugs = [each["slug"] for _, value in answers for each in value["results"]]
    assert len(set(slugs)) == 120


def test_a_killed_master_takes_its_workers_along(stack, kill):
    processes = {
        pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(stack.process.pid)
    }
    ours = sorted(pid for pid, command in processes.items() if b"serve\0api_clients" in command)
    kill(ours[0])
    assert poll(lambda: not any(is_alive(pid) for pid in ours))
    assert poll(lambda: stack.run("status").returncode == 0)


def test_a_worker_killed_in_a_batch_leaves_whole_items(stack, kill):
    items = [{"title": f"Game {n}", "year": 2000, "price": 5} for n in range(1000)]

    def post(number):
        try:
            return stack.request("POST", "games", "/games:batch", items)[0]
        except Exception:
            return None

    def kill_a_worker(number):
        poll(lambda: stack.get("games", "/games?per=1")["total"])
        workers = [
            pid
            for pid in descendants(stack.process.pid)
            if b"serve\0api_games" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        kill(max(workers))

    with ThreadPoolExecutor(5) as pool:
        posts = [pool.submit(post, number) for number in range(4)]
        pool.submit(kill_a_worker, 0).result()
        assert {each.result() for each in posts} <= {207, None}
    stack._http.clear()  # Its connections to the killed worker are of no use any more.
    poll(lambda: stack.request("GET", "games", "/health/live")[0] == 200)
    for page in range(1, 4):
        for game in stack.get("games", f"/games?q=game&page={page}&per=60")["items"]:
            assert (game["year"], game["price"], game["revision"]) == (2000, 5, 1)
    assert stack.request("POST", "games", "/games", {"title": "After"})[0] == 201
