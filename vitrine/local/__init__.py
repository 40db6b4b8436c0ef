"""Processes of a stack on this machine.

* ``supervisor``  starts the processes of a stack, restarts them, and ends them in order
* ``embedded``    MongoDB and Redis from Python wheels
* ``processes``   child processes, their logs and their ports
* ``signals``     the exception of Ctrl-C and of the signals to end
* ``dashboard``   the job queue in a browser

It imports ``shared.config``, ``shared.http``, ``vitrine.stack`` and ``vitrine.errors``.
"""
