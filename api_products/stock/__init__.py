"""Stock: how many of each product are left, and why.

* ``rules``: if a product can be ordered
* ``changes``: changes stocks, each with an entry in the ledger
* ``reservations``: the stock that orders hold
* ``reconciliation``: compares stocks with the ledger and corrects them
* ``schemas``, ``views``: the routes
"""
