"""Processes of a stack on this machine.

* ``supervisor``  starts the processes of a stack, restarts them, and ends them in order
* ``embedded``    MongoDB and Redis from Python wheels
* ``passwords``   the passwords of MongoDB and Redis
* ``processes``   child processes, their logs and their ports
* ``signals``     the exception of Ctrl-C and of the signals to end

It imports ``shared.config``, ``shared.http``, ``vitrine.stack`` and ``vitrine.errors``.
"""
