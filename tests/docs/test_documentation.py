"""Every block of every document is run or parsed, or gives the reason why not; so are scripts.

All tests are in one file, so that one run of them starts one stack.
"""

import ast
import json
import os
import re
import subprocess

import pytest
import urllib3
import yaml

from tests.docs import shell
from tests.docs.fences import DOCUMENTS, ELSEWHERE, NOT_RUN, fences, name
from tests.docs.grammar import Unknown, parse
from tests.docs.powershell import PowerShell
from tests.support.services import ROOT, path_of

BLOCKS = [fence for path in DOCUMENTS for fence in fences(path)]
WALK = ROOT / "scripts" / "walkthrough.sh"
POWERSHELL = ROOT / "scripts" / "walkthrough.ps1"
FIRST = ("README.md", "docs/getting-started.md", "docs/cache.md")  # that most readers follow
RUN = [path for path in DOCUMENTS if any(fence.is_run for fence in fences(path))]


def parse_json(text):
    """Parse JSON in which ``…`` may stand for omitted values."""
    text = text if text.lstrip().startswith(("{", "[")) else "{" + text + "}"
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        # Several documents, one a line, as in a log.
        return [json.loads(line) for line in text.splitlines()]


def parse_bash(text):
    ended = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


PARSERS = {
    "bash": parse_bash,
    "powershell": parse,
    "json": parse_json,
    "python": ast.parse,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "text": str,
}


@pytest.mark.parametrize("fence", BLOCKS, ids=lambda fence: fence.place)
def test_every_block_is_of_a_known_kind_and_parses(fence):
    known = {"bash": f"({NOT_RUN} .{{5,}})?", "powershell": f"({NOT_RUN} .{{5,}})?"}
    known |= {"json": "(answer)?", "text": "answer|drawing", "python": "(file: .+)?", "yaml": ""}
    if fence.place.partition(":")[0] in ELSEWHERE:
        assert fence.language, "say what it is"
        PARSERS.get(fence.language, str)(fence.text)
        return
    assert fence.language in known, "CONTRIBUTING.md names the kinds"
    assert re.fullmatch(known[fence.language], fence.note), "CONTRIBUTING.md tells what may follow"
    PARSERS[fence.language](fence.text)


@pytest.mark.real
@pytest.mark.parametrize(
    "path",
    [path if name(path) in FIRST else pytest.param(path, marks=pytest.mark.long) for path in RUN],
    ids=name,
)
def test_its_commands_do_what_it_says(path, project, stack, fresh, here):
    document = name(path)
    blocks = [fence for fence in fences(path) if fence.is_run]
    commands = [fence for fence in blocks if fence.language == "bash"]
    if commands:
        fresh()
        texts = [here(fence.text, document) for fence in commands]
        ran = shell.run(texts, project, stack.env)
        wrong = [
            f"{fence.place}: {each.troubles}, not {shell.announced(fence.text)}\n"
            f"{each.output[-1500:]}\n{each.errors[-1500:]}"
            for fence, each in zip(commands, ran, strict=True)
            if each.troubles != shell.announced(fence.text)
        ]
        assert not wrong, "\n".join(wrong)
        check_answers(path, dict(zip(commands, ran, strict=True)), here)
    scripts = [fence for fence in blocks if fence.language == "powershell"]
    if scripts:
        fresh()
        replay(scripts, here)


def check_answers(path, ran, here):
    """Check that every answer in a document is the output of the commands before it."""
    before = None
    for fence in fences(path):
        if fence in ran:
            before = ran[fence]
        elif fence.note == "answer":
            assert before, f"{fence.place}: no command comes before this answer"
            shown = here(fence.text, name(path))
            if fence.language == "json":
                agrees = shell.contains(parse_json(shown), shell.last_json(before.output))
            else:
                agrees = shell.agrees(shown, before.output)
            assert agrees, f"{fence.place}: it was\n{before.output[-3000:]}"


def replay(scripts, here):
    """Send the requests of PowerShell blocks, and check that all succeed."""
    with urllib3.PoolManager(retries=False, timeout=90) as http:

        def send(method, url, headers, body):
            answer = http.request(method, here(url), headers=headers, body=body)
            assert answer.status < 400, f"{method} {url}: {answer.data.decode()}"
            return answer

        session = PowerShell(send)
        for fence in scripts:
            session.run(fence.text)
        assert session.statuses


