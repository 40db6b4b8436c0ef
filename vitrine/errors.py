"""Errors that the ``vitrine`` command shows as one sentence, without a stack trace.

StackError                 the command cannot do its work
├── EmbeddedError          MongoDB or Redis cannot be started on this machine
├── NotAllowed             a service does not accept the token, or it lacks a scope
├── RequestRefused         a service answered a request with another status from 400 to 499
└── UnknownImport          no service knows an import
"""


class StackError(Exception):
    """The command cannot do its work; the text says why and what to do about it."""


class EmbeddedError(StackError):
    """MongoDB or Redis cannot be started on this machine."""


class NotAllowed(StackError):
    """The service does not accept the token, or the token lacks a scope: no request would do."""


class RequestRefused(StackError):
    """The service answered with a ``status`` from 400 to 499: the request itself is at fault."""

    def __init__(self, text: str, status: int = 0):
        super().__init__(text)
        self.status = status


class UnknownImport(StackError):
    """No service that was asked knows the import: it has written nothing there."""
