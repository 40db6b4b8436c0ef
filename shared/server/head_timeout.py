"""Head timeout of gunicorn, which waits for the first request of a connection for ever.

gunicorn serves each connection in a task.  The task is cancelled, and gunicorn closes the
connection, unless the first request has reached the application in time.  Further requests need no
such limit: an idle connection is closed after ``keepalive`` seconds, even in the middle of a head.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any

Work = Coroutine[Any, Any, Any] | Generator[Any, None, Any]

HEAD_SECONDS = 10  # seconds for the first head of a connection, on both servers

# The coroutine by which gunicorn serves a connection; a test notices when its name changes.
_CONNECTION = "_handle_connection"
_waiting: ContextVar[asyncio.TimerHandle | None] = ContextVar("waiting", default=None)


def limit_heads(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks of connections whose first request does not arrive in ``HEAD_SECONDS``."""

    def create(loop: asyncio.AbstractEventLoop, work: Work, /, **options: Any) -> asyncio.Task[Any]:
        if getattr(work, "__name__", "") != _CONNECTION:
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
