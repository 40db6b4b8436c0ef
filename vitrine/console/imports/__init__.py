"""Imports from a page: the files of a shop, what becomes of them, a dry run, the import, its undo.

It is the code of ``vitrine import shop`` and ``vitrine import --undo``, with the token of the
caller.

* ``uploads``   the files that pages have sent, in a temporary folder, within limits
* ``parts``     the files of one resource, read and mapped, ready to be imported
* ``shown``     plans and reports as JSON
* ``tasks``     imports by id, and the threads that read, import and undo
* ``views``     the routes
"""
