"""Meaning of columns, step two of an import: from named cells to fields and attributes.

* ``header_words``     the words of six languages, read from ``header_words.toml``
* ``field_names``      the names of columns that mean a field
* ``private_names``    the names of columns that shoppers must not see
* ``kinds_of_tables``  tables of orders, clients or products, imported as something else
* ``words``            texts that mean available, published, or the contrary
* ``totals``           rows of totals, which are refused
* ``amounts``          prices and counts as texts, with their currency and decimal mark
* ``units``            kilograms and currencies in the names of columns
* ``cells``            cells as values of fields, by the type of the field
* ``compared_prices``  the price to compare with, above the price
* ``expressions``      JMESPath of ``--map``, and the columns that it names
* ``facts``            what all cells of a column have in common
* ``plan``             the decision: what each column becomes
* ``summary``          the decision in words, printed before anything is written

The whole file is read before a decision, so that a column has one meaning and one type.
"""
