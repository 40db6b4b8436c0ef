"""Function words: words such as "for" and "with", which say nothing about a product.

A question has them and a name may lack them.  Left out are those that are also the name of a brand,
a unit or a thing in another language: on, in, is, or, van.
"""

from collections.abc import Sequence

from shared.schema.search_query import Word

# As they are searched, in lower case: English, German, French, Spanish, Italian, Dutch.
_LISTS = """
    an and are by for from of the to what which with
    das dem der des ein eine einen einer mit und vom von zum zur
    au aux avec de du et la le les pour un une
    con del el las los para por una
    della di gli il nel per
    een het met voor
"""
FUNCTION_WORDS = frozenset(_LISTS.split())


def telling(words: Sequence[Word]) -> Sequence[Word]:
    """Return the words that say something about a product; all, if none does."""
    return [word for word in words if word.text not in FUNCTION_WORDS] or words
