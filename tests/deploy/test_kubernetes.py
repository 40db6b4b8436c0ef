"""Output of `kubectl kustomize` for deploy/kubernetes: valid, complete, and without root."""

import shutil
import subprocess
from dataclasses import fields

import kubernetes_validate
import pytest
import yaml

from shared.config import settings as kit
from tests.support.services import ROOT

FOLDER = ROOT / "deploy/kubernetes"
PACKAGES = [path.parent for path in sorted(ROOT.glob("api_*/app.py"))]
NAMES = [package.name.removeprefix("api_") for package in PACKAGES]
SETTINGS = {name for setting in fields(kit.Settings) for name in kit.names(setting)}
# Variables that other programs than Vitrine read.
OTHERS = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
    *("PROMETHEUS_MULTIPROC_DIR", "NAME"),
}
PROBES = {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}


@pytest.fixture(scope="module")
def manifests():
    """Return all manifests of the example overlay."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    made = subprocess.run(
        ["kubectl", "kustomize", FOLDER / "overlays/example"], capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr.decode()
    return list(yaml.safe_load_all(made.stdout))


def of_kind(manifests, kind):
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pods(manifests):
    """Return the pod templates by the name of their Deployment or CronJob."""
    jobs = {n: j["spec"]["jobTemplate"] for n, j in of_kind(manifests, "CronJob").items()}
    owners = of_kind(manifests, "Deployment") | jobs
    return {name: owner["spec"]["template"] for name, owner in owners.items()}


def settings(manifests):
    (found,) = [m for n, m in of_kind(manifests, "ConfigMap").items() if n.startswith("settings")]
    return found["data"]


def secret():
    documents = yaml.safe_load_all((FOLDER / "secret.example.yaml").read_text())
    return {each["metadata"]["name"]: set(each["stringData"]) for each in documents}


@pytest.mark.slow
def test_the_manifests_are_valid_for_kubernetes(manifests):
    assert len(manifests) > 30
    for each in [*manifests, *yaml.safe_load_all((FOLDER / "secret.example.yaml").read_text())]:
        kubernetes_validate.validate(each, "1.32", strict=True)


def test_every_service_has_all_its_parts(manifests):
    parts = {f"{name}-{part}" for name in NAMES for part in ("server", "follower")}
    parts |= {f"{p.name[4:]}-worker" for p in PACKAGES if (p / "jobs.py").exists()}
    assert set(of_kind(manifests, "Deployment")) == parts | {"console"}
    assert set(of_kind(manifests, "PodDisruptionBudget")) == parts
    servers = {f"{name}-server" for name in NAMES}
    assert set(of_kind(manifests, "HorizontalPodAutoscaler")) == servers
    assert set(of_kind(manifests, "Service")) == servers | {"console"}


def test_a_pod_runs_the_part_that_its_name_says(manifests):
    commands = {
        "server": "serve",
        "follower": "follow",
        "worker": "work",
    }
    for name, pod in pods(manifests).items():
        (container,) = pod["spec"]["containers"]
        label = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        service, _, part = name.partition("-")
        assert label == service
        if name == "console":
            assert container["args"] == ["vitrine.console", "0.0.0.0:8000"]
            continue
        expected = (
            ["vitrine", "$(NAME)"] if part == "check" else ["shared", commands[part], "api_$(NAME)"]
        )
        assert container["args"] == expected
        (env,) = [each for each in container["env"] if each["name"] == "NAME"]
        where = "metadata.labels['app.kubernetes.io/name']"
        assert env["valueFrom"]["fieldRef"]["fieldPath"] == where


def test_services_find_each_other_at_their_usual_ports(manifests):
    known = settings(manifests)
    for name, service in of_kind(manifests, "Service").items():
        if name == "console":
            assert service["spec"]["ports"][0]["port"] == 5555
            continue
        own = name.removesuffix("-server")
        (port,) = service["spec"]["ports"]
        assert port["port"] == kit.PORTS[own]
        assert known[f"{own.upper()}_URL"] == f"http://{name}:{port['port']}"
        pod = pods(manifests)[name]
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        (container,) = pod["spec"]["containers"]
        (listens,) = container["ports"]
        assert listens["name"] == port["targetPort"] == "http"
        binds = {e["name"]: e.get("value") for e in container["env"]}["BIND"]
        assert binds == f"0.0.0.0:{listens['containerPort']}"


def test_every_variable_is_read(manifests):
    found = set(settings(manifests))
    for pod in pods(manifests).values():
        found |= {each["name"] for each in pod["spec"]["containers"][0]["env"]}
    assert found <= SETTINGS | {f"{name}_FILE" for name in SETTINGS} | OTHERS


def test_the_values_are_valid_settings(manifests):
    known = {name: text for name, text in settings(manifests).items() if name in SETTINGS}
    key = {"SECRET_KEY": "0123456789abcdef0123456789abcdef"}
    assert kit.Settings.from_env(known | key).auth_mode == "token"


def test_secrets_are_files_that_the_example_has(manifests):
    for name, path in settings(manifests).items():
        if name.endswith("_FILE"):
            folder, _, key = path.rpartition("/")
            assert folder == "/run/secrets/vitrine"
            assert key == name.removesuffix("_FILE").lower()
            assert key in secret()["vitrine"]
    for pod in pods(manifests).values():
        for each in pod["spec"]["containers"][0]["env"]:
            if asked := each.get("valueFrom", {}).get("secretKeyRef"):
                assert asked["key"] in secret()[asked["name"]]
    assert not of_kind(manifests, "Secret")


def test_pods_run_without_root_and_with_limits(manifests):
    for name, pod in pods(manifests).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"].keys() == {"requests", "limits"}
        assert all(of.keys() == {"cpu", "memory"} for of in container["resources"].values())
        assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"]


def test_servers_have_probes_and_time_to_stop(manifests):
    for name, pod in pods(manifests).items():
        (container,) = pod["spec"]["containers"]
        if name.endswith("-server"):
            paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in PROBES}
            assert paths == PROBES
            waits = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
            # The server gives running requests three seconds.
            assert pod["spec"]["terminationGracePeriodSeconds"] >= waits + 3 + 5
        if name.endswith("-worker"):
            assert pod["spec"]["terminationGracePeriodSeconds"] > 30


def test_public_paths_are_routed_to_the_service_that_serves_them(manifests):
    (ingress,) = of_kind(manifests, "Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    found = {
        each["path"]: each["backend"]["service"]["name"].removesuffix("-server")
        for each in rule["http"]["paths"]
    }
    owners = {f"/{name}": name for name in NAMES} | {f"/{name}:batch": name for name in NAMES}
    assert owners.items() <= found.items()
    inside = ("/metrics", "/health", "/__", "/docs", "/openapi", "/redoc")
    assert not [path for path in found if path.startswith(inside)]


def test_pods_are_reached_by_policy_only(manifests):
    policies = of_kind(manifests, "NetworkPolicy")
    all_pods = {"app.kubernetes.io/part-of": "vitrine"}
    assert policies["vitrine"]["spec"]["podSelector"]["matchLabels"] == all_pods
    assert policies["vitrine"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["vitrine"]["spec"]
    for pod in pods(manifests).values():
        assert all_pods.items() <= pod["metadata"]["labels"].items()
