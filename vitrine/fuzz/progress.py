"""Progress of a fuzz run: counts that readers, writers and onlookers share while it goes on."""

from collections.abc import Sequence
from typing import Any, Protocol

from vitrine.fuzz.readers import COUNTS, shared_versions


class _Writes(Protocol):
    writes: int
    hand_writes: int
    failed: list[str]


class Progress:
    """Counts of one run, at any time of it.

    Attributes:
        state: ``preparing``, ``running`` or ``comparing``.
        reads: The counts of each reader thread, in shared memory.
    """

    def __init__(self, readers: int):
        self.state = "preparing"
        self.reads = shared_versions(readers * COUNTS)
        self._writers: Sequence[_Writes] = ()

    def follow(self, writers: Sequence[_Writes]) -> None:
        """Count these writers from now on."""
        self._writers = writers

    def counts(self) -> dict[str, Any]:
        """Return the counts of this moment."""
        reads, hits, stale, failed = (sum(self.reads[place::COUNTS]) for place in range(COUNTS))
        writes = sum(writer.writes for writer in self._writers)
        by_hand = sum(writer.hand_writes for writer in self._writers)
        return {
            "state": self.state,
            "reads": reads,
            "hits": hits,
            "writes": writes - by_hand,
            "hand_writes": by_hand,
            "stale": stale,
            "failed": failed + sum(len(writer.failed) for writer in self._writers),
        }
