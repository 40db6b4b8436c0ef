"""One fuzz run that prints its progress as lines of JSON, for programs that show it.

    MONGO_URI=mongodb://127.0.0.1:27017 python -m vitrine.fuzz 30 products=http://127.0.0.1:5000

The last line has the state ``done``, ``stopped`` or ``failed``.
"""

import json
import signal
import sys
import threading
from typing import Any

from shared.config.settings import Settings, SettingsError
from shared.config.startup import end_with_parent
from vitrine.errors import StackError
from vitrine.fuzz.fuzz import PROCESSES, SERVICES, THREADS, FuzzReport, FuzzRun
from vitrine.fuzz.progress import Progress
from vitrine.local.signals import Stopped, stop_on_signals

PRINT_SECONDS = 0.5  # seconds between two lines
MAX_PROBLEMS = 20  # that the last line names
MAX_TEXT = 2000  # characters of each


def main() -> None:
    """Run for the seconds of the first argument, at the services that the others name."""
    end_with_parent(signal.SIGTERM)
    stop_on_signals()
    progress = Progress(PROCESSES * THREADS)
    ended = threading.Event()
    printing = threading.Thread(target=_print_progress, args=(progress, ended), daemon=True)
    printing.start()
    last: dict[str, Any]
    try:
        seconds = int(sys.argv[1])
        pairs = (argument.partition("=")[::2] for argument in sys.argv[2:])
        urls = {name: [url] for name, url in pairs if name in SERVICES}
        run = FuzzRun(urls, Settings.from_env().mongo_uri, seconds, progress=progress)
        last = _outcome(run.run())
    except Stopped:
        last = {"state": "stopped"}
    except (StackError, SettingsError) as error:
        last = {"state": "failed", "problems": [str(error)]}
    except Exception as error:
        last = {"state": "failed", "problems": [f"{type(error).__name__}: {error}"]}
    ended.set()
    printing.join()
    _print(progress.counts() | last)


def _outcome(report: FuzzReport) -> dict[str, Any]:
    return {
        "state": "done",
        "reads": report.reads,
        "hits": report.read_results.hits,
        "writes": report.writes - report.hand_writes,
        "hand_writes": report.hand_writes,
        "stale": len(report.read_results.violations),
        "failed": len(report.read_results.failed) + len(report.failed_writes),
        "problems": [text[:MAX_TEXT] for text in report.wrong[:MAX_PROBLEMS]],
    }


def _print_progress(progress: Progress, ended: threading.Event) -> None:
    while not ended.wait(PRINT_SECONDS):
        _print(progress.counts())


def _print(counts: dict[str, Any]) -> None:
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
