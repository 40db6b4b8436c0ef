"""Old path of a job, for jobs that the version before has queued."""

from api_products.jobs import remove_files as remove_unnamed

__all__ = ["remove_unnamed"]
