"""Categories of products: the moves they follow, and the attribute schemas they fit.

* ``moves``: keeps the category paths of products in line with the categories service
* ``attribute_fit``: counts the products that would not fit changed attribute schemas
* ``schemas``, ``views``: the routes that the categories service calls
"""
