"""Lists of every service: pages, order, fields, words, errors."""

import base64
import contextlib

import bson
import pytest
from bson import Code, DBRef
from bson.errors import InvalidBSON

from shared.schema.cursor import encode
from tests.support.services import on_fakes, on_real_servers


@pytest.fixture
def five(client, url, minimal, serves):
    """Five items named Item 1 to Item 5."""
    serves("create")
    for number in range(1, 6):
        assert client.post(url, json=minimal(f"Item {number}")).status_code == 201


@pytest.fixture
def sortable(resource, text_field):
    """Skip a test, visibly, if items cannot be ordered by this field."""
    if text_field not in resource.query.sortable:
        pytest.skip(f"{resource.name} are not ordered by {text_field}")


def ids(response):
    assert response.status_code == 200, response.get_json()
    return [each["id"] for each in response.get_json()["items"]]


def test_pages_follow_each_other_without_gap_or_repeat(client, url, five):
    seen, link = [], f"{url}?per=2"
    while link:
        response = client.get(link)
        seen += ids(response)
        link = response.get_json()["links"].get("next")
    assert seen == [1, 2, 3, 4, 5]


def test_a_page_links_to_its_neighbours(client, url, five):
    response = client.get(f"{url}?page=2&per=2")
    assert response.get_json()["links"] == {
        "self": f"{url}?page=2&per=2",
        "prev": f"{url}?page=1&per=2",
        "next": f"{url}?page=3&per=2",
    }
    assert f'<{url}?page=3&per=2>; rel="next"' in response.headers["Link"]


@on_fakes
@pytest.mark.parametrize("name", ["per", "page_size", "per_page", "limit"])
def test_the_page_size_has_several_names(client, url, five, name):
    assert ids(client.get(f"{url}?page=1&{name}=2")) == [1, 2]


@pytest.mark.parametrize("name", ["ordering", "sort"])
def test_a_list_is_ordered_in_both_directions(client, url, sortable, five, text_field, name):
    assert ids(client.get(f"{url}?{name}={text_field}")) == [1, 2, 3, 4, 5]
    assert ids(client.get(f"{url}?{name}=-{text_field}")) == [5, 4, 3, 2, 1]
    assert ids(client.get(f"{url}?{name}=-id&per=2")) == [5, 4]


def test_equal_keys_keep_one_order_over_pages(client, url, sortable, text_field, minimal, serves):
    serves("create")
    for _ in range(7):
        client.post(url, json=minimal("Same"))
    pages = [ids(client.get(f"{url}?ordering={text_field}&per=3&page={n}")) for n in (1, 2, 3)]
    assert pages == [[1, 2, 3], [4, 5, 6], [7]]


def walk(client, link):
    """Follow a list by cursor from its first page; return the ids and the answers."""
    seen, answers = [], []
    while link:
        answers.append(client.get(link))
        seen.append(ids(answers[-1]))
        cursor = answers[-1].get_json()["next_cursor"]
        base = link.partition("&cursor=")[0]
        link = cursor and f"{base}&cursor={cursor}"
    return seen, answers


@pytest.mark.parametrize("order", ["id", "-id", "-created_at", "updated_at"])
def test_a_cursor_continues_after_the_previous_page(client, url, resource, five, order):
    if order.strip("-") not in ("id", *resource.query.sortable):
        pytest.skip(f"{resource.name} are not ordered by {order}")
    seen, answers = walk(client, f"{url}?per=2&ordering={order}")
    assert [len(page) for page in seen] == [2, 2, 1]
    assert sorted(id for page in seen for id in page) == [1, 2, 3, 4, 5]
    last = answers[-1].get_json()
    assert (last["page"], last["next_cursor"], "next" in last["links"]) == (None, None, False)
    assert (last["total"], last["total_is"]) == (None, "unknown")
    second = answers[1].get_json()["links"]
    assert f'<{second["next"]}>; rel="next"' in answers[1].headers["Link"]
    assert ids(client.get(second["next"])) == seen[2]
    assert ids(client.get(second["self"])) == seen[1]


