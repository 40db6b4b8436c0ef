"""Products on uvicorn, for comparison; Vitrine does not install it, so the peers' copy is used.

Call it as ``python -m bench.on_uvicorn PORT WORKERS``.
"""

import site
import sys
from pathlib import Path

from shared.server.asgi import AsgiService, service

PEERS = Path(__file__).parents[1] / ".venv-bench"


def create() -> AsgiService:
    """Return the application, in each worker."""
    return service("api_products")


def main(port: int, workers: int) -> None:
    """Serve until the process is to stop."""
    for folder in PEERS.glob("lib/python*/site-packages"):
        site.addsitedir(str(folder))  # After Vitrine's own packages.
    import uvicorn

    uvicorn.run(
        "bench.on_uvicorn:create",
        factory=True,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
