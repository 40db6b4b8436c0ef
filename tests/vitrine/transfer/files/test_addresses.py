"""Files at an address: kinds, pages, redirects, limits, and answers that say what to do."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from vitrine.errors import StackError
from vitrine.transfer.files.addresses import Limits, download
from vitrine.transfer.sources import ReadOptions, RowSource


class Shop(ThreadingHTTPServer):
    """A server whose answers a test sets: a function of the parameters for each path."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        self.parameters = []  # of the requests to functions
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        self.server.requests.append(self.path)
        answer = self.server.answers.get(parts.path, (404, {}, b""))
        if callable(answer):
            values = parse_qs(parts.query)
            self.server.parameters.append(values)
            answer = answer({name: texts[0] for name, texts in values.items()})
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *parts):
        pass


@pytest.fixture
def shop():
    server = Shop()
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def names(address):
    with RowSource(address, ReadOptions(resource="products")) as source:
        found = [row["name"] for _, row in source.rows()]
        assert [row["name"] for _, row in source.rows()] == found
        return found


PRODUCTS = [{"id": number, "name": f"Tea {number}"} for number in range(7)]
ALL = [product["name"] for product in PRODUCTS]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/shop.csv", b"name,price\nTea,5\n"),
        ("/export", b"name;price\nTea;5\n"),
        ("/feed.xml", b"<a><item><name>Tea</name></item></a>"),
        ("/products", {"products": [{"name": "Tea"}]}),
        ("/shop.csv.gz", gzip.compress(b"name,price\nTea,5\n", mtime=0)),
        (
            "/tea.html",
            b'<html><script type="application/ld+json">{"@context":"https://schema.org",'
            b'"@type":"Product","name":"Tea"}</script>',
        ),
    ],
)
def test_a_file_of_any_kind_is_read_from_its_address(shop, path, body):
    shop.answers[path] = (200, {}, body)
    assert names(f"{shop.address}{path}?key=1") == ["Tea"]
    assert shop.requests == [f"{path}?key=1"]


def test_a_shop_of_shopify_is_read_until_a_page_is_empty(shop):
    def answer(parameters):
        size, page = int(parameters.get("limit", 30)), int(parameters.get("page", 1))
        return {"products": PRODUCTS[(page - 1) * size : page * size]}

    shop.answers["/products.json"] = answer
    assert names(f"{shop.address}/products.json?limit=3") == ALL
    assert len(shop.requests) == 4


def test_a_server_that_does_not_know_pages_is_asked_twice(shop):
    shop.answers["/products.json"] = {"products": PRODUCTS}
    assert names(f"{shop.address}/products.json") == ALL
    assert len(shop.requests) == 2


@pytest.mark.parametrize(("place", "total"), [("skip", "total"), ("offset", "count")])
def test_a_list_with_a_place_and_a_total(shop, place, total):
    def answer(parameters):
        start = int(parameters.get(place, 0))
        return {"products": PRODUCTS[start : start + 3], total: 7, place: start, "limit": 3}

    shop.answers["/products"] = answer
    assert names(f"{shop.address}/products?limit=3") == ALL
    assert len(shop.requests) == 3


def test_a_list_with_a_page_and_its_size(shop):
    def answer(parameters):
        page = int(parameters.get("page", 1))
        rows = PRODUCTS[(page - 1) * 3 : page * 3]
        return {"count": 7, "page": page, "page_size": 3, "products": rows}

    shop.answers["/search"] = answer
    assert names(f"{shop.address}/search") == ALL


def test_a_list_with_the_last_id(shop):
    def answer(parameters):
        start = int(parameters.get("starting_after", -1)) + 1
        rows = PRODUCTS[start : start + 3]
        return {"object": "list", "data": rows, "has_more": start + 3 < 7}

    shop.answers["/v1/products"] = answer
    assert names(f"{shop.address}/v1/products") == ALL


