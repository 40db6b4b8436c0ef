"""Descriptions in HTML: stored as sent, searched as text, and never served as a page."""

import pytest

MARKUP = (
    '<p class="lead">Caf&eacute;&nbsp;<b>p</b>ot</p><script>alert("x")</script>'
    "<!-- hidden --><ul><li>1 < 2 l<li>red</ul>"
)
TEXT = "Café pot\n1 < 2 l\nred"


@pytest.fixture
def made(products):
    answer = products.post("/products", json={"name": "Pot", "description": MARKUP})
    assert answer.status_code == 201
    return answer.get_json()


def test_a_description_is_stored_as_it_was_sent(products, made):
    assert made["description"] == MARKUP
    assert products.get("/products/1").get_json()["description"] == MARKUP


def test_its_text_is_in_answers_that_ask_for_it(products, made):
    assert "description_text" not in made
    assert "description_text" not in products.get("/products").get_json()["items"][0]
    one = products.get("/products/1?fields=description_text").get_json()
    assert one == {"description_text": TEXT}
    listed = products.get("/products?fields=name,description_text&q=cafe").get_json()["items"]
    assert listed == [{"name": "Pot", "description_text": TEXT}]


def test_a_plain_description_is_its_own_text(products):
    products.post("/products", json={"name": "Cup", "description": "a < b\n  and <3"})
    products.post("/products", json={"name": "Bowl"})
    query = "/products?fields=description_text&ordering=id"
    texts = [item["description_text"] for item in products.get(query).get_json()["items"]]
    assert texts == ["a < b\n  and <3", None]


def test_it_is_read_only(products, made):
    changed = products.patch("/products/1", json={"description_text": "x", "price": 5})
    assert changed.status_code == 422
    assert changed.get_json()["errors"] == [
        {"pointer": "/description_text", "message": "Is read-only; send description."}
    ]
    assert products.patch("/products/1", json={"description_text": TEXT}).status_code == 200
    assert products.get("/products/1?fields=description_text").get_json() == {
        "description_text": TEXT
    }


@pytest.mark.parametrize(
    ("q", "total"),
    [("café", 1), ("cafe", 1), ("pot", 1), ("red", 1), *((word, 0) for word in ("lead", "alert"))]
    + [(word, 0) for word in ("script", "eacute", "nbsp", "hidden", "class", "li", "ul")],
)
def test_searches_find_words_and_no_markup(products, made, q, total):
    answer = products.get(f"/products?q={q}", headers={"Prefer": "search=exact"})
    assert answer.get_json()["total"] == total


def test_no_html_is_served_as_a_page(products, made):
    answer = products.get("/products/1", headers={"Accept": "text/html"})
    assert answer.content_type.startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_openapi_document_has_it(products):
    document = products.get("/openapi.json").get_json()
    product = document["components"]["schemas"]["Product"]
    assert product["properties"]["description_text"]["readOnly"] is True
    assert "description_text" not in product["required"]
    (shown,) = (
        each
        for each in document["paths"]["/products"]["get"]["parameters"]
        if each.get("name") == "fields"
    )
    assert "description_text" in shown["schema"]["items"]["enum"]


def test_categories_have_it_too(make_client):
    categories = make_client("api_categories")
    categories.post("/categories", json={"name": "Pots", "description": "<p>For <b>tea</b></p>"})
    answer = categories.get("/categories/1?fields=description_text,path")
    assert answer.get_json() == {"description_text": "For tea", "path": ["pots"]}
