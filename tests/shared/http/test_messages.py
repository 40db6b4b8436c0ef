"""Error messages that clients meet most: what is wrong, then what to send."""

import json
from dataclasses import replace

import pytest

from shared.http.tokens import Tokens
from tests.support.services import on_fakes

pytestmark = on_fakes

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shop(products):
    """Return a client of products, where two teapots were made."""
    products.post("/products", json={"name": "Teapot", "sku": "TP-100"})
    products.post("/products", json={"name": "Small teapot"})
    return products


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "/name: Is missing; send a value."),
        ({"name": None}, "/name: Is null; send a value."),
        ({"name": 5}, "/name: Is not a text; send a JSON string."),
        ({"name": "  "}, "/name: Is blank; send some text."),
        ({"name": "x" * 256}, "/name: Has more than 255 characters; send a shorter text."),
        (
            {"name": "x", "title": "x"},
            "/title: Means name, which is sent as well; send one.",
        ),
        (
            {"name": "x", "slug": "!?"},
            "/slug: Has no letters for a slug; send lowercase letters and digits joined by "
            "hyphens.",
        ),
        (
            {"name": "x", "slug": "25"},
            "/slug: Has only digits, like an id; send a slug with a letter.",
        ),
        (
            {"name": "x", "slug": "changes"},
            "/slug: Is reserved for another URL; send another slug.",
        ),
        ({"name": "x", "price": "x"}, "/price: Is not an amount; send one such as 12.50."),
        (
            {"name": "x", "price": -1},
            "/price: Is out of range; send 0 or more, and less than 10,000,000,000.",
        ),
        (
            {"name": "x", "price": 1.23456},
            "/price: Has more than four decimals; send at most four.",
        ),
        ({"name": "x", "stock": "many"}, "/stock: Is not a whole number; send one such as 5."),
        ({"name": "x", "stock": -1}, "/stock: Is out of range; send 0 to 9007199254740991."),
        ({"name": "x", "pric": 5}, "/pric: Unknown field; did you mean price?"),
        ({"name": "x", "zzz": 5}, "/zzz: Unknown field; leave it out."),
        (
            {"name": "x", "attributes": []},
            '/attributes: Is not an object; send one such as {"color": "red"}.',
        ),
        (
            {"name": "x", "attributes": {"a": {}}},
            "/attributes/a: Is not an attribute; send a text, number, boolean or list of these.",
        ),
        (
            {"name": "x", "attributes": {"a.b": 1}},
            "/attributes/a.b: The name is not valid; send one of 1 to 64 characters, without ., $ "
            "and control characters, that does not end in __gte or __lte.",
        ),
    ],
)
def test_a_field_that_is_not_valid(shop, body, message):
    answer = shop.post("/products", json=body)
    assert answer.status_code == 422
    assert answer.json["detail"] == f"The body does not fit the schema. {message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The body is empty. Send JSON."),
        (
            '{"name": Teapot}',
            "The body is not valid JSON: Expecting value at line 1, column 10. Correct it there.",
        ),
        ('{"a": 1, "a": 2}', "The key 'a' occurs twice in one object. Send it once."),
        ('{"price": NaN}', "NaN is not a JSON number. Send a number or null."),
        ("[" * 40 + "]" * 40, "The JSON in the body is nested too deep. Send at most 32 levels."),
        (
            '{"a": "\\u0000"}',
            "The text at /a contains a NUL character. Remove it.",
        ),
        ("[]", "The body is not a JSON object."),
    ],
)
def test_a_body_that_is_not_valid_json(shop, body, message):
    answer = shop.post("/products", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["detail"]) == (400, message)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("pric__gte=5", "pric__gte: Unknown parameter; did you mean price__gte?"),
        ("zzzz=5", "zzzz: Unknown parameter; leave it out."),
        ("page=1&page=2", "page: Sent twice; send it once."),
        ("brand=", "brand: Has no value; send one, or leave it out."),
        ("brand=%00", "brand: Contains a NUL character; remove it."),
        ("brand=%ff", "The query string is not UTF-8. Send UTF-8, percent-encoded."),
        (
            "&".join(f"p{n}=1" for n in range(51)),
            "The query string has more than 50 parameters. Send fewer.",
        ),
        ("per=1000", "per: Is out of range; send 1 to 100."),
        ("price__gte=x", "price__gte: Is not an amount; send one such as 12.50."),
        (
            "price__gte=5&price_max=4",
            "price__gte: Is more than price_max; send at most that.",
        ),
        (
            "attr.size__gte=x",
            "attr.size__gte: Is not a number; send one such as 12.5.",
        ),
        (
            "attr.size__gt=5",
            "attr.size__gt: Is not a filter; send attr.name, attr.name__gte or attr.name__lte.",
        ),
        ("fields=pric", "fields: Unknown field 'pric'; did you mean price?"),
        ("ordering=price,price", "ordering: Names price twice; name it once."),
        ("cursor=nope", "cursor: Is not valid; use next_cursor of the previous page."),
        ("cursor=nope&page=2", "cursor: Is not allowed with page; leave page out."),
        (
            "cursor=nope&q=tea",
            "cursor: Is not allowed in a search by relevance; add ordering.",
        ),
        (
            "page=101&per=100",
            "page: Is beyond the first 10,000 items; go on with the cursor of links.next.",
        ),
        ("deleted=yes", "deleted: Is not valid; send deleted=only."),
        (
            "deleted=only&ordering=id",
            "ordering: Is not allowed for the trash, which has one order: the latest deletion "
            "first.",
        ),
        (
            "deleted=only&collapse=group",
            "collapse: Is not allowed for the trash, which has one order: the latest deletion "
            "first.",
        ),
        ("facets=zzz", "facets: Cannot count 'zzz'; send some of {countable}, attr.NAME."),
        ("ordering=zzz", "ordering: Cannot order by 'zzz'; send some of id, {sortable}."),
    ],
)
def test_a_query_parameter_that_is_not_valid(shop, query, message):
    declared = shop.application.extensions["resource"].query
    names = {"countable": declared.countable, "sortable": declared.sortable}
    for name, values in names.items():
        message = message.replace(f"{{{name}}}", ", ".join(values))
    answer = shop.get(f"/products?{query}")
    assert (answer.status_code, answer.json["detail"]) == (400, message)


