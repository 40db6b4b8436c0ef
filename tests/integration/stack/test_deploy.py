"""Metrics in deploy/ for Prometheus and Grafana exist in a real service."""

import json
import re

import pytest
import yaml
from redis import Redis

from shared.observability import job_metrics
from tests.support.polling import poll
from tests.support.services import ROOT
from vitrine import stack as stacks

DEPLOY = ROOT / "deploy"
# What Prometheus itself adds to a series, by deploy/prometheus/prometheus.yml.
ADDED = {"service", "instance", "job"}


def alerts():
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    dashboard = json.loads((DEPLOY / "grafana/dashboards/vitrine.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked():
    """Every expression, by where it stands."""
    found = {rule["alert"]: rule["expr"] for rule in alerts()}
    for panel in panels():
        found |= {f"{panel['title']} {t['refId']}": t["expr"] for t in panel["targets"]}
    return found


@pytest.fixture(scope="module")
def scraped(stack):
    """The names of metrics and of labels that a real scrape has."""
    running = stacks.read(stack.folder)
    with Redis.from_url(running.redis_url.removesuffix("0") + "1") as queue:
        # It has no workers, which would count their jobs there.
        job_metrics.note(queue, "products", "notify", "failed", 0.1)
    for _ in range(2):
        stack.get("products", "/products")

    def scrape():
        url = stack.url("products") + "/metrics"
        text = stack._http.request("GET", url).data.decode()
        return text if "vitrine_follower_lag_seconds " in text else None

    series = re.findall(r"^(\w+)(?:\{(.*)\})? ", poll(scrape), re.MULTILINE)
    labels = {label for _, inner in series for label in re.findall(r'(\w+)="', inner)}
    return {name for name, _ in series}, labels


@pytest.mark.parametrize(("place", "expression"), asked().items(), ids=asked())
def test_what_is_asked_for_exists(scraped, place, expression):
    names, labels = scraped
    metrics = set(re.findall(r"\bvitrine_\w+", expression))
    assert metrics or expression.startswith("up{")
    assert metrics <= names
    groups = {
        label.strip()
        for each in re.findall(r"by \(([^)]*)\)", expression)
        for label in each.split(",")
    }
    selected = set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))
    assert groups | selected <= labels | ADDED


def test_whoever_is_woken_is_told_what_it_means_and_what_to_do():
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "look")
        assert len(rule["annotations"]["description"]) > 80, rule["alert"]
        assert rule["annotations"]["summary"]


def test_every_panel_says_what_it_shows():
    places = [json.dumps(panel["gridPos"]) for panel in panels()]
    assert len(places) == len(set(places)) > 15
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "prometheus"


def test_the_alerts_and_the_manual_name_the_same():
    manual = (ROOT / "docs/watching.md").read_text()
    assert {rule["alert"] for rule in alerts()} <= set(re.findall(r"`(\w+)`", manual))
    metrics = set(re.findall(r"vitrine_\w+", " ".join(asked().values())))
    bases = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in metrics}
    assert bases <= set(re.findall(r"`(vitrine_\w+)`", manual))
