"""Exports of shops: ``vitrine import shop FILE``.

* ``format_files``    the knowledge of one kind of file, read from a TOML file and checked
* ``toml_values``     its values, checked by their types
* ``export_rules``    how such a file is written
* ``recognition``     which kind a file is, by its columns
* ``binding``         the columns of one file, and what each of them becomes
* ``records``         nested JSON as rows with plain columns
* ``named_values``    cells with several values: names with values, lists, URLs of photos
* ``folding``         from rows to what is sold: variants with the cells of their product
* ``translation``     from what is sold to the row of a plain table, which a mapping reads
* ``sale_dates``      whether the price of a sale is within its dates
* ``variant_keys``    references, SKUs, groups and options, each of which occurs once
* ``shop_rows``       a file as rows of a plain table, with photos and notes
* ``shop_mapping``    the mapping of these rows to products
* ``preparation``     a file recognised, read once and mapped to products
* ``product_import``  an importer of products for each file, with one identity
* ``plan_text``       the plan and the first products in words
* ``commands``        the command

The kinds of files are data: one file for each in ``vitrine/transfer/formats``.  A kind turns the
rows of a shop into rows with the names of Vitrine's own fields.  Amounts, units, types and
categories are then read as in any other table.
"""