def test_a_cursor_of_another_query(shop):
    cursor = shop.get("/products?per=1&ordering=name").json["next_cursor"]
    answer = shop.get(f"/products?per=1&ordering=-name&cursor={cursor}")
    assert answer.json["detail"] == (
        "cursor: Belongs to another query; keep the filters and the ordering of the first page."
    )


def test_a_moment_that_is_not_valid(orders):
    assert orders.get("/orders?from=soon").json["detail"] == (
        "from: Is not a day or moment; send one such as 2026-01-31 or 2026-01-31T09:30:00Z."
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "ada", "Is not an email address; send one such as ada@example.org."),
        (
            "birthday",
            "2999-01-01",
            "Is not a day in the past; send one such as 29/10/2001 or 2001-10-29.",
        ),
    ],
)
def test_a_field_of_a_client_that_is_not_valid(clients, field, value, message):
    answer = clients.post("/clients", json={"name": "Ada", field: value})
    assert answer.json["errors"] == [{"pointer": f"/{field}", "message": message}]


def test_a_flag_that_is_not_valid(shop):
    answer = shop.delete("/products/1?purge=perhaps")
    assert answer.json["detail"] == "purge: Is neither true nor false; send one of them."


@pytest.mark.parametrize(
    ("method", "headers", "status", "message"),
    [
        (
            "PATCH",
            {"If-Match": '"old"'},
            412,
            "The item has changed since you read it. Read it again, then send your change with its "
            "new ETag in If-Match.",
        ),
        (
            "PUT",
            {"If-None-Match": "*"},
            412,
            "The item exists already. Read it, then send your change with its ETag in If-Match.",
        ),
        (
            "PATCH",
            {"If-Match": ""},
            400,
            "If-Match has no ETag. Send the ETag of the item with its double quotes.",
        ),
    ],
)
def test_a_precondition_that_fails(shop, method, headers, status, message):
    answer = shop.open("/products/1", method=method, json={"brand": "Acme"}, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (status, message)


class TestIfMatchIsRequired:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, require_if_match=True)

    def test_a_change_without_a_version(self, shop):
        answer = shop.patch("/products/1", json={"brand": "Acme"})
        assert (answer.status_code, answer.json["detail"]) == (
            428,
            "If-Match is missing. Read the item, and send its ETag in If-Match, or * for any "
            "version.",
        )


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        (
            {"REMOTE_ADDR": "192.0.2.1"},
            "With AUTH_MODE=open only this machine may send requests, to localhost. Set "
            "AUTH_MODE=token.",
        ),
        (
            {"HTTP_ORIGIN": "https://evil.example"},
            "Pages of https://evil.example may not send requests here. Add the origin to "
            "CORS_ORIGINS.",
        ),
    ],
)
def test_a_caller_from_elsewhere(products, caller, message):
    answer = products.get("/products", environ_overrides=caller)
    assert (answer.status_code, answer.json["detail"]) == (403, message)


class TestTokens:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, auth_mode="token", secret_key=SECRET)

    @pytest.fixture
    def mint(self, settings):
        return lambda scope, seconds=60, **other: Tokens(replace(settings, **other)).mint(
            "ann", [scope], seconds
        )

    def send(self, products, authorization):
        headers = {"Authorization": authorization} if authorization else {}
        answer = products.post("/products", json={"name": "x"}, headers=headers)
        return answer.status_code, json.loads(answer.data)["detail"]

    def test_no_token(self, products):
        assert self.send(products, "") == (
            401,
            "The request needs a token with the scope products:write. Send Authorization: Bearer "
            "TOKEN.",
        )

    def test_no_bearer_token(self, products):
        assert self.send(products, "Basic YTpi") == (
            401,
            "Authorization has no bearer token. Send Authorization: Bearer TOKEN.",
        )

    def test_a_token_without_the_scope(self, products, mint):
        assert self.send(products, f"Bearer {mint('orders:read')}") == (
            403,
            "The token does not have the scope products:write. Send a token that has it.",
        )

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"seconds": -1}, "It has expired; send a new one."),
            ({"auth_issuer": "other"}, "Its iss is not the AUTH_ISSUER of this service."),
            ({"auth_audience": "other"}, "Its aud is not the AUTH_AUDIENCE of this service."),
            (
                {"secret_key": "x" * 40},
                "Its signature is wrong; send it exactly as it was made.",
            ),
        ],
    )
    def test_a_token_that_is_not_valid(self, products, mint, options, reason):
        token = mint("products:write", **options)
        assert self.send(products, f"Bearer {token}") == (401, f"The token is not valid. {reason}")

    def test_a_text_that_is_not_a_token(self, products):
        assert self.send(products, "Bearer nope") == (
            401,
            "The token is not valid. It is not a JSON Web Token with the claims exp, sub, iss and "
            "aud.",
        )
