"""The cache, its keys, and the Redis client under it."""
