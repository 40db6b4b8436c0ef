"""Query parameters: one reader with one set of rules, for lists and for every other route."""

import pytest
from flask import Flask
from marshmallow import Schema, fields, validate

from shared.http.contract import accepts
from shared.http.errors import BadRequest
from shared.http.parameters import MAX_PARAMETERS, PLUS, parse_query_string, read_parameters
from shared.schema.fields import Flag, Whole


class Paging(Schema):
    size = Whole(1, 100, strict=False, load_default=20, data_key="limit")


@pytest.fixture
def read():
    app = Flask("api_test")

    @accepts(
        mode=fields.String(validate=validate.OneOf(("fast", "slow")), load_default="fast"),
        words=fields.String(metadata={"blank": True}),
        dry_run=Flag(),
    )
    def declared():
        return read_parameters()

    @accepts(query=Paging)
    def paged():
        return read_parameters()

    def plain():
        return read_parameters()

    for view in (declared, paged, plain):
        app.add_url_rule(f"/{view.__name__}", view_func=view)

    def read(url):
        with app.test_request_context(url):
            return app.dispatch_request()

    return read


@pytest.mark.parametrize(
    ("url", "values"),
    [
        ("/declared", {"mode": "fast"}),
        ("/declared?mode=slow&words=a+b", {"mode": "slow", "words": "a b"}),
        ("/declared?words=", {"mode": "fast"}),
        ("/declared?dry_run=TRUE", {"mode": "fast", "dry_run": True}),
        ("/declared?dry_run=0", {"mode": "fast", "dry_run": False}),
        ("/paged", {"limit": 20}),
        ("/paged?limit=5", {"limit": 5}),
        ("/plain", {}),
    ],
)
def test_a_view_gets_the_values_of_the_parameters_it_declares(read, url, values):
    assert read(url) == values


@pytest.mark.parametrize(
    ("url", "errors"),
    [
        ("/plain?x=1", {"x": "Unknown parameter; leave it out."}),
        ("/declared?dryrun=1", {"dryrun": "Unknown parameter; did you mean dry_run?"}),
        ("/declared?dry_run=yes", {"dry_run": "Is neither true nor false; send one of them."}),
        ("/declared?mode=x", {"mode": "Must be one of: fast, slow."}),
        ("/declared?mode=", {"mode": "Has no value; send one, or leave it out."}),
        ("/declared?dry_run=1&dry_run=0", {"dry_run": "Sent twice; send it once."}),
        ("/declared?words=%00", {"words": "Contains a NUL character; remove it."}),
        ("/paged?size=5", {"size": "Unknown parameter; leave it out."}),
        (
            "/declared?x=1&mode=",
            {
                "x": "Unknown parameter; leave it out.",
                "mode": "Has no value; send one, or leave it out.",
            },
        ),
    ],
)
def test_every_wrong_parameter_is_named(read, url, errors):
    with pytest.raises(BadRequest) as caught:
        read(url)
    assert {each["parameter"]: each["message"] for each in caught.value.errors} == errors


@pytest.mark.parametrize(
    ("url", "has_hint"),
    [
        ("/declared?mode=a+b", True),
        ("/declared?mode=a%20b", False),
        ("/declared?mode=a%2Bb", False),
        ("/declared?mode=x&words=a+b", False),
    ],
)
def test_a_plus_in_a_wrong_value_is_explained(read, url, has_hint):
    with pytest.raises(BadRequest) as caught:
        read(url)
    (error,) = caught.value.errors
    assert error["message"].endswith(PLUS) is has_hint


def test_a_query_string_that_cannot_be_read_is_refused():
    with pytest.raises(BadRequest, match="UTF-8"):
        parse_query_string(b"a=%ff", {"a": "a"})
    with pytest.raises(BadRequest, match="UTF-8"):
        parse_query_string(b"a=\xff", {"a": "a"})
    with pytest.raises(BadRequest, match="50"):
        parse_query_string(b"&".join([b"a=1"] * (MAX_PARAMETERS + 1)), {"a": "a"})


def test_other_spellings_and_names_with_the_prefix_are_read():
    query = parse_query_string(
        b"limit=5&attr.color=red&q=", {"limit": "per", "q": "q"}, ("q",), (), "attr."
    )
    assert query.texts == {"per": "5", "attr.color": "red"}
    assert query.spellings == {"per": "limit", "attr.color": "attr.color", "q": "q"}
    assert query.errors == {}
