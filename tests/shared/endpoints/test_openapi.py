"""Fields in the OpenAPI document, and routes that are not standard methods."""

import pytest
from api_games.resource import games
from flask import Response
from jsonschema import Draft202012Validator
from marshmallow import Schema, fields, validate

from shared.endpoints.openapi.document import document
from shared.endpoints.openapi.json_schema import (
    Use,
    example,
    field_schema,
    request_schema,
    response_schema,
)
from shared.http.contract import ITEM, accepts, contract_of, like, returns
from shared.schema.fields import Attributes, Birthday, Id, Money, Ref, Slug, Text, Timestamp, Whole
from shared.server.app import build_app


class TeapotSchema(Schema):
    """A teapot."""

    id = Id()
    name = Text(20, required=True, metadata={"example": "Brown Betty", "aliases": ("title",)})
    price = Money(allow_none=True)
    cups = Whole(1, 12, load_default=2)
    total = Money(dump_only=True)
    state = fields.String(allow_none=True, validate=validate.OneOf(("whole", "broken")))
    made_at = Timestamp()


SENT = Draft202012Validator(request_schema(TeapotSchema(), True))
CHANGED = Draft202012Validator(request_schema(TeapotSchema(), False))
STORED = Draft202012Validator(response_schema(TeapotSchema(), Use.STORED))
WHOLE = {"id": 1, "name": "X", "price": 1.5, "cups": 2, "total": "9" * 20, "state": None}


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"name": "Brown Betty"}, True),
        ({}, False),
        ({"name": " "}, False),
        ({"name": "x" * 21}, False),
        ({"name": None}, False),
        ({"name": "X", "price": "12.5", "cups": 12, "state": None}, True),
        ({"name": "X", "price": -1}, False),
        ({"name": "X", "price": "12,5"}, False),
        ({"name": "X", "cups": 13}, False),
        ({"name": "X", "cups": None}, False),
        ({"name": "X", "state": "mended"}, False),
        ({"name": "X", "id": 7, "total": 3}, True),  # Read-only: as they were read.
        ({"name": "X", "colour": "blue"}, False),
    ],
)
def test_what_is_sent_is_told_as_it_is_validated(body, fits):
    assert SENT.is_valid(body) is fits


def test_a_field_has_one_spelling_and_its_text_names_the_others():
    sent = request_schema(TeapotSchema(), True)
    assert "title" not in sent["properties"]
    assert sent["properties"]["name"]["description"] == "Also accepted as `title`."
    assert sent["required"] == ["name"]


def test_a_default_is_told_and_not_sent_by_generated_clients():
    new = request_schema(TeapotSchema(), whole=True, defaults=True)["properties"]
    changed = request_schema(TeapotSchema(), whole=False)["properties"]
    assert new["cups"]["description"] == "`2` if left out."
    assert "default" not in new["cups"]
    assert changed["cups"] == {name: new["cups"][name] for name in changed["cups"]}
    assert "description" not in changed["cups"]


def test_changes_need_no_field():
    assert CHANGED.is_valid({})
    assert not CHANGED.is_valid({"name": None})


def test_what_is_given_has_all_fields_and_mostly_null():
    assert STORED.is_valid(WHOLE | {"made_at": None})
    assert not STORED.is_valid(WHOLE)
    assert not STORED.is_valid(WHOLE | {"made_at": None, "name": None})
    assert STORED.is_valid(WHOLE | {"made_at": None, "cups": 99})  # As a hand edit may leave it.


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        (Attributes(), {"color": "blue", "sizes": [1, 2]}, True),
        (Attributes(), {"a.b": 1}, False),
        (Attributes(), {"year__gte": 1}, False),
        (Attributes(), {"color": {"dark": "blue"}}, False),
        (Birthday(), "29/10/2001", True),
        (Birthday(), "29.10.2001", False),
        (Ref(), "65a1b2c3d4e5f60718293a4b", True),
        (Ref(), 0, False),
        (Slug(), "brown-betty", True),
        (Slug(), "42", False),
        (fields.String(validate=validate.NoneOf(("ours",))), "ours", False),
        (fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z")), "EURO", False),
        (fields.List(Whole(1), validate=validate.Length(1, 2)), [1, 2, 3], False),
    ],
)
def test_fields_of_ours_have_their_rules(field, value, fits):
    rules = field_schema(field, Use.REQUEST)
    assert Draft202012Validator(rules).is_valid(value) is fits


def test_examples_are_those_of_the_fields():
    assert example(TeapotSchema()) == {"name": "Brown Betty"}


class RatingSchema(Schema):
    """How a game is liked."""

    stars = Whole(1, 5, required=True, metadata={"example": 4})


def test_a_route_of_ones_own_is_described_by_what_it_declares(make_client, settings):
    blueprint = games.blueprint("list", "get")

    @blueprint.put("/games/<ref>/rating")
    @accepts(RatingSchema, silent=fields.Boolean())
    @returns(ITEM)
    @returns(None, 202, headers=("Location",))
    def rate(ref: str) -> Response:
        """Rate a game.

        Later ratings replace ``stars``.
        """
        return games.get(ref)

    connections = make_client("api_games").application.extensions["connections"]
    app = build_app(games, blueprint, settings=settings, connections=connections)
    told = document(app)["paths"]["/games/{ref}/rating"]["put"]
    assert (told["summary"], told["description"]) == (
        "Rate game",
        "Rate a game.\n\nLater ratings replace `stars`.\n\n"
        "Needs a token with the scope `games:write`.",
    )
    body = told["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Rating"}
    assert body["example"] == {"stars": 4}
    # In open mode, a client needs no token.
    assert told["security"] == [{}, {"bearer": ["games:write"]}]
    assert {"200", "202", "404", "422", "429"} <= told["responses"].keys()
    assert "Location" in told["responses"]["202"]["headers"]
    assert "silent" in {each.get("name") for each in told["parameters"]}


def test_a_view_like_another_adds_what_it_says_itself():
    @accepts(dry_run=fields.Boolean())
    @like(games.update)
    @returns(RatingSchema)
    def update() -> None:
        """Change or try out."""

    mine, known = contract_of(update), contract_of(games.update)
    assert mine.body == known.body
    assert mine.headers == known.headers
    assert set(mine.query) == {"dry_run"}
    assert [each.shape for each in mine.answers[200]] == [ITEM, RatingSchema]
    assert [each.shape for each in known.answers[200]] == [ITEM]
