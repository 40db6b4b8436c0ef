"""The word list of ``make lint`` finds its phrases in prose, and only there."""

import subprocess

import pytest

from scripts import plain_words
from scripts.plain_words import check_document, check_python, check_tree


def phrases(findings):
    return [(finding.line, finding.phrase) for finding in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Whoever asks,\nis told.", [(1, "whoever"), (2, "told")]),
        ("There is\nno cache.", [(1, "is no")]),
        ("It is not there; islands are nowhere; it is noisy.", []),
        ("Code: `is no `, ``nobody`` and `lest`.", []),
        ("```bash not-run: why\nnobody\n```\nheeds it", [(4, "heeds")]),
        ("  ```text answer\n  whatever\n  ```\n", []),
        ("the `a` for want\nof `b`", [(1, "for want of")]),
    ],
)
def test_documents_are_read_without_their_code(text, expected):
    assert sorted(phrases(check_document("a.md", text))) == expected


def test_docstrings_and_comments_of_python_are_read_and_strings_are_not():
    source = '''"""Whether it works."""

# There are
# no exceptions.
names = {"nobody": "told"}  # for somebody


class Entry:
    """Entry of the cache.

    Such details, be it long ones, are told below.
    """

    def read(self):
        """Who reads."""
'''
    assert sorted(phrases(check_python("a.py", source))) == [
        (1, "whether"),
        (3, "are no"),
        (5, "somebody"),
        (11, "be it"),
        (11, "told"),
        (15, "who"),
    ]


def test_comments_that_stand_apart_are_not_one_text():
    assert not list(check_python("a.py", "a = 1  # what it is\n\nb = 2  # no more\n"))


def test_files_that_git_tracks_are_checked_and_allowed_phrases_are_skipped(tmp_path, monkeypatch):
    for name in ("a.md", "b.py", "c.txt", "untracked.md"):
        (tmp_path / name).write_text("# nobody\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "a.md", "b.py", "c.txt"], cwd=tmp_path, check=True)
    monkeypatch.setattr(plain_words, "ALLOWED", {("b.py", "nobody"): "x", ("b.py", "lest"): "y"})
    assert [str(finding).partition(": '")[0] for finding in check_tree(tmp_path)] == [
        "a.md:1",
        "b.py:0",
    ]


def test_the_command_fails_unless_it_only_reports(monkeypatch, capsys):
    finding = plain_words.Finding("a.md", 3, "told", "write 'reported'")
    monkeypatch.setattr(plain_words, "check_tree", lambda root: iter([finding]))
    assert plain_words.main([]) == 1
    assert "a.md:3: 'told': write 'reported'" in capsys.readouterr().out
    assert plain_words.main(["--report"]) == 0
