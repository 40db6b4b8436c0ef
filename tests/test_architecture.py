"""The import rules, as tests: what may know of what."""

import ast
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.support.services import ROOT, SERVICES

# A package of the kit imports only from those before it.
PACKAGES = [
    "config",
    "observability",
    "http",
    "schema",
    "cache",
    "storage",
    "resource",
    "workers",
    "endpoints",
    "chain",
    "server",
]
MAX_MODULES = 18
# Modules of rules: pure functions on plain values.
RULES = {
    "api_categories/tree",
    "api_orders/line_kinds",
    "api_orders/pricing",
    "api_orders/states",
    "api_products/images/limits",
    "api_products/images/model",
    "api_products/images/addresses",
    "api_products/images/png",
    "api_products/images/sources",
    "api_products/images/thumbnails",
    "api_products/notifications",
    "api_products/stock/rules",
}
# What the command line, a client, may know of the kit.
CLIENT = {"config", "http", "observability"}
FOLDERS = [
    path.parent for base in (ROOT, ROOT / "examples") for path in sorted(base.glob("api_*/app.py"))
]


@cache
def imports(path):
    """Return every module a file imports at run time; type-checking blocks are for readers."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.append(node.module or "")
            found += (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            found += (name.name for name in node.names)
    return found


KIT = {
    path.relative_to(ROOT / "shared").with_suffix("").as_posix(): path
    for path in sorted((ROOT / "shared").rglob("*.py"))
}


@pytest.mark.parametrize("name", KIT)
def test_the_kit_imports_downwards_only(name):
    own = name.partition("/")[0]
    for module in imports(KIT[name]):
        top, _, rest = module.partition(".")
        assert not top.startswith("api_"), f"the kit knows {module}"
        assert top != "vitrine", f"the kit knows {module}"
        if top == "shared" and own in PACKAGES:
            package = rest.partition(".")[0]
            assert PACKAGES.index(package) <= PACKAGES.index(own), f"{name} imports {module}"


def test_the_kit_has_these_packages():
    folders = {path.name for path in (ROOT / "shared").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(PACKAGES)


@pytest.mark.parametrize("folder", ["shared", "vitrine", "bench", "examples", *SERVICES])
def test_no_folder_has_too_many_modules(folder):
    for inner in (ROOT / folder, *(ROOT / folder).rglob("*/")):
        assert len(list(inner.glob("*.py"))) <= MAX_MODULES, inner


def test_no_folder_of_the_console_has_too_many_modules():
    pages = ROOT / "vitrine/console/static/js"
    for inner in (pages, *pages.rglob("*/")):
        assert len(list(inner.glob("*.js"))) <= MAX_MODULES, inner


def test_no_imports_run_in_a_circle():
    """Modules can be sorted so that each imports only from those before it."""
    modules = {}
    for folder in ("shared", "vitrine", *(folder.name for folder in FOLDERS)):
        base = ROOT if (ROOT / folder).is_dir() else ROOT / "examples"
        for path in (base / folder).rglob("*.py"):
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            modules[name.removesuffix(".__init__")] = path
    graph = {name: set(imports(path)) & set(modules) for name, path in modules.items()}
    assert tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_service_knows_itself_and_the_kit_only(folder):
    for path in folder.rglob("*.py"):
        for module in imports(path):
            package, _, rest = module.partition(".")
            assert package != "vitrine", f"{path} imports {module}"
            if package.startswith("api_"):
                assert package == folder.name, f"{path} imports {module}"
                above = {"resource": 0, "views": 1, "app": 2}
                if path.parent == folder and path.stem in above and rest in above:
                    assert above[rest] < above[path.stem], f"{path} imports {module}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_routes_and_schemas_leave_queries_to_the_repository(folder):
    collections = {"collection", "writable", "trash", "ledger", "history", "idempotency_keys", "db"}
    for path in (*folder.rglob("views.py"), *folder.rglob("resource.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            used = node.attr if isinstance(node, ast.Attribute) else ""
            assert used not in collections, f"{path} uses .{used}"


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_modules_are_pure(name):
    outside = {"flask", "pymongo", "redis", "shared"}
    assert not {module.partition(".")[0] for module in imports(ROOT / f"{name}.py")} & outside


@pytest.mark.parametrize(
    "path", sorted((ROOT / "vitrine").rglob("*.py")), ids=lambda path: path.stem
)
def test_the_command_line_is_a_client(path):
    for module in imports(path):
        package, _, rest = module.partition(".")
        assert not package.startswith("api_")
        if rest.startswith(("schema.text", "schema.slugs", "schema.currency")):
            continue  # Names, slugs and amounts are read in files as in services.
        assert package != "shared" or rest.partition(".")[0] in CLIENT, f"{path.stem}: {module}"


def test_every_service_folder_has_the_same_files():
    assert len(SERVICES) == len(FOLDERS) >= 4
    for folder in FOLDERS:
        assert {"__init__.py", "app.py", "resource.py", "views.py"} <= {
            path.name for path in folder.iterdir()
        }


@pytest.mark.parametrize("folder", ["shared", "vitrine", "examples", *SERVICES])
def test_no_module_is_named_after_nothing(folder):
    homeless = {"utils", "util", "common", "base", "helpers", "helper", "misc", "manager"}
    assert not {path.stem for path in (ROOT / folder).rglob("*.py")} & homeless


def test_the_games_example_stays_small():
    folder = ROOT / "examples" / "api_games"
    lines = [
        line
        for path in folder.glob("*.py")
        for line in path.read_text().splitlines()
        if line.strip() and not line.strip().startswith('"""')
    ]
    assert len(lines) <= 70
