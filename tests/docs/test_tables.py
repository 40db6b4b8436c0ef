"""Tables in the documents agree with the code."""

import ast
import re
from dataclasses import fields

import pytest
import yaml

from api_categories.resource import categories
from api_clients.resource import clients
from api_orders.resource import orders
from api_products.images import download
from api_products.resource import products
from shared.cache import keys
from shared.config.settings import PORTS, Settings
from shared.endpoints import live, places
from shared.http import json_body, parameters
from shared.http.errors import MAX_ERRORS
from shared.observability import tap
from shared.resource import batch
from shared.schema import query, sizes
from shared.schema.fields import MAX_NAMES
from shared.server import asgi
from shared.storage import repository
from shared.workers import queue, worker
from tests.docs.fences import GATEWAY, NOT_RUN, fences
from tests.support.services import ROOT
from vitrine.console import hub

README = (ROOT / "README.md").read_text()
SHARED = ROOT.parent / "shared" / "design" / "PROMISES.md"
SERVERS = "What the servers bound"
PROMISED = {"A": 44, "B": 85, "C": 47, "D": 60, "E": 64, "X": 20}


def document(name):
    return (ROOT / "docs" / name).read_text()


def section(text, title):
    """Return the text below a heading, up to the next one."""
    return re.split(r"^#+ ", text.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """Return the cells of the rows of all tables, without their headings."""
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in row] for row in found]
    return [row for row in cells if not set("".join(row)) <= set("-")]


def number(text):
    return int(text.replace(",", ""))


def test_the_readme_has_every_setting_with_its_default():
    told = {}
    for row in rows(section(README, "Settings"))[1:]:
        names = re.findall(r"`([A-Z_]+)`", row[0])
        values = (
            row[1].split(", ") if row[1].count(", ") == len(names) - 1 else [row[1]] * len(names)
        )
        told |= zip(names, values, strict=True)
    known = {each.name.upper(): each.default for each in fields(Settings)}
    assert told.keys() - {"DATABASE_URL"} == known.keys()
    for name, default in known.items():
        if isinstance(default, bool):
            assert told[name] == f"`{str(default).lower()}`", name
        elif isinstance(default, int):
            assert number(told[name]) == default, name
        elif name in ("LOG_LEVEL", "SERVER", "AUTH_MODE", "DATA_DIR", "AUTH_ISSUER"):
            assert told[name] == f"`{default}`", name


def test_the_readme_has_every_port():
    shown = {row[0]: row[1] for row in rows(README.partition("## Documentation")[0])[1:]}
    assert shown.pop("console").endswith(":5555")
    assert shown == {name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()}
    assert list(PORTS.values()) == [5000, 5001, 5002, 5003]


@pytest.mark.parametrize(
    ("resource", "ref", "asked", "key"),
    [
        (products, "1", "", "product:1"),
        (products, "fifa-25", "", "product:fifa-25"),
        (products, "1", "fields=id,name", "product:1:fields=id,name"),
        (
            products,
            "",
            "per=20&category=games&page=2",
            "products:list:page=2:per=20:category=games",
        ),
        (products, "", "public", "products:list:page=1:per=20:public=yes"),
        (products, "", "q=fifa+ps5", "products:search:cdb0e0256eb9ab09445e85948a9f729f57fa33ba"),
        (clients, "1", "", "client:1"),
        (clients, "", "city=Brussels&per=10", "clients:list:page=1:per=10:city=Brussels"),
        (categories, "games", "", "category:games"),
        (orders, "1", "", "order:1"),
    ],
)
def test_the_keys_are_as_the_document_of_the_cache_says(resource, ref, asked, key):
    is_public = asked == "public"
    address = resource.address(ref, b"" if is_public else asked.encode(), "", not is_public)
    assert address.key == key
    assert f"`{key}`" in section(document("cache.md"), "Keys")


def test_the_document_of_the_cache_tells_of_generations_aliases_and_long_keys():
    told = section(document("cache.md"), "Keys")
    for name in (
        keys.root_of("products"),
        keys.tag_of("products", "1"),
        keys.tag_of("products", keys.ALL),
    ):
        assert f"`{name}`" in told
    aliased = [
        products.address("", text, "") for text in (b"page_size=20&search=tea", b"per=20&q=tea")
    ]
    assert aliased[0] == aliased[1]
    assert f"{keys.MAX_KEY:,} characters" in told
    forged = products.address("", b"attr.genre=Sport:platform=PS5", "", True)
    assert forged.key.endswith(":attr.genre=Sport%3Aplatform%3DPS5")


