"""The OpenAPI document of every service, and the pages that show it."""

import os
import re
import time
from copy import deepcopy
from importlib import import_module

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.support import conformance
from tests.support.services import example, on_fakes, on_real_servers


@pytest.fixture
def document(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


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

    def test_every_route_has_a_summary_and_a_name_of_its_own(self, document):
        names = [operation["operationId"] for _, _, operation in operations(document)]
        assert len(set(names)) == len(names)
        for path, verb, operation in operations(document):
            assert 5 < len(operation["summary"]) < 90, f"{verb} {path}"
            assert not operation["summary"].endswith(".")

    def test_its_examples_are_valid(self, document):
        for path, verb, operation in operations(document):
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                if kind != "multipart/form-data":
                    whole = {**media["schema"], "components": document["components"]}
                    assert media["example"], f"{verb} {path}"
                    Draft202012Validator(whole).validate(media["example"])

    def test_a_deprecated_parameter_is_an_alias(self, document, resource, url):
        parameters = document["paths"][url]["get"]["parameters"]
        told = {each["name"]: each.get("deprecated", False) for each in parameters if "in" in each}
        for name, field in resource.query.load_fields.items():
            assert told[field.data_key or name] is False
            assert all(told[alias] for alias in field.metadata.get("aliases", ()))

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
        conformance._validator.cache_clear()
        yield changed
        conformance._validator.cache_clear()

    def test_an_undocumented_field_is_detected(self, promised, client):
        del promised["components"]["schemas"]["Life"]["properties"]["status"]
        with pytest.raises(AssertionError, match=r"/health/live.* 200: .*status"):
            client.get("/health/live")

    def test_an_undocumented_type_is_detected(self, promised, client):
        promised["components"]["schemas"]["Life"]["properties"]["status"]["type"] = "integer"
        with pytest.raises(AssertionError, match="'ok' is not of type 'integer'"):
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
def test_generated_requests_get_documented_responses(client, resource, url):
    """Valid and invalid requests, generated by schemathesis from the document."""
    body = example(resource)
    for _ in range(2):
        client.post(url, json={k: v for k, v in body.items() if k not in resource.unique})
    config = SchemathesisConfig.from_dict(CONFIG)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", client.application, config=config)
    broken = {}
    cases = 0
    # A complete exploration takes minutes for each service.
    enough = time.monotonic() + float(os.environ.get("EXPLORE_SECONDS", "6"))
    stream = from_schema(schema).execute()
    for event in stream:
        if cases > 50 and time.monotonic() > enough:
            stream.stop()
        if isinstance(event, events.NonFatalError | events.FatalError):
            broken[str(event)] = event
        elif isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.cases)
            broken |= _failures(event.recorder)
    assert not broken, "\n\n".join(f"{title}\n{text}" for title, text in broken.items())
    assert cases > 50


def _failures(recorder):
    return {
        f"{recorder.label}: {check.failure_info.failure.title}": (
            f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        )
        for checks in recorder.checks.values()
        for check in checks
        if check.failure_info
    }


TAKEN = ["2xx", "3xx", 401, 403, 404, 409, 412, 415, 422, 501, 503]
CONFIG = {
    "seed": int(os.environ.get("EXPLORE_SEED", "1")),
    "generation": {
        "max-examples": 4,
        "deterministic": True,
        "database": "none",
        "no-shrink": True,
        "allow-x00": False,  # NUL is refused, though no pattern excludes it: see test_bad_bodies.
        "with-security-parameters": False,
    },
    "phases": {"stateful": {"enabled": False}},
    "checks": {
        # Without change streams the change feed answers 501.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501]},
        # A rule beyond the schema, such as that the category has to exist, is a 422; an invalid
        # picture is a 415, and a version that never existed a 412.
        "positive_data_acceptance": {"expected-statuses": TAKEN},
        # A batch has a result for each item: 207.
        "negative_data_rejection": {
            "expected-statuses": [207, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 501]
        },
        "ignored_auth": {"enabled": False},
    },
    "operations": [
        {
            # One parameter by two of its names, an invalid cursor, a floor above its ceiling.
            "include-method": "GET",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*TAKEN, 400]}},
        },
        {
            # Both products=detach and move_to.
            "include-operation-id": "delete_category",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*TAKEN, 400]}},
        },
        {
            # Flask names the methods of /<name>/<ref>, which the path matches, too.
            "include-path-regex": "/(changes|stats)$",
            "checks": {"allow_header_conformance": {"enabled": False}},
        },
    ],
}
