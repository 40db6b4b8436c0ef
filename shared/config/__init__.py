"""Settings of a process, and how it starts with them.

* ``settings``: all settings, from the environment, ``.env`` and files of secrets
* ``parsers``: the values that a setting accepts, and the message for all others
* ``currencies``: the codes of currencies that are accepted
* ``addresses``: an address without the password in it
* ``startup``: start and end of a process: exposure, code digest, death with its parent

It imports no other package of ``shared``.
"""
