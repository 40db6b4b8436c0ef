"""Access rights with AUTH_MODE=token and with AUTH_MODE=open."""

import re
from dataclasses import replace

import pytest

from shared.chain.rate_limits import limiter
from shared.http.tokens import Tokens
from tests.support.polling import poll
from tests.support.services import example, on_fakes

SECRET = "0123456789abcdef0123456789abcdef"
ALIASES = ("/api{}", "/v1{}/", "/api/v1{}", "{}/", "{}?per=1")
# The attribute that flask-limiter sets on the views that it limits.
MARK = "__wrapper-limiter-instance"
pytestmark = on_fakes


@pytest.fixture
def settings(settings):
    return replace(settings, auth_mode="token", secret_key=SECRET)


@pytest.fixture
def bearer(settings):
    """Return the header with a token that has some scopes."""

    def bearer(*scopes, subject="ann", seconds=60):
        token = Tokens(settings).mint(subject, scopes, seconds)
        return {"Authorization": f"Bearer {token}"}

    return bearer


@pytest.fixture
def client(make_client, package, bearer):
    if package == "api_orders":  # The example orders a product.
        shop = make_client("api_products")
        product = {"name": "Teapot", "price": 12.5}
        shop.post("/products", json=product, headers=bearer("products:write"))
    return make_client(package)


def test_reading_needs_no_token_only_where_it_is_public(client, url, resource, bearer):
    made = client.post(url, json=example(resource), headers=bearer("admin"))
    for path in (url, made.location, f"{url}/changes", f"{url}?q=a"):
        for _ in range(2):  # The second response may come from the cache.
            answer = client.get(path)
            if resource.public:
                assert answer.status_code != 401
            else:
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vitrine"'
                assert f"{resource.name}:read" in answer.json["detail"]
            mine = client.get(path, headers=bearer(f"{resource.name}:read"))
            assert mine.status_code in (200, 501)


def test_an_answer_cached_for_one_caller_needs_its_scope_from_another(
    client, url, resource, bearer
):
    made = client.post(url, json=example(resource), headers=bearer("admin"))
    reader = bearer(f"{resource.name}:read")
    for path in (made.location, url):
        client.get(path, headers=reader)
        hit = client.get(path, headers=reader)
        assert "; hit" in hit.headers["Cache-Status"]
        others = [{}, bearer("games:write"), bearer(f"{resource.name}:write"), bearer()]
        for other in others if not resource.public else []:
            for tag in ({}, {"If-None-Match": hit.headers["ETag"]}):
                answer = client.get(path, headers=other | tag)
                assert answer.status_code == (403 if other else 401)
                assert "ETag" not in answer.headers
                assert "Cache-Status" not in answer.headers


@pytest.mark.parametrize("form", [*ALIASES, "/%2e%2e/products/..{}", "{};x", "/nowhere/..{}"])
def test_no_spelling_of_a_path_avoids_the_check(client, url, resource, bearer, form):
    client.get(url, headers=bearer(f"{resource.name}:read"))
    status = client.get(form.format(url)).status_code
    known = 200 if resource.public else 401
    assert status == known if form in ALIASES else status == 404, form


def test_writing_needs_the_scope_to_write(client, url, resource, bearer, serves):
    serves("create", "delete")
    body = example(resource)
    assert client.post(url, json=body).status_code == 401
    refused = client.post(url, json=body, headers=bearer(f"{resource.name}:read"))
    assert refused.status_code == 403
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="{resource.name}:write"' in challenge
    writer = bearer(f"{resource.name}:write")
    item = client.post(url, json=body, headers=writer).location
    for path, method in ((item, "patch"), (item, "put"), (item, "delete")):
        assert getattr(client, method)(path, json={}).status_code == 401
    assert client.delete(f"{item}?purge=true", headers=writer).status_code == 403
    assert client.delete(item, headers=writer).status_code == 204
    assert client.post(f"{item}/restore").status_code == 401
    assert client.delete(f"{item}?purge=1", headers=bearer("admin")).status_code == 204


def test_nothing_is_written_by_a_request_that_is_refused(client, url, resource, bearer, db):
    client.post(url, json=example(resource), headers=bearer(f"{resource.name}:read"))
    client.post(f"{url}:batch", json=[example(resource)], headers=bearer("clients:red"))
    assert db[resource.name].count_documents({}) == 0
    assert db[f"{resource.name}.idempotency"].count_documents({}) == 0


def test_the_trash_needs_a_token(client, url, resource, bearer):
    assert client.get(f"{url}?deleted=only").status_code == 401
    allowed = client.get(f"{url}?deleted=only", headers=bearer(f"{resource.name}:read"))
    assert allowed.status_code == 200


