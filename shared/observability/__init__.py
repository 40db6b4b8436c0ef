"""Logs, metrics and error reports of all processes.

* ``log_format``: log lines, as JSON for programs and as words for a terminal
* ``metrics``: counters and histograms for Prometheus, and decorators for service authors
* ``multiprocess``: metrics of all processes of a service in shared files
* ``process_metrics``: CPU and memory of the worker processes, and the build
* ``mongo_pool``: metrics of the connections to MongoDB
* ``job_metrics``: metrics of jobs, counted in the Redis of the queue
* ``tap``: notes on requests and writes, published while a client watches
* ``verdicts``: sentences for the details of a ``Cache-Status``
* ``sentry``: reports unexpected errors to Sentry

It may import ``config``.
"""
