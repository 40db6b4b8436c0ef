"""Names of columns that are private: what goods cost, where they come from, and personal data.

Attributes are public, so such a column is left out unless ``--map`` or ``--attributes`` names it.
"""

from vitrine.transfer.columns.header_words import (
    private_words,
    singular,
    without_small,
    words_of,
)


def is_private(column: str) -> bool:
    """Return True if the name of a column says that its cells are private."""
    known = private_words()
    words = without_small(words_of(column), known.small)
    if "".join(words).startswith(known.public):
        return False
    if any(word in known.words or word.endswith(known.endings) for word in words):
        return True
    if any(word.startswith((*known.beginnings, *known.joined)) for word in words):
        return True
    singulars = tuple(map(singular, words))
    return any(
        singulars[start : start + length] in known.pairs
        for length in (2, 3)
        for start in range(len(words) - length + 1)
    )
