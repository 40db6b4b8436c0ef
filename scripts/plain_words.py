"""Word list for plain English in docstrings, comments and documents.

Run by ``make lint``: ``python scripts/plain_words.py`` lists each phrase of ``PHRASES`` with file
and line, and exits with 1 if there is one. ``--report`` lists them and exits with 0. Code blocks
and text in backticks are skipped. ``ALLOWED`` holds the exceptions, each with its reason.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Phrase as a regular expression, and the advice that is printed beside it.
PHRASES = {
    r"whoever": "name the subject: the client, the caller, gunicorn",
    r"whatever": "name the subject, or write 'any'",
    r"nobody|somebody|everybody": "name the subject: no client, another client, each reader",
    r"lest": "write 'so that … not'",
    r"heed(?:s|ed|ing)?": "write 'honour' or 'use'",
    r"(?:is|are)\s+no(?=\s)": "say what it is",
    r"be\s+it": "write 'whether … or'",
    r"told": "write 'reported', 'asked' or 'named'",
    r"for\s+want\s+of": "write 'without' or 'because … is missing'",
    r"none\s+of\s+ours": "say whose it is",
}
# A docstring is a command or names its subject: "Return True if ...", "Lock for one refresh."
FIRST_WORDS = r"\A\s*(?:What|Whether|Who|Those|Such)\b"
FIRST_WORDS_ADVICE = "begin with a command or the field's term"
# (file, phrase in lower case): the reason why it stays.
ALLOWED: dict[tuple[str, str], str] = {}
DOCUMENTS = (".md", ".env.example")


@dataclass(frozen=True)
class Finding:
    """A phrase of the word list, its file and line, and the advice for it."""

    file: str
    line: int
    phrase: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: '{self.phrase}': {self.advice}"


def check_text(file: str, text: str, first_line: int = 1) -> Iterator[Finding]:
    """Yield the phrases of the word list in a text, without those in backticks."""
    prose = re.sub(r"(`+)[^`]+\1", lambda code: re.sub(r"[^\n]", "·", code[0]), text)
    for pattern, advice in PHRASES.items():
        for match in re.finditer(rf"\b(?:{pattern})\b", prose, re.IGNORECASE):
            line = first_line + prose.count("\n", 0, match.start())
            yield Finding(file, line, " ".join(match[0].lower().split()), advice)


def check_document(file: str, text: str) -> Iterator[Finding]:
    """Yield the phrases in a Markdown or .env file, without those in its code blocks."""
    blank_blocks = re.sub(
        r"^ *```.*?^ *```", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S
    )
    yield from check_text(file, blank_blocks)


def check_python(file: str, source: str) -> Iterator[Finding]:
    """Yield the phrases in the docstrings and comments of a module."""
    for docstring, line in _docstrings(ast.parse(source)):
        yield from check_text(file, docstring, line)
        if match := re.match(FIRST_WORDS, docstring):
            yield Finding(file, line, match[0].strip().lower(), FIRST_WORDS_ADVICE)
    for comment, line in _comments(source):
        yield from check_text(file, comment, line)


def _docstrings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented):
            docstring = ast.get_docstring(node, clean=False)
            if docstring is not None:
                yield docstring, node.body[0].lineno


def _comments(source: str) -> Iterator[tuple[str, int]]:
    """Yield each block of comment lines as one text, because phrases may span two lines."""
    block: list[str] = []
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != start + len(block):
            yield "\n".join(block), start
            block = []
        if not block:
            start = token.start[0]
        block.append(token.string.lstrip("# "))
    if block:
        yield "\n".join(block), start


def check_tree(root: Path) -> Iterator[Finding]:
    """Yield the phrases in all files that git tracks, without the allowed ones."""
    listing = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    )
    used = set()
    for file in listing.stdout.splitlines():
        if not (root / file).is_file() or not file.endswith((".py", *DOCUMENTS)):
            continue
        text = (root / file).read_text(encoding="utf-8")
        check = check_python if file.endswith(".py") else check_document
        for finding in sorted(check(file, text), key=lambda each: each.line):
            if (file, finding.phrase) in ALLOWED:
                used.add((file, finding.phrase))
            else:
                yield finding
    for file, phrase in sorted(ALLOWED.keys() - used):
        yield Finding(file, 0, phrase, "allowed but not there: remove it from ALLOWED")


def main(arguments: list[str]) -> int:
    """Print the findings and return the exit status."""
    findings = list(check_tree(ROOT))
    for finding in findings:
        print(finding)
    print(f"plain words: {len(findings)} to reword")
    return 1 if findings and "--report" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
