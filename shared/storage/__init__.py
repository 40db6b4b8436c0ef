"""MongoDB: reading and writing documents, and the files of pictures.

* ``connections``: the clients of a process for MongoDB, Redis and the other services.
* ``transactions``: all writes of a function are committed together, or none.
* ``repository``: the documents of a collection; every write of them ends here.
* ``documents``: the fields that the server adds to a document, and the changes of a document.
* ``bulk``, ``trash``: many documents in one command; deleted documents.
* ``outages``: the errors that mean that a server is down.
* ``retries``: repeats a write that another write came before.
* ``ids``, ``indexes``: ids and free slugs; the indexes of a collection.
* ``pages``, ``search``, ``facets``: a page of a list, matches of words, numbers of items by value.
* ``ledger``, ``audit_log``: each change of a counter; who changed which fields of a document.
* ``change_stream``: MongoDB's events of a collection.
* ``file_store``: files in a folder or in S3.

The package imports ``config``, ``observability``, ``http``, ``schema`` and ``cache``.
"""
