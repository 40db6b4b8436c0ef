"""Runs the bash blocks of one document, in order, in one shell, as a reader would."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass

MARK = "\x1e"
# This curl writes the status to stderr, and ends each response with a newline.
CURL = r"""#!/bin/sh
exec %s --silent --show-error -w '\n%%{stderr}%sHTTP %%{response_code}\n' "$@"
"""


@dataclass(frozen=True)
class Ran:
    """Output of the commands of a block, and their errors."""

    output: str
    troubles: list[str]
    errors: str


def run(blocks, folder, env):
    """Run blocks in a folder; return the result of each."""
    script = "set -uo pipefail\ntrap 'echo \"" + MARK + "exit $?\" >&2' ERR\n"
    for text in blocks:
        script += f"printf '{MARK}{MARK}\\n' | tee /dev/stderr\n{text}\n"
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
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
    """Return the statuses of error responses and failed commands, in order."""
    found = re.finditer(f"{MARK}(?:HTTP ([45]\\d\\d)|exit (\\d+))\n", errors)
    return [each[1] or each[2] for each in found]


def announced(text):
    """Return the troubles that a block announces in comments: ``# 412`` or ``# exit 1``."""
    return [found[1] or found[2] for found in re.finditer(r"# (?:([45]\d\d)\b|exit (\d+))", text)]


def agrees(shown, output):
    """Return True if an output ends with the text of a document, where ``…`` is any text.

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
    """Return True if a response has all values in the JSON of a document; ``…`` is any value."""
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
    """Return the last JSON value in an output."""
    return json.loads(output.rstrip().splitlines()[-1])


def _moment(text):
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "a moment", text)


def write_curl(folder):
    """Write a curl into a folder that reports the status of each response."""
    curl = folder / "curl"
    curl.write_text(CURL % (shutil.which("curl"), MARK))
    curl.chmod(0o755)