def test_what_is_bounded_is_bounded_so():
    told = {row[0]: row[1] for row in rows(section(document("security.md"), "What is bounded"))[1:]}
    numbers = {
        name: list(map(number, re.findall(r"\d[\d,]*\d|\d", text.replace(" kB", "000"))))
        for name, text in told.items()
    }
    settings = Settings()
    most_shown = query.Query().fields["per"].validate.max
    assert numbers == {
        "a body": [settings.max_body_mb, asgi.BODY_SECONDS, asgi.BYTES_PER_SECOND],
        "a response above 64 kB": [asgi.SEND_SECONDS, asgi.BYTES_PER_SECOND],
        "JSON": [json_body.MAX_DEPTH, json_body.MAX_MEMBERS],
        "values in the JSON of a body": [json_body.MAX_VALUES],
        "names in `slugs=`": [MAX_NAMES],
        "wrong values of a body, or of an item of a batch, that a response names": [MAX_ERRORS],
        "parameters; `per`; `page` × `per`": [
            parameters.MAX_PARAMETERS,
            most_shown,
            query.MAX_DEPTH,
        ],
        "a search, a list, facets, suggestions, sums of sales": [repository.QUERY_TIMEOUT_SECONDS],
        "an item": [sizes.MAX_DOCUMENT // 1_000_000],
        "the items of a page": [sizes.MAX_PAGE // 1_000_000],
        "MongoDB, or another service, that does not answer": [5],
        "clients that wait for changes, or watch a service live": [places.MAX_WAITING],
        "notes for clients that watch a service live": [
            tap.MAX_HITS,
            round(tap.HITS_A_BATCH / tap.PUBLISH_SECONDS),
            tap.MAX_NOTES,
            live.MAX_WAITING_NOTES,
        ],
        "pages that watch the console": [hub.MAX_WATCHERS, hub.MAX_QUEUE],
        "a batch": [batch.MAX_ITEMS],
        "a picture": [settings.max_upload_mb, settings.max_image_pixels],
        "a photo by URL": [int(download.SECONDS), download.MAX_REDIRECTS],
        "a job": [queue.JOB_SECONDS, worker.MEMORY_BYTES // 1_000_000],
    }


def test_what_the_servers_bound_is_bounded_so():
    told = {row[0]: row[1:3] for row in rows(section(document("security.md"), SERVERS))[1:]}
    gunicorn = assigned("shared/server/gunicorn_conf.py")
    granian = assigned("shared/server/granian_server.py")
    line, fields = gunicorn["limit_request_line"], gunicorn["limit_request_fields"]
    assert gunicorn["limit_request_field_size"] == line
    big = f"a request line or header above {line:,} bytes, more than {fields} headers"
    assert told[big][1] == "heads up to 64 kB"
    assert f"after {gunicorn['keepalive']} s" in told["an idle connection"][0]
    assert f"after {granian['HEAD_SECONDS']} s" in told["an idle connection"][1]
    assert f"after {granian['HEAD_SECONDS']} s" in told["a head that never ends"][1]
    assert f"{granian['CONNECTIONS']:,} at once" in told["thousands of connections"][1]


def assigned(path):
    """Return the constants of a module that has side effects when it is imported."""
    tree = ast.parse((ROOT / path).read_text())
    return {
        each.targets[0].id: each.value.value
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
    }


def test_the_limits_are_the_defaults():
    told = {
        row[0].strip("`"): row[1].strip("`")
        for row in rows(section(document("security.md"), "Rate limits"))[1:]
    }
    assert told == {
        each.name.upper(): each.default
        for each in fields(Settings)
        if each.name.startswith("rate_limit")
    }


def test_every_alert_is_told_what_to_do_about():
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    told = section(document("operations.md"), "When something is wrong")
    assert alerts == set(re.findall(r"`([A-Z]\w+)`", " ".join(row[1] for row in rows(told)[1:])))


def test_users_of_every_earlier_system_find_everything():
    text = document("compatibility.md")
    found = set(re.findall(r"\b([A-EX]\d+)\b", " ".join(row[0] for row in rows(text))))
    wanted = {f"{system}{n}" for system, most in PROMISED.items() for n in range(1, most + 1)}
    assert found == wanted


def test_the_list_of_promises_has_no_others():
    if not SHARED.exists():
        pytest.skip("the list of promises is not here")
    ids = re.findall(r"^\| ([A-EX])(\d+) \|", SHARED.read_text(), re.MULTILINE)
    assert {s: max(int(n) for each, n in ids if each == s) for s, _ in ids} == PROMISED


# Promises about a setting or a state: the test that sets or causes it.
TESTED = {
    "A5 A28 A34": "integration/serving/test_sentry.py",
    "A25 A26": "integration/stack/test_up.py",
    "A30": "deploy/test_wheel.py",
    "A33": "integration/caching/test_faults.py",
    "B31 B32 D27 D28": "shared/config/test_settings.py",
    "B61": "contract/test_query_counts.py",
    "B82 B85": "docs/test_tables.py",
    "C4 C11 C12 C13 E13": "shared/chain/test_rate_limits.py",
    "C33": "contract/test_cached_answers.py",
}


def test_what_is_called_the_same_is_run():
    run = set(" ".join(TESTED).split())
    for fence in fences(ROOT / "docs" / "compatibility.md"):
        if fence.is_run or fence.note == f"{NOT_RUN} {GATEWAY}":
            for comment in re.findall(r"  # ((?:\w+ ?)+)$", fence.text, re.MULTILINE):
                run |= set(re.findall(r"[A-E]\d+", comment))
    tables = document("compatibility.md").partition("\n## A: ")[2]
    for row in rows(tables):
        if "the same" in row[2]:
            assert set(row[0].split(", ")) <= run, row
    assert all((ROOT / "tests" / path).exists() for path in TESTED.values())


def test_the_changelog_has_this_version():
    from tomllib import loads

    version = loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    titles = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert titles[1].partition(" ")[0] == version
