"""The OpenAPI document of every service, and the pages that show it."""

import json
import os
import re
from copy import deepcopy
from importlib import import_module

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from shared.schema.groups import VARIANTS
from shared.schema.query import MISSING_WORDS
from tests.support import conformance
from tests.support.exploration import configuration, explore
from tests.support.services import SERVICES, example, on_fakes, on_real_servers

# Of each service; all of them are 3,000 to 6,000.
EXPLORED_CASES = int(os.environ.get("EXPLORED_CASES", "1000"))


@pytest.fixture
def document(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def walk(schema, at):
    """Yield the schemas inside of one, each with its place."""
    pairs = schema.items() if isinstance(schema, dict) else enumerate(schema)
    for name, inner in pairs:
        if isinstance(inner, dict | list) and name not in ("examples", "default", "enum"):
            if isinstance(inner, dict):
                yield f"{at}/{name}", inner
            yield from walk(inner, f"{at}/{name}")


def operations(document):
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


@on_fakes
class TestDocument:
    def test_it_is_valid(self, document):
        assert document["openapi"].startswith("3.1")
        schemathesis.openapi.from_dict(document).validate()
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)

    def test_every_route_is_named_and_described(self, document):
        for path, verb, operation in operations(document):
            assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"]), f"{verb} {path}"
            assert 5 < len(operation["summary"]) < 40, f"{verb} {path}"
            assert len(operation["description"]) > 5, f"{verb} {path}"

    def test_no_parameter_is_declared_twice(self, document):
        for path, verb, operation in operations(document):
            declared = [each.get("$ref") or each["name"] for each in operation["parameters"]]
            assert len(declared) == len(set(declared)), f"{verb} {path}"

    def test_its_examples_are_valid(self, document):
        for path, verb, operation in operations(document):
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                if kind != "multipart/form-data":
                    whole = {**media["schema"], "components": document["components"]}
                    assert media["example"], f"{verb} {path}"
                    Draft202012Validator(whole).validate(media["example"])

    def test_what_put_patch_and_batch_accept_has_no_defaults(self, document, resource):
        """A generated client sends defaults, and so would change what the caller left out."""

        def schemas(node):
            if isinstance(node, dict):
                yield node
                if ref := node.get("$ref"):
                    yield from schemas(document["components"]["schemas"][ref.rpartition("/")[2]])
            for inner in node.values() if isinstance(node, dict) else node:
                if isinstance(inner, (dict, list)):
                    yield from schemas(inner)

        bodies = [
            operation["requestBody"]["content"]
            for path, operations in document["paths"].items()
            for verb, operation in operations.items()
            if (verb in ("put", "patch") or path.endswith(":batch") or path.endswith("/restore"))
            and "requestBody" in operation
        ]
        assert bodies
        assert not [schema for schema in schemas(bodies) if "default" in schema]

    def test_the_text_of_a_parameter_names_its_aliases(self, document, resource, url):
        """A tool that sends all parameters would send one value by two names."""
        parameters = document["paths"][url]["get"]["parameters"]
        texts = {each["name"]: each.get("description", "") for each in parameters if "in" in each}
        for name, field in resource.query.load_fields.items():
            for alias in field.metadata.get("aliases", ()):
                assert f"`{alias}`" in texts[field.data_key or name]
                assert alias not in texts

    def test_every_reference_leads_to_a_component_and_every_component_is_used(self, document):
        referred = set(re.findall(r'"\$ref": ?"#/components/(\w+)/([^"]+)"', json.dumps(document)))
        parts = {
            (kind, name)
            for kind, named in document["components"].items()
            for name in named
            if kind != "securitySchemes"
        }
        assert referred == parts

    def test_every_object_and_choice_inside_of_a_schema_has_a_name(self, document):
        """A generated client would make up names, or have none."""
        for name, schema in document["components"]["schemas"].items():
            for at, inner in walk(schema.get("properties", {}), name):
                assert "properties" not in inner, at
                assert "enum" not in inner or "items" in at, at
                if inner.get("type") == "object":
                    assert "additionalProperties" in inner, at

    def test_an_item_has_all_its_fields(self, document, resource):
        schemas = document["components"]["schemas"]
        item = schemas[resource.item.title()]
        only_in_lists = {"deleted_at", MISSING_WORDS, *({VARIANTS} if resource.groups else ())}
        on_request = set(resource.showable) - set(resource.names)
        assert item["properties"].keys() - {*item["required"]} == only_in_lists | on_request
        items = schemas[f"{resource.item.title()}Page"]["properties"]["items"]
        assert items["items"] == {"$ref": f"#/components/schemas/{resource.item.title()}"}

    def test_a_client_of_an_open_service_needs_no_token(self, document, settings):
        assert settings.auth_mode == "open"
        for path, verb, operation in operations(document):
            assert operation["security"][0] == {}, f"{verb} {path}"

    def test_a_tool_asks_for_json_first(self, document):
        for path, verb, operation in operations(document):
            for answer in operation["responses"].values():
                media = [*answer.get("content", {})]
                assert "application/json" not in media[1:], f"{verb} {path}"

    @pytest.mark.parametrize("base", ["http://localhost:5000", "https://shop.example.localhost"])
    def test_its_server_is_the_address_of_the_request(self, client, base):
        answer = client.get("/openapi.json", base_url=base)
        assert answer.get_json()["servers"] == [{"url": base}]

    def test_a_matching_etag_gets_a_304(self, client):
        etag = client.get("/openapi.json").headers["ETag"]
        assert client.get("/openapi.json", headers={"If-None-Match": etag}).status_code == 304

    def test_it_is_the_same_in_every_process(self, package, make_client, client):
        app = import_module(f"{package}.app").create_app(
            settings=client.application.extensions["settings"],
            connections=client.application.extensions["connections"],
        )
        assert app.test_client().get("/openapi.json").data == client.get("/openapi.json").data


