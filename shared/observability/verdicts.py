"""Sentences for the ``detail`` of a ``Cache-Status``: why the cache did not answer."""

_SENTENCES = {
    "generation": "a write invalidated the entry",
    "root": "the follower was started again, or had lost a connection",
    "lease": "no follower has confirmed within five seconds that it sees all writes",
    "redis": "Redis does not answer, or refuses to store",
    "release": "another version of the code stored the entry",
    "undecodable": "the key held something else than an entry",
}


def explain(detail: str) -> str:
    """Return the sentence for a detail; the detail itself if it has none."""
    return _SENTENCES.get(detail, detail)
