"""Files of other programs: ``vitrine export products FILE --format shopify``.

* ``item_store``   items on disk, variants of one thing together
* ``references``   what an item names: its category by the names of the path, its photos by URL
* ``cells``        values as the texts of a format
* ``shop_rows``    rows of a shop's file, by the same format that ``vitrine import shop`` reads
* ``workbook``     the rows of a spreadsheet (XLSX)
* ``products``     products as one of these files

The formats are the TOML files of ``vitrine/transfer/formats``.  Those with a table ``export`` are
written, too.  Columns are named once there: an export writes the first spelling of each.
"""
