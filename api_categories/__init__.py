"""Categories service: the category tree of the catalog, and the attributes of its products.

* ``resource``: the declaration of categories, with their attribute schemas
* ``tree``: rules of the tree; ``stored_tree``: reads the tree and locks it for writes
* ``moves``: tells the products service which categories moved
* ``dry_run``: tries a change out on the products
* ``checks``: finds faults of the tree
* ``views``, ``schemas``: the routes; ``app``: the application factory
"""
