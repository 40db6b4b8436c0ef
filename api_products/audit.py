"""Old path of a job, for jobs that the version before has queued."""

from api_products.checks import remove_orphans

__all__ = ["remove_orphans"]
