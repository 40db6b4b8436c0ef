"""Service with jobs that crash, grow and fail, for tests of the workers."""
