"""Start and stop the stack on this machine."""
