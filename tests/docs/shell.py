"""Runs the bash blocks of one document, in order, in one shell, as a reader would."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass

MARK = "\x1e"
# curl says on stderr what it was answered, and ends its answers with a line's end.
CURL = r"""#!/bin/sh
exec %s --silent --show-error -w '\n%%{stderr}%sHTTP %%{response_code}\n' "$@"
"""


@dataclass(frozen=True)
class Ran:
    """What the commands of a block have printed, and the troubles they met."""

    output: str
    troubles: list[str]
    errors: str


def run(blocks, folder, env):
    """Run blocks in a folder; return what came of each."""
    script = "set -uo pipefail\ntrap 'echo \"" + MARK + "exit $?\" >&2' ERR\n"
    for text in blocks:
        script += f"printf '{MARK}{MARK}\\n' | tee /dev/stderr\n{text}\n"
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outputs = ended.stdout.split(f"{MARK}{MARK}\n")[1:]
    errors = ended.stderr.split(f"{MARK}{MARK}\n")[1:]
    assert len(outputs) == len(errors) == len(blocks), ended.stderr[-2000:]
    return [
        Ran(output, troubles(error), re.sub(f"{MARK}.*\n", "", error))
        for output, error in zip(outputs, errors, strict=True)
    ]


def troubles(errors):
    """Return the statuses of answers that are errors, and of commands that failed, in order."""
    found = re.finditer(f"{MARK}(?:HTTP ([45]\\d\\d)|exit (\\d+))\n", errors)
    return [each[1] or each[2] for each in found]


def announced(text):
    """Return the troubles that a block announces in comments: ``# 412`` or ``# exit 1``."""
    return [found[1] or found[2] for found in re.finditer(r"# (?:([45]\d\d)\b|exit (\d+))", text)]


def agrees(shown, output):
    """Whether an output ends with what a document shows, where ``…`` is anything.

    A line of ``…`` alone is any number of lines.
    """
    lines = (
        r"(?:.*\n)*" if line == "…" else _pattern(line) + r" *\n"
        for line in shown.rstrip().splitlines()
    )
    return bool(re.search("^" + "".join(lines) + r"\Z", output.rstrip() + "\n", re.MULTILINE))


def _pattern(text):
    return ".*".join(map(re.escape, text.split("…")))


def contains(shown, found):
    """Whether an answer has all that the JSON of a document shows, with ``…`` for anything."""
    if shown == "…":
        return True
    if isinstance(shown, dict) and isinstance(found, dict):
        named = {key: each for key, each in shown.items() if key != "…"}
        return named.keys() <= found.keys() and all(
            contains(named[key], found[key]) for key in named
        )
    if isinstance(shown, list) and isinstance(found, list):
        some = [each for each in shown if each != "…"]  # Which stands for the rest of it.
        as_many = len(some) == len(found) or (some != shown and len(some) < len(found))
        return as_many and all(contains(*pair) for pair in zip(some, found, strict=False))
    if isinstance(shown, str) and isinstance(found, str):
        return bool(re.fullmatch(_pattern(_moment(shown)), _moment(found)))
    return bool(shown == found)


def last_json(output):
    """Return the JSON that was printed last."""
    return json.loads(output.rstrip().splitlines()[-1])


def _moment(text):
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "a moment", text)


def write_curl(folder):
    """Put a curl into a folder that says what it was answered."""
    curl = folder / "curl"
    curl.write_text(CURL % (shutil.which("curl"), MARK))
    curl.chmod(0o755)
