"""Head timeout of gunicorn's event loop, which waits for the first request of a connection for ever.

gunicorn serves each connection in a task.  The task is cancelled, and gunicorn closes the
connection, unless the first request has reached the application in time.  Further requests need no
such limit: an idle connection is closed after ``keepalive`` seconds, even in the middle of a head.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

HEAD_SECONDS = 10  # seconds for the first head of a connection, on both servers

# The coroutine by which gunicorn serves a connection; a test notices when its name changes.
_CONNECTION = "_handle_connection"
_waiting: ContextVar[asyncio.TimerHandle | None] = ContextVar("waiting", default=None)


def limit_heads(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks of connections whose first request does not arrive in ``HEAD_SECONDS``."""

    def create(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        if work.__name__ != _CONNECTION:
            return asyncio.Task(work, loop=loop, **options)
        context = copy_context()
        task = asyncio.Task(work, loop=loop, **options | {"context": context})
        context.run(_waiting.set, loop.call_later(HEAD_SECONDS, task.cancel))
        return task

    loop.set_task_factory(create)


def arrived() -> None:
    """Note that a request of this connection has reached the application."""
    if timer := _waiting.get():
        timer.cancel()
