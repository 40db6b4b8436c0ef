"""Search by words: finds documents, ranks them, and knows the words of a catalog.

* ``matching``: the documents that have all words of a search, then those that have most of them
* ``wording``: what a text means in a catalog: other forms of its words, corrections, synonyms
* ``ranking``: how well a document matches
* ``function_words``: words that say nothing about a product
* ``postings``: the ids of the documents that have a word
* ``vocabulary``: the words of a catalog, which the follower keeps
* ``word_forms``: words of one stem, and words that differ by a typing error
* ``place_names``: the names of categories, as another service has them
* ``synonyms``: words that stand for each other

It imports from the modules beside it and from ``schema``.
"""
