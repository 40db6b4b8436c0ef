"""The import rules, as tests: what may know of what."""

import ast

import pytest

from tests.scaffold import ROOT, SERVICES

# A module of the kit imports only from groups before its own.
LAYERS = [
    {
        "attempts",
        "attributes",
        "blocks",
        "contract",
        "counting",
        "exchange",
        "lines",
        "metrics",
        "misfits",
        "parsing",
        "parts",
        "probe",
        "words",
    },
    {"pipeline", "settings"},
    {"cluster"},
    {"sentry"},
    {"errors"},
    {"body", "cors", "fields", "process", "tokens"},
    {"auth", "cursor", "filters"},
    {"files"},
    {"query", "validators", "writer"},
    {"keys", "shapes"},
    {"entries"},
    {"near"},
    {"lookups"},
    {"cache", "documents", "peers", "pool", "sweep", "tally"},
    {"backends", "changes", "dumping", "indexes", "loading", "preconditions", "responses"},
    {"allocation", "history", "ledger", "release"},
    {"limits", "mongo"},
    {"facets", "search"},
    {"bulk", "follower", "idempotency", "lease", "listing", "pages", "queue", "trash"},
    {"batch", "steps", "worker"},
    {"logs", "resource"},
    {
        "changelog",
        "checkup",
        "components",
        "connection",
        "front",
        "health",
        "inspection",
        "parameters",
    },
    {"feed", "openapi", "revisions", "scrape", "server"},
    {"docs"},
    {"app", "gunicorn", "rsgi"},
    {"granian"},
    {"serve"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
VIEWS_ORDER = [
    "resource",
    *(
        "moves",
        "rehearsal",
        "shelving",
        "gallery",
        "movements",
        "reservations",
        "placement",
        "history",
    ),
    *(
        "bodies",
        "jobs",
        "audit",
        "counts",
        "fitting",
        "stockroom",
        "uploads",
        "stats",
        "views",
        "app",
    ),
]
FOLDERS = [
    path.parent for base in (ROOT, ROOT / "examples") for path in sorted(base.glob("api_*/app.py"))
]


def imports(path):
    """Every module a file imports at run time; type-checking blocks are for readers."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "shared":
                yield from (f"shared.{name.name}" for name in node.names)
            else:
                yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("path", sorted((ROOT / "shared").glob("*.py")), ids=lambda path: path.stem)
def test_the_kit_imports_downwards_only(path):
    for module in imports(path):
        package, _, rest = module.partition(".")
        assert not package.startswith("api_"), f"the kit knows {module}"
        assert package != "vitrine", f"the kit knows {module}"
        if package == "shared" and path.stem != "__init__":
            assert LEVEL[rest] < LEVEL[path.stem], f"{path.stem} imports {module}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_service_knows_itself_and_the_kit_only(folder):
    for path in folder.glob("*.py"):
        for module in imports(path):
            package, _, rest = module.partition(".")
            assert package != "vitrine", f"{path} imports {module}"
            if package.startswith("api_"):
                assert package == folder.name, f"{path} imports {module}"
                if path.stem in VIEWS_ORDER and rest in VIEWS_ORDER:
                    assert VIEWS_ORDER.index(rest) < VIEWS_ORDER.index(path.stem)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_rules_modules_are_pure(folder):
    outside = {"flask", "pymongo", "redis", "shared"}
    for path in folder.glob("*.py"):
        if path.stem not in {*VIEWS_ORDER, "__init__"}:
            assert not {module.partition(".")[0] for module in imports(path)} & outside, path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "vitrine").glob("*.py")), ids=lambda path: path.stem
)
def test_the_command_line_is_a_client(path):
    for module in imports(path):
        package, _, rest = module.partition(".")
        assert not package.startswith("api_")
        known = ("auth", "errors", "lines", "process", "settings", "tokens")
        assert package != "shared" or rest in known, f"{path.stem}: {module}"


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
    assert len(lines) < 60
