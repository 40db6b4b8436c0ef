"""Naughty strings as names, texts, values and slugs: never a 5xx, cleaned and not changed more."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.schema.text import clean


@pytest.fixture(scope="module")
def naughty(request):
    from tests.support.services import DATA

    if not DATA.exists():
        pytest.skip("the real strings of ../shared/data are not here")
    strings = json.loads((DATA / "strings" / "blns.json").read_text())
    for name in ("patt-nosql-mongodb.txt", "patt-xss-polyglots.txt"):
        strings += (DATA / "strings" / name).read_text().splitlines()
    strings += (DATA / "strings" / "patt-directory-traversal.txt").read_text().splitlines()
    assert len(strings) > 600
    return list(dict.fromkeys(strings))


def test_every_string_is_a_name_and_a_text_and_comes_back_by_its_slug(stack, naughty):
    refused = []
    for text in naughty:
        body = {"name": text, "description": text, "brand": "blns", "attributes": {"text": text}}
        status, value = stack.request("POST", "products", "/products", body)
        if status == 422:
            refused.append((text, value["errors"][0]["message"]))
            continue
        assert status == 201, (text, value)
        found = stack.get("products", f"/products/{value['slug']}")
        assert found == value
        shown = clean(text)
        assert (found["name"], found["description"]) == (shown, shown)
        assert found["attributes"] == {"text": shown}
    reasons = "Is blank|Has more than 255 |Contains (the control character|more than 30 marks)"
    assert not [pair for pair in refused if not re.match(reasons, pair[1])]
    assert len(refused) < 20


@pytest.mark.long
def test_a_third_of_the_strings_are_queries_and_find_what_they_name(stack, naughty):
    def ask(text):
        for name in ("q", "brand", "attr.text", "category", "name"):
            answer = stack._http.request(
                "GET", stack.url("products") + "/products", fields={name: text}
            )
            assert answer.status in (200, 400), (name, text, answer.data)
            assert answer.json()["items"] is not None if answer.status == 200 else True

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, naughty[::3]))
    text = "Ω≈ç√∫˜µ≤≥÷"
    assert stack.request("POST", "products", "/products", {"name": text})[0] == 201
    answer = stack._http.request("GET", stack.url("products") + "/products", fields={"q": text})
    assert answer.json()["items"][0]["name"] == text


@pytest.mark.long
def test_another_third_as_slugs_or_attribute_names_are_taken_or_named(stack, naughty):
    for text in naughty[1::3]:
        status, value = stack.request("POST", "products", "/products", {"name": "x", "slug": text})
        assert status in (201, 409, 422), (text, value)
        body = {"name": "x", "attributes": {text: 1}}
        status, value = stack.request("POST", "products", "/products", body)
        assert status in (201, 422), (text, value)


def test_the_last_third_in_paths_are_found_or_not(stack, naughty):
    from urllib.parse import quote

    for text in naughty[2::3]:
        for path in (f"/products/{quote(text, safe='')}", f"/categories/{quote(text)}"):
            service = path.split("/")[1]
            answer = stack._http.request("GET", stack.url(service) + path)
            assert answer.status in (200, 404, 400), (text, answer.data)
            assert answer.headers["Content-Type"].endswith("json; charset=utf-8")
