"""Products service: products with their images, stocks and categories.

* ``resource``: the declaration of products; ``product_fields``: the types of some fields
* ``views``, ``schemas``: the standard methods, notifications and checks
* ``images``, ``stock``, ``categories``: one subject each, with routes of its own
* ``jobs``: work for the worker; ``notifications``: the messages about products
* ``checks``: finds and repairs faults of files, images and categories
* ``app``: the application factory
* ``gallery``, ``audit``: former paths of jobs, for jobs that are still queued
"""
