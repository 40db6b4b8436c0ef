"""Processes beside the web server: the follower of changes, and workers that run queued jobs.

* ``queue``: the job queue of a service; requests put jobs into it, by RQ.
* ``job_list``: the jobs that wait, run or have failed, and the workers, for people.
* ``declared_jobs``: jobs that call declared functions with plain values, and no others.
* ``worker``: the process that runs the jobs: ``python -m shared work api_products``.
* ``follower``: the process that tails a change stream and invalidates the cache:
  ``python -m shared follow api_products``.
* ``derived_fields``: fills in the derived fields of documents of an earlier version.
* ``follower_status``: the state of the follower, as a service sees it.

The package imports ``config``, ``observability``, ``http``, ``schema``, ``cache``, ``storage`` and
``resource``.
"""
