"""Fenced blocks of the documents, with the kind of test that each of them asks for.

CONTRIBUTING.md lists the words that may follow the three backticks.
"""

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.support.services import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Documents whose commands need containers, clusters or clouds, which the tests do not have.
ELSEWHERE = {"docs/containers.md", "docs/lambda.md", "docs/scaling.md"}
NOT_RUN = "not-run:"
# The reason of blocks that tests/integration/serving/test_gateway.py runs.
GATEWAY = "needs the gateway of the containers"


@dataclass(frozen=True)
class Fence:
    """Block of a document: its place, its language, the rest of its first line, and its text."""

    place: str
    language: str
    note: str
    text: str

    @property
    def is_run(self):
        """Return True if the test runs its commands or sends its requests."""
        elsewhere = self.place.partition(":")[0] in ELSEWHERE
        runs = self.language in ("bash", "powershell")
        return runs and not elsewhere and not self.note.startswith(NOT_RUN)


def fences(path):
    """Return the blocks of a document, in order."""
    tokens = MarkdownIt().parse(path.read_text())
    found = []
    for token in tokens:
        if token.type == "fence":
            language, _, note = token.info.strip().partition(" ")
            place = f"{path.relative_to(ROOT)}:{token.map[0] + 1}"
            found.append(Fence(place, language, note.strip(), token.content))
    return found


def name(path):
    """Return the name of a document in the names of tests."""
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else path
