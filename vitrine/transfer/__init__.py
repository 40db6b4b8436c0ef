"""Import and export: ``vitrine import`` and ``vitrine export``.

* ``commands``             the commands of ``vitrine import``
* ``options``              their options, also those in the wrong place
* ``sources``              a file: its encoding, its separator and its rows
* ``files/``               reading, step one: encodings, dialects, rows of CSV and JSON
* ``columns/``             meaning, step two: names of columns, types, amounts, the plan
* ``shops/``               exports of shops: ``vitrine import shop``
* ``formats/``             the knowledge of each kind of export, a TOML file for each
* ``texts``                trimming of cells and keys
* ``mapping``              from rows to items, by the plan, ``--map`` and ``--set``
* ``identity``             the key by which the item of a row is found again
* ``importer``             items in batches to a service, and the report of an import
* ``categories``           categories of products, and files of categories
* ``attribute_inference``  rules that all values in a file fit
* ``attribute_proposals``  proposing and applying such rules
* ``past_orders``          order lines of another shop
* ``shop_orders/``         the exports of orders and clients of Shopify and WooCommerce
* ``images``               photos of a folder
* ``exporter``             items to a file
* ``exports/``             products to a spreadsheet, or to the file of a shop
* ``spreadsheet``          files for spreadsheets
* ``missing``              items that a file no longer has
* ``progress``             progress bar and printed report

It imports ``vitrine.client``, ``vitrine.errors``, ``vitrine.commands``, ``shared.config`` and the
rule of texts, ``shared.schema.text``.
"""