def test_internals_need_the_scope_admin(client, url, bearer, resource):
    both = bearer(f"{resource.name}:read", f"{resource.name}:write")
    checks = client.get("/").json["checks"]
    for path in ("/__cache", "/__settings", f"{url}:documents", *checks):
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers=both).status_code == 403, path
    assert client.get("/__cache", headers=bearer("admin")).status_code == 200


def test_an_undo_answers_the_history_and_needs_both_scopes(client, url, resource, bearer):
    path, sent = f"{url}:imports/x", {"Import-ID": "undo-x"}
    writer = bearer(f"{resource.name}:write")
    refused = client.post(path, headers=writer | sent)
    assert refused.status_code == 403
    assert f"{resource.name}:read" in refused.json["detail"]
    both = bearer(f"{resource.name}:read", f"{resource.name}:write")
    assert client.post(path, headers=both | sent).status_code == 501  # on fakes


def test_every_route_needs_a_scope_unless_it_is_public(client, url, resource):
    """A new route needs a token unless it is declared public."""
    opened = set()
    for rule in client.application.url_map.iter_rules():
        path = rule.rule.replace("<uuid:id>", "00000000-0000-4000-8000-000000000000")
        path = re.sub(r"<any[^>]*>", "pay", path)
        path = re.sub(r"<[^>]*>", "1", path)
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            if client.open(path, method=method).status_code != 401:
                opened.add((method, rule.rule))
    free = {rule for method, rule in opened if method == "GET"}
    assert free == {rule for _, rule in opened}, "something may be written by everybody"
    below = {rule for rule in free if rule.startswith(url)}
    assert bool(below) == resource.public


@pytest.mark.parametrize(
    "given", ["Bearer nope", "Bearer ", "Basic YTpi", "Token x", "Bearer a b", "é", "Bearer é"]
)
def test_a_malformed_token_is_refused_except_by_probes(client, url, given):
    assert client.get("/health/live", headers={"Authorization": given}).status_code == 200
    for path in (url, f"{url}/1", "/nowhere"):
        answer = client.get(path, headers={"Authorization": given})
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="vitrine"')
        assert answer.json["title"] == "Unauthorized"


def test_a_remembered_token_expires(client, url, resource, bearer, settings):
    def accepted():
        """Return a token that was accepted before it expired."""
        headers = bearer(f"{resource.name}:read", seconds=1)
        return headers if client.get(url, headers=headers).status_code == 200 else None

    reader = poll(accepted)
    poll(lambda: client.get(url, headers=reader).status_code != 200)
    answer = client.get(url, headers=reader)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert "expired" in answer.json["detail"]


def test_an_idempotency_key_of_another_caller_replays_nothing(
    client, url, resource, bearer, serves
):
    serves("create")
    key = {"Idempotency-Key": "same"}
    body = example(resource)
    first = client.post(url, json=body, headers=bearer("admin", subject="ann") | key)
    again = client.post(url, json=body, headers=bearer("admin", subject="ann") | key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    body |= {"external_ref": "other"} if "external_ref" in resource.schema.fields else {}
    other = client.post(url, json=body, headers=bearer("admin", subject="bob") | key)
    assert "Idempotency-Replayed" not in other.headers
    assert other.status_code in (201, 409)


def test_services_accept_each_others_tokens(make_client, bearer, db):
    shop, orders = make_client("api_products"), make_client("api_orders")
    clients, categories = make_client("api_clients"), make_client("api_categories")
    buyer = clients.post("/clients", json={"name": "Bo"}, headers=bearer("clients:write"))
    categories.post("/categories", json={"name": "Tea"}, headers=bearer("categories:write"))
    pot = {"name": "Pot", "price": 1, "stock": 2, "category": "tea"}
    assert shop.post("/products", json=pot, headers=bearer("products:write")).status_code == 201
    body = {"client_id": buyer.json["id"], "items": [{"product_id": 1, "quantity": 1}]}
    placed = orders.post("/orders", json=body, headers=bearer("orders:write"))
    assert placed.status_code == 201, placed.json
    full = categories.delete("/categories/tea", headers=bearer("categories:write"))
    assert (full.status_code, full.json["products"]) == (409, 1)


def test_the_limits_of_a_service_are_enforced(client):
    """A service that decorates a view with ``limiter`` has called ``limiter.init_app(app)``."""
    app = client.application
    limited = [view for view in app.view_functions.values() if hasattr(view, MARK)]
    assert not limited or limiter in app.extensions["limiter"]
    assert limited or app.name != "api_games"  # The attribute is private to flask-limiter.