@on_fakes
def test_the_documents_of_all_services_can_be_joined(make_client):
    """As a gateway does it: no name means two things."""
    names, schemas = [], {}
    for package in SERVICES:
        document = make_client(package).get("/openapi.json").get_json()
        names += [operation["operationId"] for _, _, operation in operations(document)]
        for name, schema in document["components"]["schemas"].items():
            assert schemas.setdefault(name, schema) == schema, name
    assert len(set(names)) == len(names)
    assert {"list_product_history", "list_products", "pay_order"} <= {*names}


@on_fakes
class TestPages:
    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs/", "/api/redoc/", "/v1/docs"])
    def test_a_page_loads_nothing_from_other_hosts(self, client, path):
        page = client.get(path)
        assert page.status_code == 200
        assert page.content_type == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy.partition("style-src")[0]
        asked = re.findall(r'(?:src|href|spec-url)="([^"]+)"', page.text)
        assert len(asked) >= 3
        for each in asked:
            assert each.startswith("/")
            assert client.get(each).status_code == 200

    def test_no_script_is_inline(self, client):
        for path in ("/docs", "/redoc"):
            scripts = re.findall(r"<script([^>]*)>(.*?)</script>", client.get(path).text, re.DOTALL)
            assert scripts
            assert all("src=" in where and not text for where, text in scripts)

    def test_the_index_links_to_the_pages(self, client):
        links = client.get("/").get_json()["links"]
        for name in ("docs", "redoc", "openapi"):
            assert client.get(links[name]).status_code == 200

    def test_other_files_are_not_found(self, client):
        assert client.get("/docs/index.html").status_code == 404


@on_fakes
class TestConformance:
    """The checks that all other tests rely on detect deviations."""

    @pytest.fixture
    def promised(self, client, monkeypatch):
        """A copy of the document that responses are checked against, to be changed."""
        client.get("/health/live")
        changed = deepcopy(conformance._documents[client.application.name])
        monkeypatch.setitem(conformance._documents, client.application.name, changed)
        conformance.forget_validators()
        yield changed
        conformance.forget_validators()

    def test_an_undocumented_field_is_detected(self, promised, client):
        del promised["components"]["schemas"]["Life"]["properties"]["status"]
        with pytest.raises(AssertionError, match=r"/health/live.* 200: .*status"):
            client.get("/health/live")

    def test_an_undocumented_type_is_detected(self, promised, client):
        promised["components"]["schemas"]["Life"]["properties"]["status"]["type"] = "integer"
        with pytest.raises(AssertionError, match='"ok" is not of type "integer"'):
            client.get("/health/live")

    def test_an_undocumented_status_is_detected(self, promised, client, url):
        del promised["paths"][url + "/{ref}"]["get"]["responses"]["404"]
        with pytest.raises(AssertionError, match="404 NOT FOUND is not documented"):
            client.get(f"{url}/99")

    def test_an_undocumented_header_is_detected(self, promised, client, url):
        del promised["paths"][url]["get"]["responses"]["200"]["headers"]["Cache-Status"]
        with pytest.raises(AssertionError, match="Cache-Status"):
            client.get(url)

    def test_an_undocumented_parameter_is_detected(self, promised, client, url):
        parameters = promised["paths"][url]["get"]["parameters"]
        parameters[:] = [each for each in parameters if each.get("name") != "per"]
        with pytest.raises(AssertionError, match=r"takes \{'per'\}"):
            client.get(f"{url}?per=5")

    def test_an_undocumented_media_type_is_detected(self, promised, client):
        promised["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = {"text/html": {}}
        with pytest.raises(AssertionError, match="is text/plain"):
            client.get("/metrics")


@on_real_servers
@pytest.mark.slow
@pytest.mark.long
def test_generated_requests_get_documented_responses(client, resource, url):
    """Valid and invalid requests, generated by schemathesis from the document."""
    body = example(resource)
    for _ in range(2):
        client.post(url, json={k: v for k, v in body.items() if k not in resource.unique})
    document = client.get("/openapi.json").get_json()
    # A request may select some fields of an item, which the document cannot tell.
    del document["components"]["schemas"][resource.item.title()]["required"]
    schema = schemathesis.openapi.from_dict(document, config=configuration())
    schema.app = client.application
    cases, wrong = explore(schema, EXPLORED_CASES)
    assert not wrong, wrong
    assert cases > min(EXPLORED_CASES, 1000)
