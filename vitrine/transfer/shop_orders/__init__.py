"""Orders and clients of other shops: the exports of Shopify and WooCommerce.

* ``exports``      the kinds of files that are known, and a file read as one of them
* ``shopify``      rows of Shopify as orders and clients
* ``woocommerce``  rows of WooCommerce and its export plugins as orders and clients
* ``documents``    orders and customers of their APIs, in JSON, as such rows
* ``cells``        the cells of a row, found by the names of their columns
* ``sales``        an order of another shop, turned into a past order and its returns
* ``totals``       the discount and the tax with which the lines of an order make its total
* ``addresses``    the addresses of a client

A file is read as rows of whole past orders, or of clients, with the names of Vitrine's own fields.
So ``vitrine import orders`` and ``vitrine import clients`` treat them as they treat an export of
their own.
"""
