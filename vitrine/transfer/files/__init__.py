"""Reading of files, step one of an import: from bytes to rows of named cells.

* ``kinds``          the format of a file, found by its content
* ``encodings``      the character encoding of a file, declared, detected or checked
* ``dialects``       the separator of a CSV file and the form of its quotes
* ``header_rows``    the row of a table with the names of its columns
* ``csv_rows``       rows of CSV
* ``guarded_cells``  cells with an apostrophe before them, and cells of attributes
* ``workbooks``      sheets of XLSX, copied to CSV
* ``json_rows``      rows of JSON and JSON lines
* ``xml_rows``       rows of XML: feeds and exports
* ``linked_data``    products of schema.org in a page or a JSON file
* ``addresses``      files at an address of the web
* ``pages``          the next page of a list at such an address
* ``copies``         copies that can be read again, unpacked if they are compressed

Each module says what it found out in words that the import prints.  Nothing here knows services;
names of columns only tell a header from a title.  ``vitrine.transfer.sources`` puts the parts
together.
"""