@pytest.mark.parametrize("way", ["place", "page", "page without a size", "pages"])
def test_a_list_without_a_total_is_read_until_a_page_is_short_or_empty(shop, way):
    def answer(parameters):
        start, page = int(parameters.get("offset", 0)), int(parameters.get("page", 1))
        if way == "place":
            rows = PRODUCTS[start : start + 3]
            return {"limit": 3, "offset": start, "count": len(rows), "results": rows}
        rows = PRODUCTS[(page - 1) * 3 : page * 3]
        if way == "page":
            return {"page": str(page), "per_page": 3, "data": rows}
        if way == "pages":
            return {"data": rows, "meta": {"pagination": {"current_page": page, "last_page": 3}}}
        return {"page": page, "items": rows}

    shop.answers["/products"] = answer
    assert names(f"{shop.address}/products") == ALL
    assert len(shop.requests) == (4 if way == "page without a size" else 3)


def test_the_other_parameters_of_an_address_stay_on_all_pages(shop):
    def answer(parameters):
        start = int(parameters.get("offset", 0))
        return {"results": PRODUCTS[start : start + 3], "offset": start, "total": 7}

    shop.answers["/products"] = answer
    assert names(f"{shop.address}/products?tag=a&tag=b&offset=0&empty=") == ALL
    assert [one["tag"] for one in shop.parameters] == [["a", "b"]] * 3
    assert [one["offset"] for one in shop.parameters] == [["0"], ["3"], ["6"]]
    assert shop.requests[2].count("empty=") == 1


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"next": "c2VjcmV0"}, "has more rows, and does not name the address of the next page"),
        ({"next_cursor": "eyJ"}, "has more rows, and does not name the address"),
        ({"pageInfo": {"hasNextPage": True}}, "has more rows, and does not name the address"),
        ({"total": 194}, "shows 7 of 194 rows, and does not say where the others are"),
        ({"meta": {"total_count": 8}}, "shows 7 of 8 rows"),
        ({"count": 8}, "shows 7 of 8 rows"),
        ({"limit": 7}, "shows a page of 7 rows, and does not say whether there are more"),
    ],
)
def test_a_list_that_may_have_more_rows_somewhere_is_refused(shop, page, reason):
    shop.answers["/products"] = {"results": PRODUCTS} | page
    with pytest.raises(StackError, match=f"{reason}.*Save each page with a browser"):
        names(f"{shop.address}/products")


@pytest.mark.parametrize(
    "page",
    [
        *({}, {"total": 7}, {"count": 7, "limit": 7}, {"limit": 8}, {"has_more": False}),
        *({"next": None, "limit": 7}, {"next_cursor": "", "count": 50}),
        {"offset": 0, "total": 7, "limit": 7},
    ],
)
def test_a_list_that_is_whole_is_read(shop, page):
    shop.answers["/products"] = {"results": PRODUCTS} | page
    assert names(f"{shop.address}/products") == ALL
    assert len(shop.requests) == 1


@pytest.mark.parametrize("way", ["link", "next", "_links"])
def test_a_list_whose_next_page_is_named(shop, way):
    def answer(parameters):
        start = int(parameters.get("from", 0))
        rows = PRODUCTS[start : start + 3]
        target = f"/list?from={start + 3}" if start + 3 < 7 else None
        if way == "link":
            return 200, {"Link": f'<{target}>; rel="next"'} if target else {}, rows
        if way == "next":
            return {"results": rows, "next": target}
        links = {"next": {"href": shop.address + target}} if target else {}
        return {"_links": links, "_embedded": {"items": rows}}

    shop.answers["/list"] = answer
    assert names(f"{shop.address}/list") == ALL


def test_a_next_page_on_another_server_is_refused(shop):
    shop.answers["/list"] = {"results": PRODUCTS, "next": "http://other.example/list?page=2"}
    with pytest.raises(StackError, match="names a next page on another server"):
        names(f"{shop.address}/list")
    assert len(shop.requests) == 1


def test_three_redirects_are_followed_and_not_four(shop):
    for number in range(1, 5):
        target = f"/{number - 1}" if number > 1 else "/shop.csv"
        shop.answers[f"/{number}"] = (302, {"Location": target}, b"")
    shop.answers["/shop.csv"] = b"name,price\nTea,5\n"
    assert names(f"{shop.address}/3") == ["Tea"]
    with pytest.raises(StackError, match="redirects more than 3 times"):
        names(f"{shop.address}/4")