def test_a_cursor_neither_repeats_nor_skips_when_items_come_and_go(
    client, url, five, minimal, serves
):
    serves("delete")
    first = client.get(f"{url}?per=2&ordering=-id").get_json()
    assert client.post(url, json=minimal("Item 6")).status_code == 201
    assert client.delete(f"{url}/4?purge=true").status_code == 204
    assert ids(client.get(f"{url}?per=2&ordering=-id&cursor={first['next_cursor']}")) == [3, 2]


def test_a_cursor_shows_the_fields_asked_for(client, url, five):
    first = client.get(f"{url}?per=2&fields=created_at").get_json()
    assert list(first["items"][0]) == ["created_at"]
    cursor = first["next_cursor"]
    shown = client.get(f"{url}?per=1&fields=id&cursor={cursor}").get_json()["items"]
    assert shown == [{"id": 3}]


def test_the_total_after_a_cursor_is_counted_on_request(client, url, five):
    cursor = client.get(f"{url}?per=2").get_json()["next_cursor"]
    found = client.get(f"{url}?cursor={cursor}", headers={"Prefer": "count=exact"}).get_json()
    assert (found["total"], found["total_is"]) == (5, "exact")


@on_fakes
@pytest.mark.parametrize(
    ("cursor", "says"),
    [
        ("{}&ordering=-id", "another query"),
        ("{}&page=2", "leave page out"),
        ("{}&q=item", "add ordering"),
        ("nope", "use next_cursor"),
        ("é", "use next_cursor"),
        ("A" * 40, "use next_cursor"),
    ],
)
def test_a_cursor_of_another_list_is_refused(client, url, five, cursor, says):
    good = client.get(f"{url}?per=2").get_json()["next_cursor"]
    response = client.get(f"{url}?cursor={cursor.format(good)}")
    assert response.status_code == 400
    (error,) = response.get_json()["errors"]
    assert error["parameter"] == "cursor"
    assert says in error["message"]


def nested(levels, wrap):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: [value],
        lambda value: {"a": value},
        lambda value: DBRef("a", value),
        lambda value: Code("", {"a": value}),
    ],
    ids=["list", "object", "reference", "code"],
)
def test_a_forged_cursor_is_refused_however_deep_its_values_are(client, url, five, wrap):
    good = client.get(f"{url}?per=2").get_json()["next_cursor"]
    query = bson.decode(base64.urlsafe_b64decode(good + "=="))["q"]
    for levels in (1, 90, 110, 195, 240):
        with contextlib.suppress(InvalidBSON, RecursionError):
            forged = encode(query, [nested(levels, wrap)])
            answer = client.get(url, query_string={"cursor": forged})
            assert answer.status_code == (200 if levels < 100 else 400), answer.text


@on_fakes
def test_a_page_that_is_too_deep_refers_to_the_cursor(client, url):
    (error,) = client.get(f"{url}?page=101&per=100").get_json()["errors"]
    assert error["parameter"] == "page"
    assert "cursor" in error["message"]
    assert client.get(f"{url}?page=100&per=100").status_code == 200


def test_only_the_fields_asked_for_are_shown(client, url, five, text_field):
    response = client.get(f"{url}?fields=id,{text_field}&per=1")
    assert response.get_json()["items"] == [{"id": 1, text_field: "Item 1"}]
    assert client.get(f"{url}/1?fields={text_field}").get_json() == {text_field: "Item 1"}


def test_the_total_follows_the_prefer_header(client, url, five):
    for preference, total, total_is in (
        ("count=exact", 5, "exact"),
        ("count=none", None, "unknown"),
        ("wait=1", 5, "exact"),
    ):
        response = client.get(url, headers={"Prefer": preference})
        assert response.get_json()["total"] == total
        assert response.get_json()["total_is"] == total_is
        applied = preference if "count" in preference else None
        assert response.headers.get("Preference-Applied") == applied


def test_words_are_found_in_any_order_case_and_accent(client, url, five):
    for words in ("item 3", "3 ITEM", "ítem+3", "ite+3", "item  3"):
        for name in ("q", "search"):
            assert ids(client.get(f"{url}?{name}={words}")) == [3], words


def test_all_words_are_required(client, url, five):
    assert ids(client.get(f"{url}?q=item+nope")) == []