def test_what_is_linked_to_is_there():
    for path in DOCUMENTS:
        for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", prose(path)):
            if not target.startswith("http"):
                found = path.parent / target if target else path
                assert found.exists(), f"{name(path)} links to {target}"
                assert not heading or heading in headings(found), f"{name(path)}: #{heading}"


def prose(path):
    """Return a document without its blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(path):
    """Return the anchors of the headings of a document."""
    found = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


def test_every_document_is_linked_to_from_the_readme():
    readme = DOCUMENTS[[name(path) for path in DOCUMENTS].index("README.md")].read_text()
    for path in DOCUMENTS:
        if os.sep in name(path):
            assert f"({name(path)})" in readme, name(path)


def test_paths_that_the_documents_name_are_there():
    tops = "shared|tests|bench|scripts|api_\\w+|vitrine|deploy|examples"
    written = {fence.note.removeprefix("file:").strip() for fence in BLOCKS}
    for path in DOCUMENTS:
        if name(path) == "docs/compatibility.md":  # It also names the files of earlier systems.
            continue
        for named in re.findall(rf"`((?:{tops})/[\w./-]*)`", prose(path)):
            assert (ROOT / named).exists() or named in written, f"{name(path)} names {named}"


def walk(stack, **env):
    ended = subprocess.run(
        [WALK],
        env=stack.env | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.real
def test_in_bash_and_in_powershell_it_shows_what_it_says(stack, fresh, here):
    fresh()
    said = walk(stack, TOKEN=stack.run("token", "--scope", "admin").stdout.strip())
    parts = re.split(r"^== .*\n", said, flags=re.MULTILINE)[1:-1]
    ping, made, changed, lists, item, cached, priced, client, gone = parts
    assert ping.count('"redis":"ok"') == 2
    assert '"name":"FIFA 25"' in made
    assert '"name":"FIFA 25"' in changed
    assert '"price":65,' in changed
    assert lists.count('"price":65}') == 3
    for part, key in (
        (item, "product:1"),
        (cached, "products:list:page=1:per=5:attr.platform=PS5"),
        (client, "clients:list:page=1:per=10:city=Brussels"),
    ):
        first, second = re.findall(r"(?i)cache-status: (.*)\n", part)
        assert re.fullmatch(f'vitrine; fwd=.*; stored; key="{key}"', first)
        assert re.fullmatch(f'vitrine; hit; .*; key="{key}"', second)
        assert len(re.findall(r"it took [0-9.]+ s", part)) == 2
    assert priced.count('"price":59.99') == 3
    assert "hit" not in priced
    assert '"name":"Nirina Crépin","birthday":"29/10/2001"' in client
    assert '"phone":"02562358455"' in client
    assert gone
    assert stack.get("products", "/products")["total"] == 0

    sent = re.findall(r"^> (\w+) (\S+)", said, re.MULTILINE)
    assert replayed(here) == [(method, numberless(url)) for method, url in sent]


def replayed(here):
    """Send the requests of the script in PowerShell; return them, with N for the ids."""
    sent = []
    with urllib3.PoolManager(retries=False, timeout=90) as http:

        def send(method, url, headers, body):
            sent.append((method, numberless(url)))
            answer = http.request(method, here(url), headers=headers, body=body)
            assert answer.status < 400, answer.data
            return answer

        session = PowerShell(send)
        session.run(POWERSHELL.read_text())
    statuses = [line for line in session.output if "Cache-Status" not in line and " ms: " in line]
    assert ["hit" in line for line in statuses] == [False, True] * 2 + [False] + [False, True]
    return sent


def numberless(url):
    """Return the path and query of a URL, with N for the id."""
    return re.sub(r"/\d+", "/N", path_of(url))


def test_the_script_in_powershell_parses_and_is_ascii():
    """Windows PowerShell reads a file without a byte-order mark in its own code page."""
    text = POWERSHELL.read_text()
    parse(text)
    assert text.isascii()


def test_wrong_powershell_is_found_out():
    with pytest.raises(Unknown, match="line 2"):
        parse('irm "http://localhost:5000/products"\n$body = @{ name = "Teapot" | ConvertTo-Json\n')
