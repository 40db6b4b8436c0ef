"""Attribute schemas on a whole stack: never stale, and made from a real file."""

import json
import re

import pytest
from pymongo import MongoClient

from tests.support.polling import poll
from vitrine import stack as stacks


@pytest.fixture
def cpus(unpack):
    """The smallest file of the parts catalog that has a bit of everything."""
    return unpack("catalog/pcparts-2025-07-23-jsonl.tar.xz") / "jsonl" / "cpu.jsonl"


def test_an_inherited_rule_is_never_stale(stack):
    for name, parent in (("Top", None), ("Middle", "top"), ("Bottom", "middle")):
        body = {"name": name, "parent": parent}
        assert stack.request("POST", "categories", "/categories", body)[0] == 201

    def shown():
        return stack.get("categories", "/categories/bottom")["all_attributes"]

    def is_hit():
        answer = stack._http.request("GET", stack.url("categories") + "/categories/bottom")
        return "hit" in answer.headers["Cache-Status"]

    for rule in ({"type": "integer"}, {"type": "number", "max": 5}):
        poll(is_hit)
        body = {"attributes": {"size": rule}}
        assert stack.request("PATCH", "categories", "/categories/top", body)[0] == 200
        assert shown() == {"size": rule}
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        by_hand = {"$set": {"attributes": {"size": {"type": "boolean"}}}}
        poll(is_hit)
        client["vitrine"].categories.update_one({"slug": "top"}, by_hand)
        poll(lambda: shown() == {"size": {"type": "boolean"}})
    body = {"name": "X", "category": "bottom", "attributes": {"size": 5}}
    assert stack.request("POST", "products", "/products", body)[0] == 422


@pytest.mark.long
def test_a_schema_made_from_a_file_fits_all_of_it(stack, cpus):
    rows = len(cpus.read_text().splitlines())
    args = ("import", "products", str(cpus), "--set", "category=Processors", "--infer-attributes")
    proposed = stack.run(*args)
    assert proposed.returncode == 0, proposed.stderr
    assert "Run it again with --yes to apply it and import." in proposed.stdout
    assert re.search(r"core_clock +│ number ", proposed.stdout)
    assert stack.get("categories", "/categories?name=processors")["total"] == 0

    for result in ("created", "unchanged"):
        done = stack.run(*args, "--create-categories", "--yes")
        assert f" {rows:,} {result}, " in done.stderr.replace(" 0 created, 0 updated,", "")
        assert (done.returncode, " 0 failed" in done.stderr) == (0, True), done.stderr
    schema = stack.get("categories", "/categories/processors")["attributes"]
    assert schema["tdp"] == {"type": "integer"}
    assert schema.keys() == {
        name for line in cpus.read_text().splitlines() for name in json.loads(line)
    } - {"name", "price"}

    body = {"attributes": schema | {"tdp": {"type": "integer", "max": 65, "unit": "W"}}}
    path = "/categories/processors?dry_run=1"
    status, told = stack.request("PATCH", "categories", path, body)
    hot = sum(json.loads(line)["tdp"] > 65 for line in cpus.read_text().splitlines())
    assert (status, told["products"], told["misfits"]) == (200, rows, hot)
    example = stack.get("products", told["attributes"]["tdp"]["example"])
    assert example["attributes"]["tdp"] > 65


def test_rules_that_are_there_stay_and_categories_that_are_not_are_named(stack, tmp_path):
    rule = {"color": {"type": "string"}}
    for name, parent in (("Wear", None), ("Hats", "wear")):
        body = {"name": name, "parent": parent, "attributes": {} if parent else rule}
        assert stack.request("POST", "categories", "/categories", body)[0] == 201
    body = {"name": "Beret", "category": "hats", "attributes": {"size": "XL", "color": "red"}}
    beret = stack.request("POST", "products", "/products", body)[1]
    file = tmp_path / "hats.jsonl"
    lines = [
        {"name": f"Hat {number}", "category": category, "color": "red", "size": number, "mix": mix}
        for number, (category, mix) in enumerate([("hats", 1), ("Wear/Hats", "x"), ("Gloves", 1)])
    ]
    lines.append({"name": "Nowhere", "size": 1})
    file.write_text("\n".join(map(json.dumps, lines)))
    args = ("import", "products", str(file), "--infer-attributes")
    assert (
        "hats: 1 of 1 stored products would not fit; "
        f"/products/{beret['id']}, size: Must be of type integer."
    ) in " ".join(stack.run(*args).stdout.split())
    done = stack.run(*args, "--yes")
    assert "There is no category 'Gloves'; --create-categories creates it." in done.stdout
    assert "1 attributes have rules already, which stay." in done.stdout
    assert "1 rows have no category, and so no rules." in done.stdout
    assert " 3 created, 0 updated, 0 unchanged, 1 failed" in done.stderr
    hats = stack.get("categories", "/categories/hats")
    assert hats["attributes"] == {"size": {"type": "integer"}, "mix": {}}
    assert hats["all_attributes"] == hats["attributes"] | rule


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("clients", "x.csv", "--infer-attributes"), "--infer-attributes is for products."),
        (("products", "x.csv", "--yes"), "--yes is for --infer-attributes."),
        (("products", "x.csv", "--infer-attributes", "--yes", "--dry-run"), "take one of them"),
    ],
)
def test_options_that_contradict_each_other_are_told(stack, args, told):
    refused = stack.run("import", *args)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert told in refused.stderr