def test_a_redirect_to_a_file_is_refused(shop):
    shop.answers["/a"] = (302, {"Location": "file:///etc/hostname"}, b"")
    with pytest.raises(StackError, match="redirects to file:///etc/hostname, which is not safe"):
        names(f"{shop.address}/a")


def test_a_redirect_and_a_next_page_that_are_no_addresses_are_refused(shop):
    shop.answers["/a"] = (302, {"Location": "http://[x/"}, b"")
    shop.answers["/list"] = {"results": PRODUCTS, "next": "http://[x/"}
    for path in ("/a", "/list"):
        with pytest.raises(StackError, match=r"leads to http://\[x/, which is not an address"):
            names(f"{shop.address}{path}")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "asks for a login. Save the file with a browser"),
        (403, "refuses to answer. Save the file with a browser"),
        (404, "has no file at this address. Check the address"),
        (429, "had too many requests. Wait some minutes"),
        (500, "answers 500. Save the file with a browser"),
    ],
)
def test_an_answer_without_a_file_says_what_to_do(shop, status, advice):
    shop.answers["/a"] = (status, {}, b"")
    with pytest.raises(StackError) as refused:
        names(f"{shop.address}/a")
    assert advice in str(refused.value)


def test_a_server_that_is_not_there_is_named():
    shop = Shop()
    shop.server_close()
    with pytest.raises(StackError, match=r"cannot be reached: .*refused\. Check the address"):
        names(f"{shop.address}/a")


@pytest.mark.parametrize("address", ["http://", "http://[", "https://:x/"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(StackError, match="cannot be reached"):
        names(address)


def test_a_file_above_the_limit_is_refused_while_it_is_read(shop):
    shop.answers["/a.csv"] = b"name\n" + b"x" * 1_000_000
    packed = gzip.compress(b" " * 1_000_000)
    shop.answers["/b.csv"] = (200, {"Content-Encoding": "gzip"}, packed)
    for path in ("/a.csv", "/b.csv"):
        with pytest.raises(StackError, match="is larger than 0 MB"):
            download(f"{shop.address}{path}", limits=Limits(bytes=500_000))


def test_a_compressed_file_above_the_limit_is_refused_while_it_is_unpacked(shop, monkeypatch):
    monkeypatch.setattr("vitrine.transfer.sources.Limits", lambda: Limits(bytes=2_000_000))
    for size in (1_000_000, 3_000_000):
        shop.answers[f"/{size}.csv.gz"] = gzip.compress(b"name\n" + b"x" * size)
    assert len(names(f"{shop.address}/1000000.csv.gz")) == 1
    with pytest.raises(StackError, match="is larger than 2 MB when it is unpacked"):
        names(f"{shop.address}/3000000.csv.gz")


def test_an_answer_that_takes_too_long_is_refused(shop):
    shop.answers["/a.csv"] = b"name\n"
    with pytest.raises(StackError, match="took longer than"):
        download(f"{shop.address}/a.csv", limits=Limits(seconds=-1))


def test_an_answer_that_stops_in_the_middle_is_refused(shop):
    shop.answers["/a.csv"] = (200, {"Content-Length": "1000"}, b"name\n")
    with pytest.raises(StackError, match="stopped in the middle"):
        names(f"{shop.address}/a.csv")


def test_a_list_without_an_end_is_refused(shop):
    shop.answers["/products.json"] = lambda parameters: {
        "products": [{"name": parameters.get("page", "1")}]
    }
    with pytest.raises(StackError, match=r"has more than 5 pages. Name a part"):
        download(f"{shop.address}/products.json", limits=Limits(pages=5))


def test_a_list_that_names_more_pages_and_does_not_answer_with_them_is_refused(shop):
    shop.answers["/list"] = {"data": PRODUCTS, "has_more": True}
    with pytest.raises(StackError, match="has the same rows as the page before it"):
        names(f"{shop.address}/list")


def test_an_address_with_a_password_is_refused_and_not_shown():
    with pytest.raises(StackError, match="An address with a name or a password") as refused:
        names("https://me:secret@shop.example/products.json")
    assert "secret" not in str(refused.value)
