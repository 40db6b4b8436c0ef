"""The fenced blocks of the documents, and what each of them asks of the tests.

CONTRIBUTING.md says what may stand behind the three backticks.
"""

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.support.services import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# What their commands need is nowhere that tests run: containers, clusters, other people's clouds.
ELSEWHERE = {"docs/containers.md", "docs/lambda.md", "docs/scaling.md"}
NOT_RUN = "not-run:"


@dataclass(frozen=True)
class Fence:
    """A block: where it is, its language, what else its first line says, and its text."""

    place: str
    language: str
    note: str
    text: str

    @property
    def is_run(self):
        """Whether the commands in it are to be run, or its requests to be sent."""
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
    """Return what a document is called in the names of tests."""
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else path
