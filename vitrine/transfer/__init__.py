"""Import and export: ``vitrine import`` and ``vitrine export``.

* ``commands``             the commands and their options
* ``misplaced_options``    options before the resource, or of another resource
* ``sources``              rows of CSV, JSON and JSON lines
* ``mapping``              from rows to items, by column names, ``--map`` and ``--set``
* ``importer``             items in batches to a service, and the report of an import
* ``categories``           categories of products, and files of categories
* ``attribute_inference``  rules that all values in a file fit
* ``attribute_proposals``  proposing and applying such rules
* ``past_orders``          order lines of another shop
* ``images``               photos of a folder
* ``exporter``             items to a file
* ``progress``             progress bar and printed report

It imports ``vitrine.client``, ``vitrine.errors`` and ``shared.config``.
"""