def test_a_whole_name_comes_first_then_words_in_names_then_others(
    client, url, resource, text_field, serves
):
    serves("batch")
    if not resource.searched.text:
        pytest.skip("searches names only")
    other = next(
        name
        for name in resource.searched.text
        if type(resource.schema.fields[name]).__name__ in ("Plain", "String", "Text")
    )
    body = [
        {text_field: "Lamp", other: "Red chair"},
        {text_field: "Red chair, small"},
        {text_field: "Red chair"},
    ]
    assert client.post(f"{url}:batch", json=body).get_json()["summary"] == {"created": 3}
    assert ids(client.get(f"{url}?q=red+chair")) == [3, 2, 1]
    pages = [ids(client.get(f"{url}?q=red+chair&per=1&page={n}")) for n in (1, 2, 3, 4)]
    assert pages == [[3], [2], [1], []]
    assert client.get(f"{url}?q=red+chair").get_json()["total"] == 3
    assert ids(client.get(f"{url}?q=red+chair&ordering=id")) == [1, 2, 3]


@on_fakes
@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "page=1_0",
        "page=%D9%A3",
        "page=" + "9" * 40,
        "per=0",
        "per=101",
        "ordering=nope",
        "ordering=id,id",
        "fields=nope",
        "nope=1",
        "page=1&page=2",
        "per=",
        "q=%00",
        "$where=1",
        "id[$ne]=1",
        "page[]=1",
        "__proto__=1",
    ],
)
def test_a_bad_query_string_names_the_parameter(client, url, query):
    response = client.get(f"{url}?{query}")
    assert response.status_code == 400
    named = [error["parameter"] for error in response.get_json()["errors"]]
    assert named == [query.split("&")[0].partition("=")[0]]


@on_fakes
def test_a_query_string_that_is_not_utf8_is_refused(client, url):
    assert client.get(f"{url}?q=%ff%fe").status_code == 400


@on_fakes
def test_the_nearest_parameter_is_suggested(client, url):
    (error,) = client.get(f"{url}?orderin=id").get_json()["errors"]
    assert "did you mean ordering?" in error["message"]


@on_fakes
def test_too_many_parameters_are_refused(client, url):
    assert client.get(f"{url}?" + "&".join(f"a{n}=1" for n in range(60))).status_code == 400


@on_fakes
def test_one_item_accepts_no_list_parameters(client, url, five):
    response = client.get(f"{url}/1?page=1")
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["parameter"] == "page"


class TestGroups:
    """Promises of each resource whose items are variants of one thing."""

    @pytest.fixture
    def variant(self, client, url, minimal, resource, serves):
        serves("create")
        if resource.groups is None:
            pytest.skip(f"{resource.name} form no groups")

        def store(group, **options):
            body = {**minimal(f"Item {group}"), resource.groups.field: group}
            return client.post(url, json=body | {resource.groups.options: options})

        return store

    @on_real_servers  # The fake has no aggregation over unions.
    def test_a_collapsed_list_has_one_entry_for_each(self, client, url, variant):
        for number in range(4):
            assert variant(f"g-{number % 2}", No=str(number)).status_code == 201
        for query in ("", "&q=item", "&ordering=-id"):
            answer = client.get(f"{url}?collapse=group{query}").get_json()
            assert [item["variants"]["count"] for item in answer["items"]] == [2, 2]
            assert answer["total"] == 2

    def test_a_write_to_a_group_renews_its_lists_alone(self, client, url, variant):
        def is_hit(query):
            client.get(f"{url}?{query}")
            return "; hit" in client.get(f"{url}?{query}").headers["Cache-Status"]

        variant("one", No="1")
        variant("two", No="2")
        queries = ("group=one", "group=two")
        assert all(is_hit(query) for query in queries)
        assert client.patch(f"{url}/1", json={"options": {"No": "3"}}).status_code == 200
        states = [client.get(f"{url}?{query}").headers["Cache-Status"] for query in queries]
        assert ["; hit" in state for state in states] == [False, True]

    def test_the_same_options_are_a_conflict_with_their_owner(self, url, variant):
        assert variant("one", No="1").status_code == 201
        answer = variant("one", no="1 ")
        assert answer.status_code == 409
        assert answer.get_json()["owner"] == f"{url}/1"
