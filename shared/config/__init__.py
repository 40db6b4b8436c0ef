"""Settings, and how a process starts with them."""
