"""The gateway of the containers, run by an nginx of this machine, before a stack."""

import os
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.docs import shell
from tests.docs.fences import GATEWAY, NOT_RUN, fences
from tests.support.polling import poll
from tests.support.processes import free_port
from tests.support.services import ROOT
from vitrine.local.processes import stop

CONFIGURATION = ROOT / "deploy" / "gateway" / "nginx.conf"


@pytest.fixture(scope="module")
def gateway(stack, tmp_path_factory):
    """Start nginx with the configuration of the containers; return its address."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("nginx is not installed")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    text = CONFIGURATION.read_text()
    for name in ("products", "clients", "categories", "orders"):
        place = urlsplit(stack.url(name)).netloc
        text, count = re.subn(rf"({name} +){name}:\d+;", rf"\g<1>{place};", text)
        assert count == 1, name
    text = text.replace("/tmp/", f"{folder}/").replace("listen 8000;", f"listen 127.0.0.1:{port};")
    (folder / "nginx.conf").write_text(f"daemon off;\n{text}")
    log = (folder / "log").open("wb")
    arguments = ["-c", folder / "nginx.conf", "-p", folder, "-e", "stderr"]
    process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        with urllib3.PoolManager(retries=False, timeout=60) as http:
            poll(lambda: _answers(http, address), what="nginx")
        yield address
    finally:
        stop(process, 10)
        log.close()


def _answers(http, address):
    try:
        return http.request("GET", f"{address}/health/live").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def get(address, path):
    answer = urllib3.request("GET", address + path, retries=False, timeout=90)
    return answer.status, answer.json()


def test_the_walkthrough_goes_to_its_end(gateway, stack):
    ended = subprocess.run(
        [ROOT / "scripts" / "walkthrough.sh", gateway],
        env=stack.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "== That was all." in ended.stdout


@pytest.mark.parametrize("before", ["", "/api", "/v1", "/api/v1"])
@pytest.mark.parametrize("after", ["", "/"])
def test_redis_of_each_service_is_shown(gateway, before, after):
    for name in ("", "/products", "/clients", "/categories", "/orders"):
        status, shown = get(gateway, f"{before}/__ping/redis{name}{after}")
        assert (status, shown["redis"]) == (200, "ok"), name
    assert get(gateway, f"{before}/__ping/redis/nothing{after}")[0] == 404


def test_what_the_first_page_lists_is_there(gateway):
    shown = get(gateway, "/")[1]
    paths = [*shown["services"].values(), *shown["health"].values(), *shown["redis"].values()]
    for path in (path.replace("NAME", "orders") for path in paths):
        assert get(gateway, path)[0] == 200, path
    for path in ("/__cache", "/metrics", "/products/../metrics"):
        assert get(gateway, path)[0] == 404, path


def test_requests_of_earlier_systems_are_answered(gateway, stack, tmp_path):
    document = ROOT / "docs" / "compatibility.md"
    blocks = [each for each in fences(document) if each.note == f"{NOT_RUN} {GATEWAY}"]
    assert blocks
    shell.write_curl(tmp_path)
    env = stack.env | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    place = urlsplit(gateway).netloc
    texts = [re.sub(r"(localhost|127\.0\.0\.1):8000", place, each.text) for each in blocks]
    for each, ran in zip(blocks, shell.run(texts, tmp_path, env), strict=True):
        assert ran.troubles == shell.announced(each.text), f"{ran.output}\n{ran.errors}"
        assert '"price":39.99' in ran.output
